//! `/v1/worlds`: the worlds beside the main one, as an operator creates, wakes, puts to sleep and
//! drops them. Every command is logged; it answers when it is done, and takes no thread of the admin
//! port while it waits.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::{Desk, players};
use crate::worlds::{NewWorld, Worlds, WorldsError};

/// `GET /v1/worlds`
pub async fn list(State(desk): State<Desk>) -> Response {
    Json(json!({ "worlds": desk.worlds.list() })).into_response()
}

/// `GET /v1/worlds/NAME`
pub async fn row(State(desk): State<Desk>, Path(name): Path<String>) -> Response {
    answer(desk.worlds.row(&name).map(Json), StatusCode::OK)
}

/// `POST /v1/worlds`
pub async fn create(
    State(desk): State<Desk>,
    body: Result<Json<NewWorld>, JsonRejection>,
) -> Response {
    let new = match body {
        Ok(Json(new)) => new,
        Err(rejection) => return unreadable(&rejection, NEW_WORLD),
    };
    let created = carry_out(desk.worlds, move |worlds| worlds.create(&new).map(Json));
    answer(created.await, StatusCode::CREATED)
}

/// `DELETE /v1/worlds/NAME`
pub async fn drop_world(State(desk): State<Desk>, Path(name): Path<String>) -> Response {
    let dropped = carry_out(desk.worlds, move |worlds| worlds.drop_world(&name));
    answer(dropped.await, StatusCode::NO_CONTENT)
}

/// `POST /v1/worlds/NAME/wake`
pub async fn wake(State(desk): State<Desk>, Path(name): Path<String>) -> Response {
    let woken = carry_out(desk.worlds, move |worlds| worlds.wake(&name).map(Json));
    answer(woken.await, StatusCode::OK)
}

/// `POST /v1/worlds/NAME/sleep`
pub async fn put_to_sleep(State(desk): State<Desk>, Path(name): Path<String>) -> Response {
    let asleep = carry_out(desk.worlds, move |worlds| {
        worlds.put_to_sleep(&name).map(Json)
    });
    answer(asleep.await, StatusCode::OK)
}

/// The body of `POST /v1/worlds/NAME/travel`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passenger {
    /// The character's name.
    character: String,
}

/// `POST /v1/worlds/NAME/travel`: a character goes from wherever it is to this world.
pub async fn travel(
    State(desk): State<Desk>,
    Path(name): Path<String>,
    body: Result<Json<Passenger>, JsonRejection>,
) -> Response {
    let character = match body {
        Ok(Json(passenger)) => passenger.character,
        Err(rejection) => return unreadable(&rejection, "{\"character\": \"Ada\"}"),
    };
    let avatar = match players::named(&desk, &character).await {
        Ok(avatar) => avatar,
        Err(error) => return refused(&error),
    };
    let travelled = carry_out(desk.worlds, move |worlds| {
        worlds.travel((&character, avatar), &name)?;
        tracing::warn!(character, to = name, "travelled by command");
        Ok(())
    });
    answer(travelled.await, StatusCode::NO_CONTENT)
}

/// `POST /v1/worlds/NAME/turn-back`: whoever is on the way to this world, which has failed, goes back
/// to where they came from.
pub async fn turn_back(State(desk): State<Desk>, Path(name): Path<String>) -> Response {
    let turned = carry_out(desk.worlds, move |worlds| worlds.turn_back(&name).map(Json));
    answer(turned.await, StatusCode::OK)
}

async fn carry_out<T: Send + 'static>(
    worlds: Worlds,
    work: impl FnOnce(&Worlds) -> Result<T, WorldsError> + Send + 'static,
) -> Result<T, WorldsError> {
    tokio::task::spawn_blocking(move || work(&worlds))
        .await
        .unwrap_or_else(|error| Err(WorldsError::Disk(format!("the command failed: {error}"))))
}

pub(super) fn answer<T: IntoResponse>(
    outcome: Result<T, WorldsError>,
    good: StatusCode,
) -> Response {
    match outcome {
        Ok(body) => (good, body).into_response(),
        Err(error) => refused(&error),
    }
}

/// Why not, and what to do.
pub(super) fn refused(error: &WorldsError) -> Response {
    let (status, hint) = explained(error);
    let body = json!({ "error": error.to_string(), "hint": hint });
    (status, Json(body)).into_response()
}

/// What a body looks like.
const NEW_WORLD: &str = "{\"name\": \"pit\", \"scenario\": \"first-contact\"}, and if you like seed, tick_hz, \
                         zones, hibernate_s";

pub(super) fn unreadable(rejection: &JsonRejection, example: &str) -> Response {
    let body = json!({
        "error": rejection.body_text(),
        "hint": format!("send JSON with Content-Type: application/json: {example}"),
    });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

fn explained(error: &WorldsError) -> (StatusCode, &'static str) {
    match error {
        WorldsError::NoSuchWorld(_) => (StatusCode::NOT_FOUND, "GET /v1/worlds lists them"),
        WorldsError::Exists(_) => (
            StatusCode::CONFLICT,
            "choose another name, or DELETE that world first",
        ),
        WorldsError::IsMain(_) => (
            StatusCode::CONFLICT,
            "it is chosen when the server is started",
        ),
        WorldsError::Bad(_) => (StatusCode::BAD_REQUEST, "correct the request"),
        WorldsError::TooMany => (StatusCode::CONFLICT, "DELETE one first"),
        WorldsError::NotAwake(..) => (
            StatusCode::CONFLICT,
            "its zones are there while it is awake: POST /v1/worlds/NAME/wake",
        ),
        WorldsError::TooManyAwake => (
            StatusCode::SERVICE_UNAVAILABLE,
            "wait until one hibernates, or POST /v1/worlds/NAME/sleep",
        ),
        WorldsError::NotDeserted(_) => (
            StatusCode::CONFLICT,
            "wait until they have gone; DELETE does not wait",
        ),
        WorldsError::NotHere(_) => (
            StatusCode::NOT_FOUND,
            "only characters that are in a world can travel",
        ),
        WorldsError::OnTheWay(_) => (StatusCode::CONFLICT, "wait until it has arrived"),
        WorldsError::StillBusy(..) => (
            StatusCode::GATEWAY_TIMEOUT,
            "it goes on; look again with GET /v1/worlds",
        ),
        WorldsError::Failed(..) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "mend what it names, then POST /v1/worlds/NAME/wake, or DELETE it",
        ),
        WorldsError::Disk(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "check the data directory and the database",
        ),
        WorldsError::Starting => (
            StatusCode::SERVICE_UNAVAILABLE,
            "ask again once /health is well",
        ),
        WorldsError::Stopping => (
            StatusCode::SERVICE_UNAVAILABLE,
            "ask again after its next start",
        ),
    }
}
