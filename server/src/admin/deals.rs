//! `POST /v1/coins`: a shop or a market gives an avatar coins or takes some, once by key. Answered when what
//! the answer says survives any crash; whoever got no answer asks again with the same key.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bluemarble_persistence::{Reason, Transfer};
use bluemarble_shared_protocol::{EntityId, Tick};
use bluemarble_sim::{Deal, DealOutcome, Direction, OutsideKey};
use serde::Deserialize;
use serde_json::json;

use super::Desk;
use super::players;
use super::worlds::unreadable;
use crate::deals::DealAnswer;
use crate::limits::ADMIN_ORDER_WAIT;
use crate::worlds::WorldsError;

const FORM: &str = "{\"key\": \"order-7\", \"character\": \"Ada\", \"grant\": 100}, or charge in place of \
                    grant; the key is 1 to 40 printable ASCII characters";
const AGAIN: &str = "ask again with the same key";

/// The body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    key: String,
    character: String,
    grant: Option<u64>,
    charge: Option<u64>,
}

impl Asked {
    fn deal(&self, avatar: EntityId) -> Option<(OutsideKey, Deal)> {
        let key = OutsideKey::new(&self.key)?;
        let (direction, amount) = match (self.grant, self.charge) {
            (Some(amount), None) => (Direction::Grant, amount),
            (None, Some(amount)) => (Direction::Charge, amount),
            _ => return None,
        };
        let deal = Deal {
            avatar,
            direction,
            amount,
        };
        (1..=Deal::AMOUNT_MAX)
            .contains(&amount)
            .then_some((key, deal))
    }
}

/// `POST /v1/coins`
pub async fn coins(State(desk): State<Desk>, body: Result<Json<Asked>, JsonRejection>) -> Response {
    let asked = match body {
        Ok(Json(asked)) => asked,
        Err(rejection) => return unreadable(&rejection, FORM),
    };
    let no_deal = || refused(StatusCode::BAD_REQUEST, "this is no deal", FORM);
    // What is no deal for anybody need not be looked up.
    if asked.deal(EntityId(0)).is_none() {
        return no_deal();
    }
    let avatar = match players::named(&desk, &asked.character).await {
        Ok(avatar) => avatar,
        Err(WorldsError::Bad(_)) => return no_deal(),
        Err(WorldsError::NotHere(_)) => return told(&asked, DealOutcome::Away),
        Err(error) => return refused(StatusCode::SERVICE_UNAVAILABLE, &error.to_string(), AGAIN),
    };
    let Some((key, deal)) = asked.deal(avatar) else {
        return no_deal();
    };
    let deals = &desk.live.deals;
    match deals.in_ledger(key).await {
        Ok(Some(transfer)) => return told(&asked, outcome_of(&transfer, &deal)),
        Ok(None) => {}
        Err(error) => {
            return refused(StatusCode::SERVICE_UNAVAILABLE, &error.to_string(), AGAIN);
        }
    }
    let Some(answer) = deals.order(key, deal) else {
        let busy = "too many deals wait";
        return refused(StatusCode::SERVICE_UNAVAILABLE, busy, AGAIN);
    };
    match tokio::time::timeout(ADMIN_ORDER_WAIT, answer).await {
        Ok(Ok(DealAnswer::Decided(outcome))) => told(&asked, outcome),
        Ok(Ok(DealAnswer::NotSaving)) => {
            let why = "what happens is not being saved: the server's disk takes nothing";
            refused(StatusCode::SERVICE_UNAVAILABLE, why, AGAIN)
        }
        Ok(Err(_)) | Err(_) => {
            let why = "no answer yet: it may be carried out, or not";
            refused(StatusCode::GATEWAY_TIMEOUT, why, AGAIN)
        }
    }
}

/// What the ledger says of a key that this deal is asked for under.
pub(crate) fn outcome_of(transfer: &Transfer, deal: &Deal) -> DealOutcome {
    let reason = match deal.direction {
        Direction::Grant => Reason::Granted,
        Direction::Charge => Reason::Charged,
    };
    let same = (transfer.reason, transfer.key.entity, transfer.amount)
        == (reason, deal.avatar.0, deal.amount);
    if same {
        DealOutcome::Done(transfer.key.tick)
    } else {
        DealOutcome::OtherDeal
    }
}

fn told(asked: &Asked, outcome: DealOutcome) -> Response {
    let conflict = |why, hint| refused(StatusCode::CONFLICT, why, hint);
    match outcome {
        DealOutcome::Done(Tick(tick)) => {
            let (key, character) = (&asked.key, &asked.character);
            tracing::info!(target: "audit", key, character, asked.grant, asked.charge, tick, "a deal");
            Json(json!({ "key": key, "character": character, "tick": tick })).into_response()
        }
        DealOutcome::NotEnough => conflict(
            "the character has fewer coins",
            "nothing was done; the key may be used again",
        ),
        DealOutcome::Away => conflict(
            "the character is not in the world",
            "nothing was done; ask again with the same key when it is",
        ),
        DealOutcome::OtherDeal => conflict(
            "the key is another deal's",
            "nothing was done; every deal needs a key of its own",
        ),
        DealOutcome::TooMany => refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many deals wait for the ledger",
            AGAIN,
        ),
    }
}

fn refused(status: StatusCode, error: &str, hint: &str) -> Response {
    (status, Json(json!({ "error": error, "hint": hint }))).into_response()
}
