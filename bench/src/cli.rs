//! The command line: what can be asked of the bench, with examples.

use std::net::SocketAddr;
use std::path::PathBuf;

use bluemarble_net::testing::{LineQuality, UnknownLine};
use clap::{Args, Parser, Subcommand};

/// Load tests for a BlueMarble server, with real QUIC clients that check what they see.
#[derive(Debug, Parser)]
#[command(name = "bluemarble-bench", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bots walk and fight around the city square; every view is compared with the truth.
    #[command(after_help = LOAD_EXAMPLES)]
    Load(Box<LoadArgs>),
    /// Reads a report that `load --json` wrote, and tells it again: as text, as a page, as CSV.
    Report(ReportArgs),
    /// Compares reports that `load --json` wrote: figures, ratios, and what differs beside them.
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare(CompareArgs),
    /// The same work for us and for others in the same run: what each costs its server.
    #[command(after_help = PEERS_EXAMPLES)]
    Peers(PeersArgs),
    /// Makes the snapshot codec's tables from recorded traffic.
    #[command(after_help = TABLES_EXAMPLES)]
    Tables(TablesArgs),
}

/// `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The report.
    #[arg(value_name = "REPORT.json")]
    pub report: PathBuf,
    /// Write it here as a page for people: one file that needs no network.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write the run here second by second, a row each.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
}

/// `compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The reports, in the order of the columns. Several runs of the same server are one column, their median;
    /// ratios are to the first column.
    #[arg(value_name = "REPORT.json", required = true)]
    pub reports: Vec<PathBuf>,
    /// Write the comparison here as a page for people, with plots: one file that needs no network.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Compare runs of different work or machines, or void ones, all the same; it is said in the result.
    #[arg(long)]
    pub anyway: bool,
}

const COMPARE_EXAMPLES: &str = "\
Examples:
  Two builds, three runs each:
    bluemarble-bench compare old-1.json old-2.json old-3.json new-1.json new-2.json new-3.json

  As a page:
    bluemarble-bench compare old.json new.json --html compared.html

Exit status: 0 if they were compared, 2 if they cannot be.";

const PEERS_EXAMPLES: &str = "\
Examples:
  Build the peers, then W(300, 100) for everybody, three times in turns:
    cargo build --release --ignore-rust-version --manifest-path bench/peers/Cargo.toml
    bluemarble-bench peers --clients 300 --k 100 --rounds 3

What a peer is and how to add one: bench/peers/README.md. What the figures mean, and what favours whom:
docs/BENCHMARKS.md.

Exit status: 0 if everybody's clients saw what they should and could keep up, 1 if not, 2 if it could not
be run.";

const TABLES_EXAMPLES: &str = "\
Examples:
  Write the tables anew from what was counted before:
    bluemarble-bench tables

  Count anew: walkers in the scenarios, bodies in the first half of a recording; then write:
    bluemarble-bench tables --count --bodies rigid-bodies.csv.zst

The counts are in bench/src/tables/counts.txt, the tables in shared-protocol/src/codec/tables. Tables are
part of the wire: whoever changes them gives them a new version, and keeps the one before.";

/// `peers`.
#[derive(Clone, Debug, Args)]
pub struct PeersArgs {
    /// Players.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub clients: u32,
    /// How many others each sees on average.
    #[arg(long, default_value_t = 100.0, value_name = "K")]
    pub k: f64,
    /// How long to measure each, seconds.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub seconds: u64,
    /// How many times everybody has a turn; medians are printed.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// Where the peers' programs are.
    #[arg(long, default_value = "bench/peers/target/release", value_name = "DIR")]
    pub programs: PathBuf,
    /// Write every turn's figures here as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// `tables`.
#[derive(Debug, Args)]
pub struct TablesArgs {
    /// Count traffic anew instead of reading what was counted.
    #[arg(long, requires = "bodies")]
    pub count: bool,
    /// A recording of rigid bodies: CSV, or packed by zstd.
    #[arg(long, value_name = "FILE", requires = "count")]
    pub bodies: Option<PathBuf>,
    /// The version that the tables get.
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub version: u8,
    /// The repository's root.
    #[arg(long, default_value = ".", value_name = "DIR")]
    pub repository: PathBuf,
}

const LOAD_EXAMPLES: &str = "\
Examples:
  Start a server in one terminal, and in another:
    bluemarble-bench load --clients 200 --seconds 30

  W(300, 100) on a server of its own: what a player costs who sees a hundred others:
    bluemarble-bench load --scene meadow --clients 300 --k 100 --seconds 20

  The same over lines that lose a tenth of everything in bursts:
    bluemarble-bench load --scene meadow --clients 100 --k 30 --link bad --seconds 20

  Among abusers of 21 kinds, two of each; compare the honest ones' figures with --hostile 0:
    bluemarble-bench load --scene meadow --clients 100 --k 30 --hostile 42 --seconds 30

  One abuser for ten players who have lines that lose a tenth of everything:
    bluemarble-bench load --scene hostile --clients 200 --link bad --seconds 30

  With a report, and as a gate in a script:
    bluemarble-bench load --clients 200 --seconds 30 --json report.json --html report.html --csv report.csv \\
        --expect-tick-p99-ms 50 --expect-seen 30 --expect-handoffs-per-s 1 --expect-kills-per-s 1

  Against another server, whose data directory was copied here:
    bluemarble-bench load --server 192.0.2.7:4433 --server-name play.example.org \\
        --admin http://192.0.2.7:9600 --data-dir ./copied-data

Exit status: 0 if everything seen was right (and every --expect holds), 1 if not, or if too little
was checked to know, 2 if the load could not be run, 3 if the bots could not keep up (their threads more
than 90 % busy, or woken more than 5 ms late, 99 of 100): the run is void then, its figures say nothing.";

/// `load`.
#[derive(Clone, Debug, Args)]
pub struct LoadArgs {
    /// Run a scene (a file in assets/scenes) on a server of its own, which is started and ended here;
    /// --server, --admin, --data-dir, --trust and --ticket-key then have no meaning.
    #[arg(long, value_name = "NAME", help_heading = "Scenes")]
    pub scene: Option<String>,
    /// How many others each bot of the scene shall see on average.
    #[arg(long, value_name = "K", help_heading = "Scenes", requires = "scene")]
    pub k: Option<f64>,
    /// The server's program; beside this one unless given.
    #[arg(long, value_name = "FILE", help_heading = "Scenes", requires = "scene")]
    pub server_program: Option<PathBuf>,
    /// The server's threads for sockets and TLS.
    #[arg(long, default_value_t = 1, value_name = "N", help_heading = "Scenes", requires = "scene",
          value_parser = clap::value_parser!(u16).range(1..=64))]
    pub server_net_threads: u16,
    /// Put a bad line between bots and server, seeded, one each: good, mobile, bad (80 ± 40 ms, a tenth
    /// lost in bursts, 1 % twice), narrow, blackout (five seconds of silence now and then), roaming
    /// (addresses change). The run fails if anybody is lost, sent more than the budget, or has no
    /// snapshot a second after a silence.
    #[arg(long, value_name = "LINE", value_parser = parse_link)]
    pub link: Option<LineQuality>,
    /// Let hostile bots loose beside the honest ones: so many, or, with a point in it, this share of
    /// --clients. Each kind does one thing that must not be (floods, forged and replayed bytes, half a
    /// handshake ...) again and again; the run fails unless each meets the fate that PROTOCOL says.
    /// With --link they have a good line all the same.
    #[arg(long, value_name = "N|SHARE", value_parser = parse_hostile)]
    pub hostile: Option<HostileWish>,
    /// Threads of this program that run bots.
    #[arg(long, default_value_t = 2, value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=256))]
    pub bot_threads: u16,
    /// How many bots.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub clients: u32,
    /// How long to measure, after everybody has joined, seconds.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
    /// Over how many seconds the bots join; 5 unless the scene says otherwise.
    #[arg(long, value_parser = positive_seconds)]
    pub ramp: Option<f64>,
    /// The server's QUIC address.
    #[arg(long, default_value = "127.0.0.1:4433", value_name = "IP:PORT")]
    pub server: SocketAddr,
    /// The name in the server's certificate.
    #[arg(long, default_value = "localhost", value_name = "NAME")]
    pub server_name: String,
    /// The server's admin HTTP.
    #[arg(long, default_value = "http://127.0.0.1:9600", value_name = "URL")]
    pub admin: String,
    /// The server's data directory: certificate, ticket key and admin token are taken from it.
    #[arg(long, default_value = "./bluemarble-data", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Certificate to trust instead of the data directory's dev/cert.pem.
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
    /// Private ticket key instead of the data directory's dev/ticket.key.pem.
    #[arg(long, value_name = "FILE")]
    pub ticket_key: Option<PathBuf>,
    /// What the bots' wandering is drawn from: the same seed, the same wishes.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The world's content, for clients that predict; ./assets unless given.
    #[arg(long, value_name = "DIR")]
    pub assets: Option<PathBuf>,
    /// First part of the bots' character names.
    #[arg(long, default_value = "bot", value_name = "NAME")]
    pub name: String,
    /// Half of the bots keep within this distance of the square's middle, and fight, metres.
    #[arg(long, default_value_t = 25.0, value_name = "METRES")]
    pub square_m: f64,
    /// The others walk from point to point within this distance, in and out of view, metres.
    #[arg(long, default_value_t = 160.0, value_name = "METRES")]
    pub around_m: f64,
    /// Bots strike at others nearer than this, metres (a player's reach is 2.5).
    #[arg(long, default_value_t = 2.4, value_name = "METRES")]
    pub reach_m: f64,
    /// Compare views at every N-th tick.
    #[arg(long, default_value_t = 10, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub truth_every: u64,
    /// Every tenth bot that verifies loses its connection so often, and comes back to its session a moment
    /// later.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub drop_every: Option<u64>,
    /// Every bot loses its connection at once, so many seconds into the measurement, and comes back to its
    /// session a moment later.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub all_drop_after: Option<u64>,
    /// Recorded people for scenes that walk after some: rows of `id frame x y z` in metres and a line
    /// `# framerate: 25 fps`; a short made-up one unless given.
    #[arg(long, value_name = "FILE", help_heading = "Scenes")]
    pub recording: Option<PathBuf>,
    /// UDP sockets the bots share.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub sockets: u16,
    /// Write the whole report here as JSON.
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub json: Option<PathBuf>,
    /// Write the report here as a page for people: one file that needs no network.
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub html: Option<PathBuf>,
    /// Write the run here second by second, a row each.
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub csv: Option<PathBuf>,
    /// Gates beyond correctness; all off unless given.
    #[command(flatten)]
    pub expect: Expect,
}

impl LoadArgs {
    /// Of a scene on a server of its own, all else as it is unless told otherwise.
    ///
    /// # Panics
    /// Never: the words are ours.
    #[must_use]
    pub fn of_scene(scene: &str, clients: u32, k: f64, seconds: u64) -> Self {
        let words = format!(
            "bluemarble-bench load --scene {scene} --clients {clients} --k {k} --seconds {seconds}"
        );
        match Cli::try_parse_from(words.split(' ')).map(|cli| cli.command) {
            Ok(Command::Load(args)) => *args,
            _ => unreachable!("`{words}` is a load"),
        }
    }

    /// Over how many seconds the bots join.
    #[must_use]
    pub fn ramp_s(&self) -> f64 {
        self.ramp.unwrap_or(RAMP_S)
    }

    /// How many hostile bots there are.
    #[must_use]
    pub fn hostile_bots(&self) -> u32 {
        self.hostile.map_or(0, |wish| wish.bots(self.clients))
    }
}

/// Over how many seconds bots join unless told otherwise.
const RAMP_S: f64 = 5.0;

/// Gates: the run fails if one is not met.
#[derive(Clone, Debug, Default, Args)]
pub struct Expect {
    /// Ticks must take less than this, 99 of 100, milliseconds.
    #[arg(long, value_name = "MS", help_heading = "Gates")]
    pub expect_tick_p99_ms: Option<f64>,
    /// Bots must see at least so many others on average.
    #[arg(long, value_name = "N", help_heading = "Gates")]
    pub expect_seen: Option<f64>,
    /// The server must hand over at least so many entities per second between zones.
    #[arg(long, value_name = "N", help_heading = "Gates")]
    pub expect_handoffs_per_s: Option<f64>,
    /// There must be at least so many kills per second.
    #[arg(long, value_name = "N", help_heading = "Gates")]
    pub expect_kills_per_s: Option<f64>,
    /// A client must be sent at most so many bytes of UDP payload per second on average.
    #[arg(long, value_name = "BYTES", help_heading = "Gates")]
    pub expect_bytes_per_s: Option<f64>,
    /// At most this share of the snapshot datagrams may be missing, 0 to 1.
    #[arg(long, value_name = "SHARE", help_heading = "Gates")]
    pub expect_loss: Option<f64>,
    /// From a bot's first packet until its avatar is there, 99 of 100 take at most so long, milliseconds.
    #[arg(long, value_name = "MS", help_heading = "Gates")]
    pub expect_joined_p99_ms: Option<f64>,
    /// The same for bots that lost their connection and come back.
    #[arg(long, value_name = "MS", help_heading = "Gates")]
    pub expect_returned_p99_ms: Option<f64>,
}

/// How many hostile bots.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HostileWish {
    /// So many.
    Number(u32),
    /// This share of the honest ones, 0 to 1.
    Share(f64),
}

impl HostileWish {
    /// How many that are beside so many honest ones.
    #[must_use]
    pub fn bots(self, clients: u32) -> u32 {
        match self {
            Self::Number(number) => number,
            Self::Share(share) => (share * f64::from(clients)).ceil() as u32,
        }
    }
}

fn parse_hostile(text: &str) -> Result<HostileWish, String> {
    let share = |share: f64| {
        (0.0..=1.0)
            .contains(&share)
            .then_some(HostileWish::Share(share))
    };
    let wish = match text.contains('.') {
        true => text.parse().ok().and_then(share),
        false => text
            .parse()
            .ok()
            .filter(|n| *n <= 10_000)
            .map(HostileWish::Number),
    };
    wish.ok_or_else(|| "must be a number of bots, or a share from 0.0 to 1.0".to_owned())
}

fn parse_link(name: &str) -> Result<LineQuality, UnknownLine> {
    LineQuality::named(name)
}

fn positive_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=3_600.0).contains(&seconds) => Ok(seconds),
        _ => Err("must be a number of seconds, 0 to 3600".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_its_examples_parse() {
        Cli::command().debug_assert();
        let joined = LOAD_EXAMPLES.replace("\\\n", " ");
        let examples = joined
            .lines()
            .map(str::trim)
            .filter(|l| l.starts_with("bluemarble-bench "));
        let parsed: Vec<_> = examples
            .map(|line| Cli::try_parse_from(line.split_whitespace()))
            .collect();
        assert_eq!(parsed.len(), 7);
        for result in parsed {
            result.unwrap();
        }
    }

    #[test]
    fn senseless_numbers_are_refused() {
        for bad in [
            "--clients 0",
            "--seconds 0",
            "--ramp -1",
            "--truth-every 0",
            "--sockets 0",
            "--link perfect",
            "--hostile -1",
            "--hostile 1.5",
            "--hostile many",
        ] {
            let line = format!("bluemarble-bench load {bad}");
            assert!(
                Cli::try_parse_from(line.split_whitespace()).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn hostile_bots_are_counted_or_a_share() {
        let bots = |text| parse_hostile(text).unwrap().bots(30);
        assert_eq!(
            [bots("7"), bots("0"), bots("0.1"), bots("1.0")],
            [7, 0, 3, 30]
        );
    }
}
