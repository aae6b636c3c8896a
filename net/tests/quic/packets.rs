//! Datagrams and acknowledgements share packets: a tick costs each side one.

use std::time::Duration;

use bluemarble_net::client::Link;
use bluemarble_net::server::event::{SessionCommand, SessionEvent};
use bluemarble_net::server::quic::QuicLimits;
use bluemarble_shared_protocol::{ServerMessage, SessionId, Tick};
use bytes::Bytes;
use crossbeam_channel::Receiver;

use super::harness::{World, welcome_in, within};

const TICK: Duration = Duration::from_millis(50);
const TICKS: u64 = 40;
/// Packets per tick and direction that count as one: keep-alives and probes of the path are rare.
const PER_TICK_MAX: f64 = 1.1;
/// A machine that is busy answers a tick late now and then, and a late answer takes a packet of its own. So
/// the best of a few stretches counts; what breaks the rule breaks it in each.
const STRETCHES: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tick_takes_one_packet_each_way() {
    ticks_of(|_| None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_tick_has_for_the_stream_rides_along() {
    ticks_of(|tick| {
        Some(ServerMessage::Wounds {
            tick: Tick(tick),
            wounds: vec![],
            left_out: 3,
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_keep_their_order_whether_or_not_they_ride_with_messages() {
    let (world, events) = World::without_logic(QuicLimits {
        batches_max: 64,
        ..QuicLimits::default()
    });
    let (link, session, _events) = enter(&world, events).await;
    let queued = |ahead| {
        let message = ServerMessage::Queued { ahead };
        SessionCommand::Send { session, message }
    };
    let mut newest = 0;
    for burst in 0..50_u32 {
        // So quickly that the session's task can hardly keep up.
        for n in 1..=4 {
            let number = burst * 4 + n;
            let snapshot = Bytes::from(number.to_be_bytes().to_vec());
            let message = (n % 2 == 1).then(|| queued(number));
            let message = message.into_iter().collect();
            world.server.send_tick(vec![(session, snapshot)], message);
        }
        for _ in 1..=4 {
            let datagram = within("a snapshot", link.next_datagram()).await;
            let datagram = datagram.expect("it is connected");
            let number = u32::from_be_bytes(datagram[..].try_into().expect("a number"));
            assert_eq!(number, newest + 1, "none is lost on this path");
            newest = number;
        }
    }
}

async fn enter(
    world: &World,
    events: Receiver<SessionEvent>,
) -> (Link, SessionId, Receiver<SessionEvent>) {
    let server = world.server.clone();
    let hello = tokio::task::spawn_blocking(move || {
        let opened = events.recv().expect("somebody comes");
        welcome_in(&server, &opened);
        (opened, events)
    });
    let link = world.enter("Ada").await.expect("there is room");
    let (opened, events) = within("the hello", hello).await.expect("no panic");
    let SessionEvent::Opened { session, .. } = opened else {
        panic!("{opened:?}");
    };
    (link, session, events)
}

/// Counts the packets of ticks that have a snapshot, an intent, and perhaps a message.
async fn ticks_of(message: impl Fn(u64) -> Option<ServerMessage>) {
    let (world, events) = World::without_logic(QuicLimits::default());
    let (mut link, session, _events) = enter(&world, events).await;
    let mut seen = Vec::new();
    for _ in 0..STRETCHES {
        let before = link.connection().stats();
        let mut tick = tokio::time::interval(TICK);
        for n in 0..TICKS {
            tick.tick().await;
            let snapshot = Bytes::from_static(&[7; 700]);
            let said = message(n);
            let commands = said.map(|message| SessionCommand::Send { session, message });
            let commands = commands.into_iter().collect();
            world.server.send_tick(vec![(session, snapshot)], commands);
            let arrives = tokio::time::timeout(TICK, link.next_datagram());
            if let Ok(datagram) = arrives.await {
                datagram.expect("it is connected");
                link.send_datagram(Bytes::from_static(&[8; 60]))
                    .expect("it is connected");
            }
            if let Some(said) = message(n) {
                let heard = within("the message", link.next_message()).await;
                assert_eq!(heard.expect("it is connected"), said);
            }
        }
        let after = link.connection().stats();
        let per_tick = |after: u64, before: u64| (after - before) as f64 / TICKS as f64;
        let up = per_tick(after.udp_tx.datagrams, before.udp_tx.datagrams);
        let down = per_tick(after.udp_rx.datagrams, before.udp_rx.datagrams);
        assert!(up > 0.5 && down > 0.5, "nothing flows: {up}, {down}");
        seen.push((up, down));
        if up <= PER_TICK_MAX && down <= PER_TICK_MAX {
            return;
        }
    }
    panic!("packets per tick, up and down, of each stretch: {seen:?}");
}
