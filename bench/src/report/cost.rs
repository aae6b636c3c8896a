//! What a client of a scene costs and gets: the figures of the budget.

use serde::{Deserialize, Serialize};

use crate::verify::{BANDS, Band};

/// See `assets/scenes/README.md`; per client and tick where nothing else is said.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Which scene.
    pub scene: String,
    /// n.
    pub clients: u32,
    /// Others in view, mean, those beyond the radius that have not left yet included.
    pub seen: f64,
    /// Others in view and within the radius: k.
    pub seen_within: f64,
    /// Radius of the patch, metres.
    pub patch_m: f64,
    /// Processor time of the server, microseconds.
    pub cpu_us: CpuSplit,
    /// The loop's phases by the clock, microseconds.
    pub phases_us: Phases,
    /// Updates of entities.
    pub updates_per_client_tick: f64,
    /// UDP payload over updates: everything included.
    pub udp_bytes_per_update: f64,
    /// Snapshot datagrams over updates: headers, own states, arrivals and removals included.
    pub snapshot_bits_per_update: f64,
    /// Nearer than half of the radius.
    pub near: BandQuality,
    /// Beyond.
    pub far: BandQuality,
    /// Resident memory of the server that came with the clients, KiB each.
    pub kib_per_client: f64,
}

/// Microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct CpuSplit {
    /// The whole process.
    pub everything: f64,
    /// Without the threads of sockets, TLS and QUIC.
    pub but_quic: f64,
    /// Those threads.
    pub quic: f64,
    /// The thread that takes datagrams in, seals, replicates.
    pub main_loop: f64,
    /// Those that step zones.
    pub step: f64,
    /// Journal, checkpoints, admin, truth.
    pub other: f64,
}

/// The loop's phases, in the order of [`Phases::NAMES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Phases(pub [f64; 5]);

impl Phases {
    /// As the metrics call them.
    pub const NAMES: [&str; 5] = ["seal", "log", "step", "replicate", "publish"];
}

/// Half, 99 of 100, all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// Half are at most this.
    pub p50: f64,
    /// 99 of 100.
    pub p99: f64,
    /// All.
    pub max: f64,
}

/// How good a band of distance looked to the verifying bots.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct BandQuality {
    /// Looks at somebody.
    pub looks: u64,
    /// Between where somebody is and where they are seen, centimetres.
    pub error_cm: Quantiles,
    /// Since what is seen was so, milliseconds; the largest is the longest that somebody had to do without
    /// an update.
    pub age_ms: Quantiles,
    /// Others who were there for everybody to see, by the truth.
    pub there: u64,
    /// Those of them who were not in view: not yet, not any more, or wrongly not, which a promise is about.
    pub missing: u64,
    /// Others in view who were nowhere by the truth: not gone from it yet, or never there.
    pub ghosts: u64,
}

/// What a band of distance is called.
#[must_use]
pub fn band_name(n: usize) -> String {
    let percent = |n: usize| n * 100 / BANDS;
    match n + 1 {
        BANDS => format!("from {} % of the radius on", percent(n)),
        next => format!("{} to {} % of the radius", percent(n), percent(next)),
    }
}

impl BandQuality {
    /// For people.
    #[must_use]
    pub fn told(&self) -> String {
        let triple = |q: &Quantiles| format!("{:.1} / {:.1} / {:.1}", q.p50, q.p99, q.max);
        format!(
            "{} cm off, {} ms old; {} of {} missing, {} ghosts",
            triple(&self.error_cm),
            triple(&self.age_ms),
            self.missing,
            self.there,
            self.ghosts
        )
    }

    /// Of what verifying bots saw.
    #[must_use]
    pub fn of(band: &Band, tick_ms: f64) -> Self {
        Self {
            looks: band.error_mm.len(),
            error_cm: Quantiles::of(&band.error_mm, 0.1),
            age_ms: Quantiles::of(&band.age_ticks, tick_ms),
            there: band.there,
            missing: band.missing,
            ghosts: band.ghosts,
        }
    }
}

impl Cost {
    /// UDP payload that is no snapshot.
    fn wrapping_bytes_per_client_tick(&self) -> f64 {
        let per_update = self.udp_bytes_per_update - self.snapshot_bits_per_update / 8.0;
        per_update * self.updates_per_client_tick
    }

    /// For people.
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        let cpu = &self.cpu_us;
        let named = Phases::NAMES.iter().zip(self.phases_us.0);
        let phases: Vec<String> = named.map(|(name, us)| format!("{name} {us:.2}")).collect();
        vec![
            (
                "W(n, k)",
                format!(
                    "W({}, {:.1}), {:.1} with those about to leave; {} on a patch of {:.0} m",
                    self.clients, self.seen_within, self.seen, self.scene, self.patch_m
                ),
            ),
            (
                "CPU us/client/tick",
                format!(
                    "{:.2} everything, {:.2} all but QUIC",
                    cpu.everything, cpu.but_quic
                ),
            ),
            (
                "  by thread",
                format!(
                    "QUIC {:.2}, loop {:.2}, step {:.2}, other {:.2}",
                    cpu.quic, cpu.main_loop, cpu.step, cpu.other
                ),
            ),
            ("  loop, by the clock", phases.join(", ")),
            (
                "per entity update",
                format!(
                    "{:.2} bytes of UDP, {:.1} bits of snapshots; {:.1} updates per client and tick",
                    self.udp_bytes_per_update,
                    self.snapshot_bits_per_update,
                    self.updates_per_client_tick
                ),
            ),
            (
                "  around snapshots",
                format!(
                    "{:.0} bytes per client and tick, {:.0} % of all: QUIC's headers, tags and \
                     acknowledgements, and streams",
                    self.wrapping_bytes_per_client_tick(),
                    100.0 * self.wrapping_bytes_per_client_tick()
                        / (self.udp_bytes_per_update * self.updates_per_client_tick).max(1.0)
                ),
            ),
            (
                "memory per client",
                format!("{:.0} KiB", self.kib_per_client),
            ),
        ]
    }
}
