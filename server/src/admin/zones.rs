//! `/v1/zones` (the main world's) and `/v1/worlds/NAME/zones` (any world's): what the zones are, and
//! orders to change them. Orders go through a short queue to that world's loop, which answers between
//! two ticks.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bluemarble_spatial::{CellId, LatLng, ZoneId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{Desk, worlds};
use crate::balance::{OrderDesk, Place, Wish};
use crate::limits::ADMIN_ORDER_WAIT;

/// How the zones are to be told.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telling {
    #[serde(default)]
    format: Format,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    GeoJson,
}

type Asked = Result<Query<Telling>, QueryRejection>;

/// `GET /v1/zones`
pub async fn list(State(desk): State<Desk>, telling: Asked) -> Response {
    table(&desk.live.zones, telling).await
}

/// `GET /v1/worlds/NAME/zones`
pub async fn list_of(
    State(desk): State<Desk>,
    Path(name): Path<String>,
    telling: Asked,
) -> Response {
    match desk.worlds.zones(&name) {
        Ok(zones) => table(&zones, telling).await,
        Err(error) => worlds::refused(&error),
    }
}

async fn table(zones: &OrderDesk, telling: Asked) -> Response {
    let format = match telling {
        Ok(Query(telling)) => telling.format,
        Err(rejection) => {
            let hint = "?format=json (as without it) or ?format=geojson";
            return told(StatusCode::BAD_REQUEST, &rejection.body_text(), hint);
        }
    };
    let Some(table) = zones.table() else {
        return not_running();
    };
    // Outlines of many zones take a while: not on the thread that answers everybody.
    let page = tokio::task::spawn_blocking(move || match format {
        Format::Json => Json(table.page()).into_response(),
        Format::GeoJson => match table.geo_json() {
            Ok(text) => ([(header::CONTENT_TYPE, "application/geo+json")], text).into_response(),
            Err(error) => {
                let hint = "GET it without ?format=geojson";
                told(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string(), hint)
            }
        },
    });
    page.await.unwrap_or_else(|_| not_running())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Split {
    zone: ZoneId,
    #[serde(default)]
    at: Option<Spot>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Merge {
    zone: ZoneId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    zone: ZoneId,
    to: Spot,
}

/// A place in an order.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Spot {
    LatLng { lat: f64, lng: f64 },
    Cell { cell: String },
}

impl Spot {
    fn place(&self) -> Result<Place, String> {
        match self {
            Self::LatLng { lat, lng } => LatLng::new(*lat, *lng)
                .map(Place::At)
                .map_err(|error| error.to_string()),
            Self::Cell { cell } => CellId::from_token(cell)
                .map(Place::Cell)
                .map_err(|error| error.to_string()),
        }
    }
}

/// `POST /v1/zones/split`
pub async fn split(State(desk): State<Desk>, body: Bytes) -> Response {
    do_split(Arc::clone(&desk.live.zones), &body).await
}

/// `POST /v1/worlds/NAME/zones/split`
pub async fn split_of(State(desk): State<Desk>, Path(name): Path<String>, body: Bytes) -> Response {
    match desk.worlds.zones(&name) {
        Ok(zones) => do_split(zones, &body).await,
        Err(error) => worlds::refused(&error),
    }
}

async fn do_split(zones: Arc<OrderDesk>, body: &[u8]) -> Response {
    let example = r#"{"zone": 3} halves its load; {"zone": 3, "at": {"lat": 48.2, "lng": 16.4}}"#;
    order(&zones, body, example, |split: Split| {
        let at = split.at.as_ref().map(Spot::place).transpose()?;
        Ok(Wish::Split {
            zone: split.zone,
            at,
        })
    })
    .await
}

/// `POST /v1/zones/merge`
pub async fn merge(State(desk): State<Desk>, body: Bytes) -> Response {
    do_merge(Arc::clone(&desk.live.zones), &body).await
}

/// `POST /v1/worlds/NAME/zones/merge`
pub async fn merge_of(State(desk): State<Desk>, Path(name): Path<String>, body: Bytes) -> Response {
    match desk.worlds.zones(&name) {
        Ok(zones) => do_merge(zones, &body).await,
        Err(error) => worlds::refused(&error),
    }
}

async fn do_merge(zones: Arc<OrderDesk>, body: &[u8]) -> Response {
    let example = r#"{"zone": 3} joins zones 3 and 4"#;
    order(&zones, body, example, |merge: Merge| {
        Ok(Wish::Merge { zone: merge.zone })
    })
    .await
}

/// `POST /v1/zones/move`
pub async fn shift(State(desk): State<Desk>, body: Bytes) -> Response {
    do_shift(Arc::clone(&desk.live.zones), &body).await
}

/// `POST /v1/worlds/NAME/zones/move`
pub async fn shift_of(State(desk): State<Desk>, Path(name): Path<String>, body: Bytes) -> Response {
    match desk.worlds.zones(&name) {
        Ok(zones) => do_shift(zones, &body).await,
        Err(error) => worlds::refused(&error),
    }
}

async fn do_shift(zones: Arc<OrderDesk>, body: &[u8]) -> Response {
    let example =
        r#"{"zone": 3, "to": {"lat": 48.2, "lng": 16.4}} or {"zone": 3, "to": {"cell": "89c25"}}"#;
    order(&zones, body, example, |shift: Move| {
        Ok(Wish::Move {
            zone: shift.zone,
            to: shift.to.place()?,
        })
    })
    .await
}

async fn order<T: DeserializeOwned>(
    zones: &OrderDesk,
    body: &[u8],
    example: &str,
    wish: impl FnOnce(T) -> Result<Wish, String>,
) -> Response {
    let wish = serde_json::from_slice(body)
        .map_err(|error| error.to_string())
        .and_then(wish);
    let wish = match wish {
        Ok(wish) => wish,
        Err(error) => {
            let hint = format!("the body is JSON: {example}");
            return told(StatusCode::BAD_REQUEST, &error, &hint);
        }
    };
    let Some(answer) = zones.order(wish) else {
        let hint = "other orders wait for the next tick; try again";
        return told(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many orders wait",
            hint,
        );
    };
    match tokio::time::timeout(ADMIN_ORDER_WAIT, answer).await {
        Ok(Ok(Ok(accepted))) => Json(accepted).into_response(),
        Ok(Ok(Err(refused))) => {
            let hint = "GET the same path without the last part to see the zones as they are";
            told(StatusCode::CONFLICT, &refused.to_string(), hint)
        }
        Ok(Err(_)) | Err(_) => not_running(),
    }
}

fn not_running() -> Response {
    let hint = "see /health; an order that was not answered may still be carried out";
    told(
        StatusCode::SERVICE_UNAVAILABLE,
        "the world does not tick",
        hint,
    )
}

fn told(status: StatusCode, error: &str, hint: &str) -> Response {
    (status, Json(json!({ "error": error, "hint": hint }))).into_response()
}
