//! The operator's HTTP: health, metrics, status, and two streams for recorders and verifiers.
//!
//! It runs on a thread of its own, reads what [`Live`] shows, and can neither slow nor stop a
//! tick. Every call needs the bearer token; loopback is no proof of who is calling.

mod accounts;
mod deals;
mod players;
mod streams;
#[cfg(test)]
mod tests;
mod token;
mod worlds;
mod zones;

#[cfg(test)]
pub(crate) use deals::outcome_of as deal_outcome;
pub use token::AdminToken;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use tokio::sync::oneshot;

use crate::exit::Failure;
use crate::health::Grade;
use crate::limits::ADMIN_WAIT;
use crate::live::Live;
use crate::worlds::Worlds;

/// The running admin server.
pub struct Admin {
    /// Where it listens.
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

#[derive(Clone)]
struct Desk {
    live: Arc<Live>,
    metrics: PrometheusHandle,
    token: AdminToken,
    worlds: Worlds,
}

impl Admin {
    /// Binds and serves until [`Admin::stop`].
    ///
    /// # Errors
    /// The port is taken or not ours to take.
    pub fn start(
        listen: SocketAddr,
        token: AdminToken,
        live: Arc<Live>,
        metrics: PrometheusHandle,
        worlds: Worlds,
    ) -> Result<Self, Failure> {
        let bind = |error: std::io::Error| {
            Failure::environment(format!(
                "cannot listen on {listen} (TCP, admin HTTP): {error}"
            ))
            .advise("stop the other program on that port, or choose another with --admin")
        };
        let listener = TcpListener::bind(listen).map_err(bind)?;
        listener.set_nonblocking(true).map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .thread_name("admin")
            .build()
            .map_err(bind)?;
        let router = router(Desk {
            live,
            metrics,
            token,
            worlds,
        });
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("admin".into())
            .spawn(move || runtime.block_on(serve(listener, router, stopped)))
            .map_err(bind)?;
        Ok(Self {
            address,
            stop,
            thread,
        })
    }

    /// Finishes requests in flight, for a moment, and ends.
    pub fn stop(self) {
        let _already_gone = self.stop.send(());
        if self.thread.join().is_err() {
            tracing::error!("the admin thread had panicked");
        }
    }
}

async fn serve(listener: TcpListener, router: Router, stopped: oneshot::Receiver<()>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!("the admin HTTP cannot start: {error}");
            return;
        }
    };
    let (drain, mut draining) = tokio::sync::watch::channel(false);
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        let _sender_dropped = stopped.await;
        drain.send_replace(true);
    });
    let deadline = async {
        let _sender_dropped = draining.wait_for(|draining| *draining).await;
        tokio::time::sleep(ADMIN_WAIT).await;
    };
    tokio::select! {
        ended = async { server.await } => if let Err(error) = ended {
            tracing::error!("the admin HTTP ended: {error}");
        },
        () = deadline => {}
    }
}

fn router(desk: Desk) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics_page))
        .route("/v1/status", get(status))
        .route("/v1/digests", get(streams::digests))
        .route("/v1/truth", get(streams::truth))
        .route("/v1/worlds", get(worlds::list).post(worlds::create))
        .route(
            "/v1/worlds/{name}",
            get(worlds::row).delete(worlds::drop_world),
        )
        .route("/v1/worlds/{name}/wake", post(worlds::wake))
        .route("/v1/worlds/{name}/travel", post(worlds::travel))
        .route("/v1/worlds/{name}/turn-back", post(worlds::turn_back))
        .route("/v1/worlds/{name}/sleep", post(worlds::put_to_sleep))
        .route("/v1/worlds/{name}/zones", get(zones::list_of))
        .route("/v1/worlds/{name}/zones/split", post(zones::split_of))
        .route("/v1/worlds/{name}/zones/merge", post(zones::merge_of))
        .route("/v1/worlds/{name}/zones/move", post(zones::shift_of))
        .route("/v1/coins", post(deals::coins))
        .route("/v1/players/kick", post(players::kick))
        .route("/v1/bans", get(players::bans).post(players::ban))
        .route("/v1/bans/{name}", delete(players::lift))
        .route("/v1/accounts/delete", post(accounts::delete))
        .route("/v1/reload", post(players::reload))
        .route("/v1/zones", get(zones::list))
        .route("/v1/zones/split", post(zones::split))
        .route("/v1/zones/merge", post(zones::merge))
        .route("/v1/zones/move", post(zones::shift))
        .fallback(unknown)
        .layer(middleware::from_fn_with_state(desk.clone(), authorise))
        .with_state(desk)
}

async fn authorise(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let header = request.headers().get(header::AUTHORIZATION);
    if desk
        .token
        .is_carried_by(header.map(|value| value.as_bytes()))
    {
        metrics::counter!("bluemarble_admin_requests_total").increment(1);
        return next.run(request).await;
    }
    metrics::counter!("bluemarble_admin_unauthorised_total").increment(1);
    let hint = "send 'Authorization: Bearer <token>' with the content of admin.token in the \
                server's data directory";
    let body = Json(json!({ "error": "the admin token is missing or wrong", "hint": hint }));
    (
        StatusCode::UNAUTHORIZED,
        [(header::WWW_AUTHENTICATE, "Bearer")],
        body,
    )
        .into_response()
}

async fn health(State(desk): State<Desk>) -> Response {
    let report = desk.live.health.report();
    let status = match report.status {
        Grade::Ok | Grade::Degraded => StatusCode::OK,
        Grade::Down => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(report)).into_response()
}

async fn metrics_page(State(desk): State<Desk>) -> Response {
    desk.metrics.run_upkeep();
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], desk.metrics.render()).into_response()
}

async fn status(State(desk): State<Desk>) -> Response {
    match desk.live.status() {
        Some(status) => Json(Page {
            facts: &desk.live.facts,
            certificate_sha256: desk.live.certificate(),
            status,
        })
        .into_response(),
        None => {
            let body = json!({ "error": "the world is not running yet", "hint": "see /health" });
            (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
        }
    }
}

#[derive(serde::Serialize)]
struct Page<'a> {
    #[serde(flatten)]
    facts: &'a crate::live::Facts,
    certificate_sha256: Option<String>,
    #[serde(flatten)]
    status: crate::live::Status,
}

async fn unknown() -> Response {
    let hint = "/health, /metrics, /v1/status, /v1/digests, /v1/truth?every=N, /v1/zones, /v1/worlds, \
         /v1/players/kick, /v1/bans, /v1/accounts/delete, /v1/reload";
    let body = json!({ "error": "no such page", "hint": hint });
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}
