//! What replication costs, in memory and without IO: n avatars walk a walled patch of a small moon, each
//! seeing k others on average, at 20 Hz over perfect lines of a given round trip. Time of taking datagrams
//! in, sealing and replicating, bytes sent, and where their bits go. Every client decodes everything, and
//! before anything is printed what each of them sees is compared with the frames.
//!
//! `cargo bench -p bluemarble-bench --bench replicate`; behind `--` a workload of its own: players, others
//! in sight, round trip in ticks; or `crowd`, players, round trip: everybody sees everybody, in 50 KB/s at 30
//! ticks a second.
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

#[path = "../../spatial/benches/setting/mod.rs"]
mod setting;

#[path = "replicate/bits.rs"]
mod bits;
#[path = "replicate/crowd.rs"]
mod crowd;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bluemarble_net::client::{ClientConfig, ClientCore};
use bluemarble_net::server::event::{SessionEvent, VerifiedHello};
use bluemarble_net::server::{Hub, HubConfig, HubStats, Interest, ReplicateInput, WorldFacts};
use bluemarble_shared_protocol::codec::Schema;
use bluemarble_shared_protocol::{EntityId, Epoch, Intent, SessionId, Tick, WireEntity, WireFrame};
use bytes::Bytes;

use self::bits::Bits;
use self::crowd::{Crowd, FRAME_LEVEL, HZ, RADIUS_M};
use self::setting::report::print_heading;

/// How far clients see, metres.
const ENTER_M: f64 = 100.0;
const SEED: u64 = 7;
/// Ticks before the measurement: views are full, all memory is there.
const WARM_UP: u64 = 100;
/// Ticks measured.
const TICKS: u64 = 200;
/// How far a crowd spreads, metres: no farther than anybody sees.
const CROWD_M: f64 = 48.0;
/// Most bytes for a client and tick; of a crowd, at 30 ticks a second 50 KB.
const BUDGET_BYTES: u32 = 4_000;
const CROWD_BUDGET_BYTES: u32 = 50_000 / 30;
/// Most clients whose bits are weighed.
const WEIGHED_MAX: usize = 20;

fn main() {
    print_heading("replicate: snapshots for everybody");
    let given: Vec<usize> = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse().ok())
        .collect();
    // k = others within the radius: density = k / (π r²), so the patch holds n at that density.
    let seeing = |n: usize, k: usize, round_trip: usize| {
        let patch_m = ENTER_M * (n as f64 / (k as f64 + 1.0)).sqrt();
        Table::new(n, patch_m, BUDGET_BYTES, round_trip).measure();
    };
    let crowd = |n, round_trip| Table::new(n, CROWD_M, CROWD_BUDGET_BYTES, round_trip).measure();
    let crowded = std::env::args().any(|text| text == "crowd");
    match given[..] {
        [n, k, round_trip] => seeing(n, k, round_trip),
        [n, round_trip] if crowded => crowd(n, round_trip),
        _ => {
            for (n, k) in [(300, 100), (1_000, 100), (2_000, 30)] {
                seeing(n, k, 2);
            }
            seeing(300, 100, 4);
            crowd(1_000, 2);
        }
    }
}

/// Hub and clients.
struct Table {
    hub: Hub,
    crowd: Crowd,
    clients: Vec<Client>,
    round_trip: usize,
    /// The newest first.
    truth: VecDeque<BTreeMap<EntityId, WireEntity>>,
    receive_and_seal: Vec<Duration>,
    replicate: Vec<Duration>,
    /// Of that, on a processor, where the system counts it; what others keep it waiting is not in it.
    on_processor: Duration,
}

struct Client {
    core: ClientCore,
    /// What is under way to the server.
    up: VecDeque<Vec<u8>>,
    bits: Option<Bits>,
}

impl Table {
    fn new(n: usize, patch_m: f64, budget_bytes: u32, round_trip: usize) -> Self {
        let crowd = Crowd::new(SEED, n, patch_m);
        let mut hub = Hub::new(config(budget_bytes));
        let mut clients = Vec::new();
        for (session, walker) in (1..).map(SessionId).zip(&crowd.walkers) {
            let hello = VerifiedHello {
                name: (&*walker.name).into(),
                avatar: walker.id,
                schema: Schema::NEWEST,
            };
            hub.handle(0, SessionEvent::Opened { session, hello });
            let config = ClientConfig {
                avatar: walker.id,
                epoch: Epoch(1),
                tick: Tick(0),
                tick_hz: HZ,
                schema: Schema::NEWEST,
                predictor: None,
            };
            clients.push(Client {
                core: ClientCore::new(config),
                up: VecDeque::new(),
                bits: (clients.len() < WEIGHED_MAX).then(Bits::default),
            });
        }
        Self {
            hub,
            crowd,
            clients,
            round_trip,
            truth: VecDeque::new(),
            receive_and_seal: Vec::new(),
            replicate: Vec::new(),
            on_processor: Duration::ZERO,
        }
    }

    fn measure(mut self) {
        (1..=WARM_UP).for_each(|tick| self.tick(Tick(tick), false));
        let before = self.hub.stats().clone();
        (WARM_UP + 1..=WARM_UP + TICKS).for_each(|tick| self.tick(Tick(tick), true));
        let compared = self.compare();
        self.print(&before, &compared);
    }

    fn tick(&mut self, tick: Tick, counts: bool) {
        let now_ms = tick.0 * 1_000 / u64::from(HZ);
        let begin = Instant::now();
        for (session, client) in (1..).map(SessionId).zip(&mut self.clients) {
            if client.up.len() >= self.round_trip
                && let Some(bytes) = client.up.pop_front()
            {
                let bytes = Bytes::from(bytes);
                let event = SessionEvent::Datagram { session, bytes };
                self.hub.handle(now_ms, event);
            }
        }
        let inputs = self.hub.seal(now_ms, tick);
        let sealed = begin.elapsed();
        let applied: BTreeMap<EntityId, u32> = inputs
            .intents
            .iter()
            .map(|(avatar, intent)| (*avatar, intent.seq.0))
            .collect();
        for walker in &mut self.crowd.walkers {
            walker.applied = *applied.get(&walker.id).unwrap_or(&walker.applied);
        }
        self.crowd.walk();
        let frames = [Arc::new(self.crowd.publish(tick))];
        self.remember(&frames[0]);
        let used = on_processor();
        let begin = Instant::now();
        let batch = self.hub.replicate(ReplicateInput {
            tick,
            epoch: Epoch(1),
            durable: Tick(tick.0 - 1),
            frames: &frames,
        });
        if counts {
            self.replicate.push(begin.elapsed());
            self.on_processor += on_processor().saturating_sub(used);
            self.receive_and_seal.push(sealed);
        }
        for (session, bytes) in batch {
            let client = &mut self.clients[session.0 as usize - 1];
            client
                .core
                .handle_datagram(now_ms, &bytes)
                .expect("a perfect line");
            if let Some(bits) = &mut client.bits {
                bits.read(&bytes, tick, counts);
            }
        }
        for client in &mut self.clients {
            let intent = Intent {
                view_tick: client.core.tick(),
                pace: Intent::PACE_MAX,
                ..Intent::default()
            };
            client
                .up
                .push_back(client.core.next_intent_datagram(intent));
        }
        while self.hub.poll_command().is_some() {}
    }

    /// Keeps what is true for as long as a client may show it.
    fn remember(&mut self, frame: &WireFrame) {
        let states = frame.ids.iter().copied().zip(frame.states.iter().copied());
        self.truth.push_front(states.collect());
        self.truth.truncate(2 * HZ as usize);
    }

    /// Everything that anybody sees is what it was at the tick that the client believes it to be of.
    fn compare(&self) -> Vec<usize> {
        let mut ages = Vec::new();
        for client in &self.clients {
            for (id, seen) in client.core.view().iter() {
                let age = client.core.tick().since(seen.updated) as usize;
                assert_eq!(
                    self.truth[age].get(&id),
                    Some(&seen.state),
                    "a view is wrong"
                );
                ages.push(age);
            }
        }
        assert!(!ages.is_empty(), "nobody sees anybody");
        ages.sort_unstable();
        ages
    }

    fn print(&self, before: &HubStats, compared: &[usize]) {
        let (n, stats) = (self.clients.len(), self.hub.stats());
        let per_client = |count: fn(&HubStats) -> u64| {
            (count(stats) - count(before)) as f64 / (n as u64 * TICKS) as f64
        };
        println!(
            "\nscene      W({n}, {:.1}): a walled patch, {ENTER_M} m, {HZ} Hz, round trip {} ticks, seed {SEED}, \
             {WARM_UP} ticks before, {TICKS} measured",
            stats.in_view as f64 / n as f64,
            self.round_trip,
        );
        let (taken, sent) = (&self.receive_and_seal, &self.replicate);
        for (what, times) in [("receive, seal", taken), ("replicate", sent)] {
            let [least, tenth, median] = quantiles_us(times).map(|us| us / n as f64);
            println!(
                "  {what:<14} {median:.2} µs per client and tick (least {least:.2}, a tenth below {tenth:.2})"
            );
        }
        println!(
            "  of which on a processor {:.2} µs, in the mean",
            self.on_processor.as_secs_f64() * 1e6 / (n as u64 * TICKS) as f64,
        );
        println!(
            "  sent     {:.0} bytes/s, {:.2} updates, {:.3} entering per client and tick; {:.2} strings made, {:.2} shared",
            per_client(|stats| stats.bytes_out) * f64::from(HZ),
            per_client(|stats| stats.updates_sent),
            per_client(|stats| stats.enters_sent),
            per_client(|stats| stats.strings_encoded),
            per_client(|stats| stats.strings_shared),
        );
        let mut bits = Bits::default();
        let weighed = self
            .clients
            .iter()
            .filter_map(|client| client.bits.as_ref());
        weighed.for_each(|more| bits.add(more));
        bits.print();
        println!(
            "  checked  {} states in views are those of the frames; 99 of 100 at most {} ticks old, all at most {}",
            compared.len(),
            compared[compared.len() * 99 / 100],
            compared[compared.len() - 1],
        );
    }
}

/// What this thread has used of a processor; zero where the system does not say.
fn on_processor() -> Duration {
    // The kernel brings the figure up to date when the thread is switched.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let used = text.split_whitespace().next();
    Duration::from_nanos(used.and_then(|ns| ns.parse().ok()).unwrap_or(0))
}

/// The least, the one that a tenth is below, and the median, µs.
fn quantiles_us(times: &[Duration]) -> [f64; 3] {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    [0, sorted.len() / 10, sorted.len() / 2].map(|n| sorted[n].as_secs_f64() * 1e6)
}

fn config(budget_bytes: u32) -> HubConfig {
    let mut config = HubConfig::new(WorldFacts {
        epoch: Epoch(1),
        tick: Tick(0),
        tick_hz: HZ,
        planet: "moon".into(),
        planet_hash: 0,
        radius_m: RADIUS_M,
        frame_level: FRAME_LEVEL,
        kinds: vec!["walker".into()],
    });
    config.budget_bytes = budget_bytes;
    config.interest = Interest {
        enter_m: ENTER_M,
        exit_m: 1.05 * ENTER_M,
        far_period_ticks: 2,
    };
    config
}
