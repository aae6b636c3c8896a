//! The admin HTTP as a caller meets it, without sockets: requests go straight into the router.

use axum::body::Body;
use axum::http::Request;
use futures_util::StreamExt;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::runtime::Handle;
use tower::ServiceExt;

use super::*;
use crate::cli::ConfigFlags;
use crate::clock::Clock;
use crate::data_dir::DataDir;
use crate::live::{Facts, Status, TruthSample};
use crate::worlds::Context;
use bluemarble_shared_protocol::{Epoch, Tick};

fn desk() -> (tempfile::TempDir, Desk, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("admin.token");
    let token = AdminToken::load_or_create(&file).unwrap();
    let secret = std::fs::read_to_string(&file).unwrap().trim().to_owned();
    let facts = Facts {
        world: "w".into(),
        scenario: "s".into(),
        seed: 1,
        tick_hz: 20,
        build: "b".into(),
        machine: "m".into(),
    };
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    let live = Arc::new(Live::new(facts));
    let context = Context {
        config: crate::config::load(&ConfigFlags::default()).unwrap(),
        assets: dir.path().to_owned(),
        data: DataDir::at(dir.path()),
        clock: Clock::start(),
        build: "b".into(),
        planets: Arc::default(),
    };
    (
        dir,
        Desk {
            worlds: Worlds::open(context, live.clone(), Handle::current()).unwrap(),
            live,
            metrics,
            token,
        },
        secret,
    )
}

async fn get(desk: &Desk, path: &str, secret: Option<&str>) -> Response {
    let mut request = Request::get(path);
    if let Some(secret) = secret {
        request = request.header("authorization", format!("Bearer {secret}"));
    }
    router(desk.clone())
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap()
}

async fn text(response: Response) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn every_call_needs_the_token_and_says_how_to_give_it() {
    let (_dir, desk, secret) = desk();
    for path in [
        "/health",
        "/metrics",
        "/v1/status",
        "/v1/digests",
        "/v1/truth?every=1",
        "/v1/zones",
        "/v1/zones/split",
        "/x",
    ] {
        for wrong in [None, Some("wrong"), Some(&secret[1..])] {
            let response = get(&desk, path, wrong).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
            assert!(text(response).await.contains("admin.token"));
        }
    }
}

#[tokio::test]
async fn health_is_503_only_while_nobody_is_served() {
    let (_dir, desk, secret) = desk();
    assert_eq!(
        get(&desk, "/health", Some(&secret)).await.status(),
        StatusCode::OK
    );
    desk.live
        .health
        .raise("journal", Grade::Degraded, "disk full");
    let degraded = get(&desk, "/health", Some(&secret)).await;
    assert_eq!(degraded.status(), StatusCode::OK);
    assert!(text(degraded).await.contains("disk full"));
    desk.live.health.raise("world", Grade::Down, "starting");
    let down = get(&desk, "/health", Some(&secret)).await;
    assert_eq!(down.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(text(down).await.contains("\"status\":\"down\""));
}

#[tokio::test]
async fn status_is_refused_before_the_first_tick_and_flat_after() {
    let (_dir, desk, secret) = desk();
    let early = get(&desk, "/v1/status", Some(&secret)).await;
    assert_eq!(early.status(), StatusCode::SERVICE_UNAVAILABLE);
    desk.live.show(Status {
        tick: 7,
        ..Status::default()
    });
    let page: serde_json::Value =
        serde_json::from_str(&text(get(&desk, "/v1/status", Some(&secret)).await).await).unwrap();
    assert_eq!(page["tick"], 7);
    assert_eq!(page["world"], "w");
    assert!(page["tick_ms"]["p99"].is_number() && page["recovered"]["tick"].is_number());
}

#[tokio::test]
async fn the_digest_stream_is_a_line_per_tick() {
    let (_dir, desk, secret) = desk();
    let response = get(&desk, "/v1/digests", Some(&secret)).await;
    for tick in 1..=2 {
        desk.live
            .digests
            .publish(Tick(tick), &(Tick(tick), 0xab + tick));
    }
    desk.live.digests.close();
    assert_eq!(
        text(response).await,
        "1 00000000000000ac\n2 00000000000000ad\n"
    );
}

#[tokio::test]
async fn the_truth_stream_sends_every_nth_tick() {
    let (_dir, desk, secret) = desk();
    let response = get(&desk, "/v1/truth?every=2", Some(&secret)).await;
    for tick in (1..=3).map(Tick) {
        let sample = TruthSample {
            tick,
            epoch: Epoch(9),
            frames: Arc::from([]),
            wounds: Vec::new(),
        };
        desk.live.truth.publish(tick, &sample);
    }
    desk.live.truth.close();
    let chunks: Vec<_> = response.into_body().into_data_stream().collect().await;
    let [only] = chunks.as_slice() else {
        panic!("{} chunks", chunks.len())
    };
    let bytes = only.as_ref().unwrap();
    let length = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
    assert_eq!(length, bytes.len() - 4);
    let truth = bluemarble_shared_protocol::TruthFrame::decode(&bytes[4..]).unwrap();
    assert_eq!((truth.tick, truth.epoch), (Tick(2), Epoch(9)));
}

#[tokio::test]
async fn a_senseless_truth_query_and_an_unknown_page_are_explained() {
    let (_dir, desk, secret) = desk();
    for path in ["/v1/truth", "/v1/truth?every=0", "/v1/truth?every=soon"] {
        let response = get(&desk, path, Some(&secret)).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{path}");
    }
    let unknown = get(&desk, "/v2", Some(&secret)).await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    assert!(text(unknown).await.contains("/v1/status"));
}

#[tokio::test]
async fn a_stream_has_a_limit_of_readers() {
    let (_dir, desk, secret) = desk();
    let mut open = Vec::new();
    for _ in 0..crate::limits::STREAM_READERS_MAX {
        open.push(get(&desk, "/v1/digests", Some(&secret)).await);
    }
    let refused = get(&desk, "/v1/digests", Some(&secret)).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
}

async fn post(desk: &Desk, path: &str, secret: &str, body: &'static str) -> Response {
    let request = Request::post(path)
        .header("authorization", format!("Bearer {secret}"))
        .body(Body::from(body));
    router(desk.clone())
        .oneshot(request.unwrap())
        .await
        .unwrap()
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_explained_and_never_reaches_the_loop() {
    let (_dir, desk, secret) = desk();
    for (path, body) in [
        ("split", "{}"),
        ("split", r#"{"zone": 1, "at": {"lat": 91, "lng": 0}}"#),
        ("split", r#"{"zone": -1}"#),
        ("merge", "zone 3"),
        ("merge", r#"{"zone": 1, "into": 2}"#),
        ("move", r#"{"zone": 1}"#),
        ("move", r#"{"zone": 1, "to": {"cell": "xyz"}}"#),
    ] {
        let response = post(&desk, &format!("/v1/zones/{path}"), &secret, body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{path} {body}");
        assert!(text(response).await.contains("the body is JSON"), "{body}");
    }
    // All places of the queue are still there, and one order too many is refused at once.
    let wish = crate::balance::Wish::Merge { zone: 0 };
    let orders = std::iter::from_fn(|| desk.live.zones.order(wish));
    let waiting: Vec<_> = orders.collect();
    assert_eq!(waiting.len(), crate::limits::ORDERS_WAITING_MAX);
    let full = post(&desk, "/v1/zones/merge", &secret, r#"{"zone": 0}"#).await;
    assert_eq!(full.status(), StatusCode::SERVICE_UNAVAILABLE);
    let early = get(&desk, "/v1/zones", Some(&secret)).await;
    assert_eq!(early.status(), StatusCode::SERVICE_UNAVAILABLE);
}
