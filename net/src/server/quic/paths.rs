//! What the paths take, told to the session logic whenever that is not what it was: one task for all
//! sessions, since a timer and a wake for each of them cost more than the look.

use std::sync::Arc;

use bluemarble_shared_protocol::SessionId;
use parking_lot::Mutex;

use super::Shared;
use super::congestion::FlooredCubic;
use super::session::Handle;
use crate::server::event::{PathReport, SessionEvent};

/// Sessions are looked at in so many parts, so that no look keeps datagrams waiting for long.
const PARTS: u32 = 8;

/// What was told last of a session's path.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    news: Option<News>,
    lost: u64,
}

/// Window and round trip in steps of an eighth, each with its step, so that noise is no news.
type News = [(u64, u64); 2];

/// Looks at every session once in each [`super::QuicLimits::path_period`], until the server stops.
pub(super) async fn watch(shared: Arc<Shared>) {
    let pause = shared.limits.path_period / PARTS;
    while !shared.stops() {
        for part in 0..PARTS {
            tokio::time::sleep(pause).await;
            // Whoever is forgotten is so under the lock: nothing is told of a session that is closed.
            for (session, handle) in &*shared.sessions.read() {
                if session.0 % u64::from(PARTS) == u64::from(part) {
                    look(*session, handle);
                }
            }
        }
    }
}

fn look(session: SessionId, handle: &Handle) {
    // Not before it was opened.
    let Some(events) = handle.events.get() else {
        return;
    };
    let connection = handle.wire.quic();
    let controller = connection.congestion_state().into_any();
    let Ok(controller) = controller.downcast::<FlooredCubic>() else {
        // Every connection is made with this one; without it there is nothing to tell.
        return;
    };
    let path = connection.stats().path;
    let rtt_us = u32::try_from(path.rtt.as_micros()).unwrap_or(u32::MAX);
    let window_bytes = controller.path_window();
    let coarse = |x: u64| {
        let step = x.next_power_of_two().max(8) / 8;
        (x / step, step)
    };
    let news = [coarse(window_bytes), coarse(rtt_us.into())];
    let mut told = handle.told.0.lock();
    let lost = path.lost_packets.saturating_sub(told.lost);
    if told.news == Some(news) && lost == 0 {
        return;
    }
    let path_report = PathReport {
        window_bytes,
        rtt_us,
        lost: u32::try_from(lost).unwrap_or(u32::MAX),
    };
    let event = SessionEvent::Path {
        session,
        path: path_report,
    };
    // If the queue is full, the next look says it.
    if events.try_send(event).is_ok() {
        *told = State {
            news: Some(news),
            lost: path.lost_packets,
        };
    }
}
