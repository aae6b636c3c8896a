//! Endless answers: a line per tick for recorders, a frame per n-th tick for verifiers.
//!
//! A reader that does not keep up is cut off by its [`Feed`](crate::feed::Feed); the stream then
//! simply ends, which a reader can tell from a gap because ticks are numbered.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::json;
use tokio_stream::wrappers::ReceiverStream;

use super::Desk;
use crate::feed::TooManyReaders;
use crate::live::digest_hex;

/// `/v1/digests`: `tick digest` lines, one per tick, from the next tick on.
pub async fn digests(State(desk): State<Desk>) -> Response {
    let receiver = match desk.live.digests.subscribe(1) {
        Ok(receiver) => receiver,
        Err(full) => return crowded(&full),
    };
    let lines = ReceiverStream::new(receiver).map(|(tick, digest)| {
        Ok::<_, std::convert::Infallible>(Bytes::from(format!("{tick} {}\n", digest_hex(digest))))
    });
    (
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        Body::from_stream(lines),
    )
        .into_response()
}

/// The query of `/v1/truth`.
#[derive(Deserialize)]
pub struct TruthQuery {
    /// Only ticks that are multiples of this; at least 1.
    every: u64,
}

/// `/v1/truth?every=N`: the whole world at every tick divisible by N, each as a `u32` length
/// (little endian) and a `TruthFrame`.
pub async fn truth(
    State(desk): State<Desk>,
    query: Result<Query<TruthQuery>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let every = match query {
        Ok(Query(TruthQuery { every })) if every >= 1 => every,
        _ => {
            let body = json!({
                "error": "every must be a whole number, at least 1",
                "hint": "/v1/truth?every=20 sends one frame a second at 20 Hz",
            });
            return (StatusCode::BAD_REQUEST, Json(body)).into_response();
        }
    };
    let receiver = match desk.live.truth.subscribe(every) {
        Ok(receiver) => receiver,
        Err(full) => return crowded(&full),
    };
    let frames = ReceiverStream::new(receiver)
        .map(|sample| Ok::<_, std::convert::Infallible>(Bytes::from(sample.encode())));
    (
        [(header::CONTENT_TYPE, "application/octet-stream")],
        Body::from_stream(frames),
    )
        .into_response()
}

fn crowded(full: &TooManyReaders) -> Response {
    let body = json!({ "error": full.to_string(), "hint": "close one of them first" });
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}
