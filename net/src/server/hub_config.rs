//! What a [`super::Hub`] is told once: facts about the world for the welcome, how far clients see,
//! how many bytes they get, and the bounds of every session with their reasons.

use bluemarble_shared_protocol::limits::DATAGRAM_BYTES_MAX;
use bluemarble_shared_protocol::{Epoch, Tick};
use bluemarble_spatial::Level;

/// Least bytes a client may be given per tick: header, own state and some removals always fit.
pub const BUDGET_BYTES_MIN: u32 = 400;
/// Most bytes a client may be given per tick; beyond, the sender would build a backlog.
pub const BUDGET_BYTES_MAX: u32 = 16 * DATAGRAM_BYTES_MAX as u32;

/// Everything a hub is told at its start.
#[derive(Clone, Debug)]
pub struct HubConfig {
    /// Facts for the welcome.
    pub world: WorldFacts,
    /// How far clients see.
    pub interest: Interest,
    /// Most snapshot bytes per client per tick, [`BUDGET_BYTES_MIN`] ..= [`BUDGET_BYTES_MAX`]; they
    /// are cut into datagrams of at most `DATAGRAM_BYTES_MAX`.
    pub budget_bytes: u32,
    /// Bounds of a session.
    pub limits: HubLimits,
    /// How this hub lies to its clients, for testing those who verify it.
    #[cfg(feature = "sabotage")]
    pub sabotage: Option<Sabotage>,
}

impl HubConfig {
    /// The defaults around the facts that have none.
    #[must_use]
    pub fn new(world: WorldFacts) -> Self {
        Self {
            world,
            interest: Interest::default(),
            budget_bytes: DATAGRAM_BYTES_MAX as u32,
            limits: HubLimits::default(),
            #[cfg(feature = "sabotage")]
            sabotage: None,
        }
    }
}

/// What a client is told in its welcome, and what replication computes with.
#[derive(Clone, Debug, PartialEq)]
pub struct WorldFacts {
    /// The world's epoch at the start; `ReplicateInput::epoch` rules from then on.
    pub epoch: Epoch,
    /// The newest finished tick at the start: a client that comes before the next one must know near which
    /// tick its first snapshot is.
    pub tick: Tick,
    /// Ticks per second, at least 1.
    pub tick_hz: u32,
    /// Name of the planet.
    pub planet: String,
    /// Its content's hash.
    pub planet_hash: u64,
    /// Its radius, metres.
    pub radius_m: f64,
    /// S2 level of the frame cells.
    pub frame_level: Level,
    /// Names of the kinds, in order.
    pub kinds: Vec<String>,
}

/// Exact radii around the own avatar. The gap between them is the hysteresis: somebody on the edge
/// does not flicker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interest {
    /// Nearer than this an entity comes into view, metres.
    pub enter_m: f64,
    /// Farther than this it leaves the view, metres; at least `enter_m`.
    pub exit_m: f64,
    /// Beyond half of `enter_m`, what changes is sent every this many ticks (1 = every tick). A
    /// blow, a wound or a death is sent at once all the same.
    pub far_period_ticks: u32,
}

impl Default for Interest {
    /// Tuned for a walking game: about a hundred others in a crowded square.
    fn default() -> Self {
        Self {
            enter_m: 100.0,
            exit_m: 110.0,
            far_period_ticks: 2,
        }
    }
}

/// Bounds of a session. The defaults are tuned for clients that send one datagram per tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubLimits {
    /// Datagrams a session may send in the long run, per second. Beyond: closed as `Flooding`.
    pub datagrams_per_s: u32,
    /// Datagrams a session may send at once, after a stall of its line for example.
    pub datagrams_burst: u32,
    /// Datagrams that do not parse before the session is closed as `Malformed`. QUIC delivers no
    /// broken bytes, so one is a bug already; a few leave room for a version in transition.
    pub malformed_max: u32,
    /// How long an avatar without a session stays in the world, milliseconds.
    pub grace_ms: u64,
    /// How far back a client may claim to look, milliseconds: bounds lag compensation.
    pub rewind_ms_max: u64,
    /// Most sessions in the world; whoever comes when there are as many waits in line. What the
    /// driver lets in may be more: players and line.
    pub players_max: usize,
    /// Most players who wait for their turn while the world is full or overloaded: what the sessions' own
    /// bound leaves is enough for anybody, but a line that moves one a tick should end within a
    /// minute. Beyond: `ServerFull`.
    pub waiting_max: usize,
    /// Most sessions without a connection that are kept for their owners to come back; each takes
    /// what a view takes, about 10 KiB with a hundred others in it. Beyond, the newest is not kept:
    /// its owner has to say hello.
    pub parked_max: usize,
    /// Session commands that may wait for the driver. Beyond, messages are dropped and counted;
    /// closes are kept.
    pub commands_max: usize,
}

impl Default for HubLimits {
    fn default() -> Self {
        Self {
            datagrams_per_s: 400,
            datagrams_burst: 800,
            malformed_max: 4,
            grace_ms: 10_000,
            rewind_ms_max: 500,
            players_max: usize::MAX,
            waiting_max: 1_024,
            parked_max: 4_096,
            commands_max: 65_536,
        }
    }
}

/// A deliberate lie in what clients are sent. Whoever verifies views must notice each of them.
#[cfg(feature = "sabotage")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// About one entity in ten is never shown.
    Drop,
    /// Some positions are sent several metres off.
    Teleport,
    /// Some entities are sent as they were long ago, labelled as now.
    Stale,
    /// Entities that are gone stay in view.
    Ghost,
    /// Now and then, what is written is not what is meant: the divergence alarm's own case.
    Bend,
}

#[cfg(feature = "sabotage")]
impl std::str::FromStr for Sabotage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "drop" => Ok(Self::Drop),
            "teleport" => Ok(Self::Teleport),
            "stale" => Ok(Self::Stale),
            "ghost" => Ok(Self::Ghost),
            "bend" => Ok(Self::Bend),
            other => Err(format!(
                "{other:?} is none of drop, teleport, stale, ghost, bend"
            )),
        }
    }
}
