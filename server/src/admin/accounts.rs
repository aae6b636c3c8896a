//! `POST /v1/accounts/delete`: erases a player while the server runs. The door is barred first, then the
//! avatar leaves, then the keys go: nobody comes back in between as who they were.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bluemarble_persistence::{CharacterRow, Erased, Whom};
use bluemarble_shared_protocol::{CloseCode, EntityId};
use serde::Deserialize;
use serde_json::json;

use super::Desk;
use super::worlds::{answer, unreadable};
use crate::accounts::search;
use crate::clock::unix_ms;
use crate::worlds::WorldsError;

const FORM: &str = "{\"character\": \"Ada\"}, or account, or id, and if you like by: who does it";
const AGAIN: &str = "nothing was erased; ask again";

/// The body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    account: Option<String>,
    character: Option<String>,
    id: Option<String>,
    by: Option<String>,
}

impl Asked {
    fn whom(&self) -> Option<Whom> {
        match (&self.account, &self.character, &self.id) {
            (Some(account), None, None) => Some(Whom::Account(account.clone())),
            (None, Some(character), None) => Some(Whom::Character(character.clone())),
            (None, None, Some(id)) => {
                let id = u64::from_str_radix(id, 16).ok()?;
                Some(Whom::Id(EntityId(id)))
            }
            _ => None,
        }
    }
}

/// `POST /v1/accounts/delete`
pub async fn delete(
    State(desk): State<Desk>,
    body: Result<Json<Asked>, JsonRejection>,
) -> Response {
    let asked = match body {
        Ok(Json(asked)) => asked,
        Err(rejection) => return unreadable(&rejection, FORM),
    };
    let Some(whom) = asked.whom() else {
        let error = "name one: an account, a character or an id";
        return refused(StatusCode::BAD_REQUEST, error, FORM);
    };
    let registry = desk.worlds.characters();
    let characters = match registry.characters() {
        Ok(characters) => characters.clone(),
        Err(error) => return away(&error),
    };
    let rows = match characters.find(&whom).await {
        Ok((None, rows)) if rows.is_empty() => {
            let error = "nobody of that name has ever been here, or they are erased";
            return refused(
                StatusCode::NOT_FOUND,
                error,
                "names are as tickets spell them",
            );
        }
        Ok((_, rows)) => rows,
        Err(error) => return away(&error),
    };
    let names: Vec<String> = rows.iter().filter_map(|row| row.name.clone()).collect();
    names.iter().for_each(|name| registry.bar(name));
    let erased = match turn_out(&desk, &rows) {
        Err(error) => Err(answer(Err::<StatusCode, _>(error), StatusCode::OK)),
        Ok(()) => {
            let by = asked.by.as_deref().filter(|by| !by.is_empty());
            let erasing = characters.erase(&whom, by.unwrap_or("the admin HTTP"), unix_ms());
            erasing.await.map_err(|error| away(&error))
        }
    };
    names.iter().for_each(|name| registry.forget(name));
    match erased {
        Ok(Some(erased)) => done(&desk, &erased).await,
        Ok(None) => refused(
            StatusCode::CONFLICT,
            "somebody else has erased them just now",
            "",
        ),
        Err(response) => response,
    }
}

/// Whoever is in a world leaves it with its next tick. One who is between two worlds is waited for by
/// whoever asks; one in a world that does not run is nameless when it does.
fn turn_out(desk: &Desk, rows: &[CharacterRow]) -> Result<(), WorldsError> {
    const REASON: &str = "this character has been erased";
    for row in rows {
        let called = row.id.to_string();
        let out = desk
            .worlds
            .turn_out((&called, row.id), CloseCode::Kicked, REASON);
        match out {
            Ok(()) | Err(WorldsError::NotHere(_) | WorldsError::Starting) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn done(desk: &Desk, erased: &Erased) -> Response {
    let (mut ids, mut trouble) = (Vec::new(), Vec::from_iter(erased.remnants.clone()));
    for (id, name) in &erased.characters {
        ids.push(id.to_string());
        tracing::warn!(target: "audit", %id, "erased by command");
        let Some(name) = name else { continue };
        if let Err(error) = desk.worlds.bans().lift(name) {
            trouble.push(format!("the ban still names it: {error}"));
        }
        match desk.worlds.characters().store() {
            Ok(store) => match search(desk.worlds.data(), &store, *id, Some(name)).await {
                Ok(found) => trouble.extend(found.iter().map(|place| {
                    format!("{place} holds the name in clear: an older build wrote it")
                })),
                Err(error) => trouble.push(error.to_string()),
            },
            Err(error) => trouble.push(error.to_string()),
        }
    }
    let body = json!({ "erased": ids, "account": erased.account, "not_yet_gone": trouble });
    Json(body).into_response()
}

fn away(error: &impl std::fmt::Display) -> Response {
    refused(StatusCode::SERVICE_UNAVAILABLE, &error.to_string(), AGAIN)
}

fn refused(status: StatusCode, error: &str, hint: &str) -> Response {
    (status, Json(json!({ "error": error, "hint": hint }))).into_response()
}
