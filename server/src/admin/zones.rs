//! `/v1/zones`: what the zones are, and orders to change them. Orders go through a short queue to the
//! loop, which answers between two ticks.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bluemarble_spatial::{CellId, LatLng, ZoneId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::Desk;
use crate::balance::{Place, Wish};
use crate::limits::ADMIN_ORDER_WAIT;

/// `GET /v1/zones`
pub async fn list(State(desk): State<Desk>) -> Response {
    match desk.live.zones.table() {
        Some(table) => Json(table.page()).into_response(),
        None => not_running(),
    }
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
    let example = r#"{"zone": 3} halves its load; {"zone": 3, "at": {"lat": 48.2, "lng": 16.4}}"#;
    order(&desk, &body, example, |split: Split| {
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
    let example = r#"{"zone": 3} joins zones 3 and 4"#;
    order(&desk, &body, example, |merge: Merge| {
        Ok(Wish::Merge { zone: merge.zone })
    })
    .await
}

/// `POST /v1/zones/move`
pub async fn shift(State(desk): State<Desk>, body: Bytes) -> Response {
    let example =
        r#"{"zone": 3, "to": {"lat": 48.2, "lng": 16.4}} or {"zone": 3, "to": {"cell": "89c25"}}"#;
    order(&desk, &body, example, |shift: Move| {
        Ok(Wish::Move {
            zone: shift.zone,
            to: shift.to.place()?,
        })
    })
    .await
}

async fn order<T: DeserializeOwned>(
    desk: &Desk,
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
    let Some(answer) = desk.live.zones.order(wish) else {
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
            let hint = "GET /v1/zones shows the zones as they are";
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
