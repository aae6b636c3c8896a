//! `/v1/players/kick`, `/v1/bans`, `/v1/reload`: what an operator does about players and keys. Every
//! command is logged (target `audit`); what it changes in the world is a leave of the next tick, sealed
//! and journaled like any other.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bluemarble_net::tickets::CharacterName;
use bluemarble_shared_protocol::limits::CLOSE_REASON_BYTES_MAX;
use bluemarble_shared_protocol::{CloseCode, EntityId, clip_reason};
use serde::Deserialize;
use serde_json::json;

use super::Desk;
use super::worlds::{answer, unreadable};
use crate::bans::{BanError, BanRecord};
use crate::characters::NotFound;
use crate::clock::unix_seconds;
use crate::worlds::WorldsError;

/// The body of `POST /v1/players/kick`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kick {
    /// Whom.
    character: String,
    /// What they are told.
    reason: Option<String>,
}

/// `POST /v1/players/kick`: the session ends and the avatar leaves; it may come back.
pub async fn kick(State(desk): State<Desk>, body: Result<Json<Kick>, JsonRejection>) -> Response {
    let kick = match body {
        Ok(Json(kick)) => kick,
        Err(rejection) => {
            return unreadable(
                &rejection,
                "{\"character\": \"Ada\"}, and if you like reason",
            );
        }
    };
    let code = CloseCode::Kicked;
    let reason = kick.reason.unwrap_or_else(|| code.reason().to_owned());
    let reason = clip_reason(&reason);
    let kicked = match named(&desk, &kick.character).await {
        Ok(avatar) => (desk.worlds).turn_out((&kick.character, avatar), code, reason),
        Err(error) => Err(error),
    };
    if kicked.is_ok() {
        let character = kick.character;
        tracing::warn!(target: "audit", character, reason, "kicked by command");
    }
    answer(
        kicked.map(|()| StatusCode::NO_CONTENT),
        StatusCode::NO_CONTENT,
    )
}

/// The body of `POST /v1/bans`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewBan {
    /// Whom.
    character: String,
    /// What they are told.
    reason: Option<String>,
    /// For how long, seconds; absent = until it is lifted.
    seconds: Option<u64>,
}

/// `POST /v1/bans`: no ticket of this character is good from now on; if it is here, it leaves.
pub async fn ban(State(desk): State<Desk>, body: Result<Json<NewBan>, JsonRejection>) -> Response {
    let new = match body {
        Ok(Json(new)) => new,
        Err(rejection) => {
            let example = "{\"character\": \"Ada\"}, and if you like reason, seconds";
            return unreadable(&rejection, example);
        }
    };
    let code = CloseCode::Banned;
    let reason = new.reason.unwrap_or_else(|| code.reason().to_owned());
    let bad = match CharacterName::parse(&new.character) {
        Err(error) => Some(format!("character: {error}")),
        Ok(_) if reason.len() > CLOSE_REASON_BYTES_MAX => {
            Some(format!("reason: at most {CLOSE_REASON_BYTES_MAX} bytes"))
        }
        Ok(_) => None,
    };
    if let Some(text) = bad {
        let refusal: Result<StatusCode, _> = Err(WorldsError::Bad(text));
        return answer(refusal, StatusCode::BAD_REQUEST);
    }
    let since_s = unix_seconds();
    let record = BanRecord {
        character: new.character,
        reason,
        since_s,
        until_s: new.seconds.map(|seconds| since_s.saturating_add(seconds)),
    };
    if let Err(error) = desk.worlds.bans().ban(record.clone()) {
        return refused(&error);
    }
    let (character, reason) = (&record.character, &record.reason);
    let until_s = record.until_s;
    tracing::warn!(target: "audit", character, reason, until_s, "banned by command");
    let turned_out = match named(&desk, character).await {
        Ok(avatar) => desk.worlds.turn_out((character, avatar), code, reason),
        Err(error) => Err(error),
    };
    match turned_out {
        // Whoever is not here is banned all the same.
        Ok(()) | Err(WorldsError::NotHere(_)) => {
            (StatusCode::CREATED, Json(record)).into_response()
        }
        Err(error) => answer(Err::<StatusCode, _>(error), StatusCode::CREATED),
    }
}

/// The id of a character that an operator names.
pub(super) async fn named(desk: &Desk, name: &str) -> Result<EntityId, WorldsError> {
    CharacterName::parse(name).map_err(|error| WorldsError::Bad(format!("character: {error}")))?;
    let found = desk.worlds.characters().avatar_named(name).await;
    found.map_err(|error| match error {
        NotFound::Nobody(name) => WorldsError::NotHere(name),
        NotFound::Starting => WorldsError::Starting,
        NotFound::Away(_) => WorldsError::Disk(error.to_string()),
    })
}

/// `GET /v1/bans`
pub async fn bans(State(desk): State<Desk>) -> Response {
    Json(json!({ "bans": desk.worlds.bans().records() })).into_response()
}

/// `DELETE /v1/bans/NAME`
pub async fn lift(State(desk): State<Desk>, Path(name): Path<String>) -> Response {
    match desk.worlds.bans().lift(&name) {
        Ok(true) => {
            tracing::warn!(target: "audit", character = name, "ban lifted by command");
            StatusCode::NO_CONTENT.into_response()
        }
        Ok(false) => {
            let body =
                json!({ "error": "there is no such ban", "hint": "GET /v1/bans lists them" });
            (StatusCode::NOT_FOUND, Json(body)).into_response()
        }
        Err(error) => refused(&error),
    }
}

/// `POST /v1/reload`: certificate and ticket keys are read again, as at SIGHUP.
pub async fn reload(State(desk): State<Desk>) -> Response {
    match desk.worlds.reload_keys() {
        Ok(()) => Json(json!({ "certificate_sha256": desk.live.certificate() })).into_response(),
        Err(failure) => {
            let hint = "nothing has changed; mend the file and ask again";
            let body = json!({ "error": failure.to_string(), "hint": hint });
            (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
        }
    }
}

fn refused(error: &BanError) -> Response {
    let status = match error {
        BanError::Full => StatusCode::CONFLICT,
        BanError::Disk { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let body = json!({ "error": error.to_string(), "hint": "nothing has changed" });
    (status, Json(body)).into_response()
}
