//! The configuration as a file an operator can edit: every field, its unit, its range and the
//! value in force. `bluemarble-server config` prints it.

use std::fmt::Write;

use super::checked::{
    CHECKPOINT_S, CLIENT_BYTES_PER_S, Config, GRACE_S, INTEREST_M, KEEP_DAILY, KEEP_HOURLY,
    KEEP_LAST, SESSIONS, THREADS, TICK_HZ, WAITING, ZONES,
};
use super::journal::{GROUP_COMMIT_MS, QUEUE_RECORDS};
use super::running::{DEPARTURES, LADDER_S, LEVEL_MAX};

/// The TOML text that yields `config` again.
pub fn document(config: &Config) -> String {
    let mut page = Page::default();
    page.line("# BlueMarble server configuration. Flags override this file.");
    world(&mut page, config);
    files(&mut page, config);
    clients(&mut page, config);
    operator(&mut page, config);
    durability(&mut page, config);
    overload(&mut page, config);
    zones(&mut page, config);
    page.text
}

fn world(page: &mut Page, config: &Config) {
    let world = &config.world;
    page.section("world");
    page.field(
        "Name of this world in the store and in tickets: 1 to 63 letters, digits, '-', '_'.",
        "name",
        text(&world.name),
    );
    page.field(
        "File in <assets>/scenarios, without .ron.",
        "scenario",
        text(&world.scenario),
    );
    page.field(
        "Seed of every random number. An existing world keeps the one it began with.",
        "seed",
        world.seed.to_string(),
    );
    page.field(
        &format!("Ticks a second, {} to {}.", TICK_HZ.start(), TICK_HZ.end()),
        "tick_hz",
        world.tick_hz.to_string(),
    );
    page.optional(
        &format!(
            "Zones the planet is cut into, {} to {}; absent = as the scenario says. Two to four \
             per core; changes no result.",
            ZONES.start(),
            ZONES.end()
        ),
        "zones",
        world.zones.map(|n| n.to_string()),
        "24",
    );
    page.optional(
        &format!(
            "Threads that step zones, {} to {}; absent = one per core. Changes no result.",
            THREADS.start(),
            THREADS.end()
        ),
        "threads",
        world.threads.map(|n| n.to_string()),
        "2",
    );
}

fn files(page: &mut Page, config: &Config) {
    let paths = &config.paths;
    page.section("paths");
    page.field(
        "Directory of database, journal, development keys and admin token.",
        "data_dir",
        text(&paths.data_dir.display().to_string()),
    );
    page.optional(
        "Directory with planets/ and scenarios/; absent = looked for in ./assets, next to the \
         program and where it was built.",
        "assets",
        paths
            .assets
            .as_ref()
            .map(|path| text(&path.display().to_string())),
        "\"/usr/share/bluemarble/assets\"",
    );
}

fn clients(page: &mut Page, config: &Config) {
    let net = &config.net;
    page.section("net");
    page.field(
        "UDP address for QUIC; port 0 = any free one.",
        "listen",
        text(&net.listen.to_string()),
    );
    page.field(
        &format!(
            "Sessions at once, {} to {}; one more waits in line. A session costs \
             about 80 KiB.",
            SESSIONS.start(),
            SESSIONS.end()
        ),
        "sessions_max",
        net.sessions_max.to_string(),
    );
    page.field(
        &format!(
            "Players who may wait in line when the world is full or overloaded, {} to {}; one more is \
             refused.",
            WAITING.start(),
            WAITING.end()
        ),
        "waiting_max",
        net.waiting_max.to_string(),
    );
    page.optional(
        "Sessions of one address (of one /64 for IPv6) at once; absent = no bound of its own.",
        "sessions_per_address_max",
        net.sessions_per_address_max.map(|most| most.to_string()),
        "64",
    );
    page.optional(
        "Characters of one account connected at once, if tickets name accounts; absent = no bound.",
        "sessions_per_account_max",
        net.sessions_per_account_max.map(|most| most.to_string()),
        "4",
    );
    page.field(
        &format!(
            "Metres within which a client sees others, {} to {}; they leave the view a tenth \
             farther out.",
            INTEREST_M.start(),
            INTEREST_M.end()
        ),
        "interest_m",
        float(net.interest_m),
    );
    page.field(
        &format!(
            "Most bytes of snapshots per client and second, {} to {}; what does not fit comes \
             less often, nearest first.",
            CLIENT_BYTES_PER_S.start(),
            CLIENT_BYTES_PER_S.end()
        ),
        "client_bytes_per_s_max",
        net.client_bytes_per_s_max.to_string(),
    );
    page.field(
        &format!(
            "Seconds an avatar stays for its owner to reconnect, {} to {}.",
            GRACE_S.start(),
            GRACE_S.end()
        ),
        "grace_s",
        float(net.grace.as_secs_f64()),
    );
    page.field(
        &format!(
            "Threads for sockets and TLS, {} to {}.",
            THREADS.start(),
            THREADS.end()
        ),
        "threads",
        net.threads.to_string(),
    );
    let tls = net.tls.as_ref();
    page.optional(
        "Certificate chain, PEM; absent = a self-signed development certificate.",
        "cert",
        tls.map(|tls| text(&tls.cert.display().to_string())),
        "\"/etc/bluemarble/cert.pem\"",
    );
    page.optional(
        "Private key of the certificate, PEM.",
        "cert_key",
        tls.map(|tls| text(&tls.key.display().to_string())),
        "\"/etc/bluemarble/cert.key.pem\"",
    );
    page.optional(
        "Public key of whoever signs session tickets, PEM (Ed25519); absent = development key.",
        "ticket_public_key",
        net.ticket_public_key
            .as_ref()
            .map(|path| text(&path.display().to_string())),
        "\"/etc/bluemarble/ticket.pub.pem\"",
    );
}

fn operator(page: &mut Page, config: &Config) {
    page.section("admin");
    page.field(
        "TCP address of the admin HTTP; every call needs the token in <data_dir>/admin.token.",
        "listen",
        text(&config.admin.listen.to_string()),
    );
    page.field(
        "Accept an address other than loopback. The token then crosses the network in clear.",
        "allow_remote",
        config.admin.allow_remote.to_string(),
    );
}

fn durability(page: &mut Page, config: &Config) {
    page.section("store");
    page.optional(
        "Where checkpoints go: sqlite://PATH or postgres://…; absent = <data_dir>/world.sqlite.",
        "database_url",
        config.store.database_url.as_ref().map(|url| text(url)),
        "\"postgres://bluemarble@localhost/bluemarble\"",
    );
    page.field(
        &format!(
            "Seconds between checkpoints, {} to {}: how much a restart after a crash replays.",
            CHECKPOINT_S.start(),
            CHECKPOINT_S.end()
        ),
        "checkpoint_s",
        float(config.store.checkpoint_interval.as_secs_f64()),
    );
    let keep = config.store.retention;
    page.field(
        &format!(
            "Newest checkpoints kept, {} to {}, and the journal back to the oldest of them: should \
             the newest be damaged, the next leads to the same state.",
            KEEP_LAST.start(),
            KEEP_LAST.end()
        ),
        "keep_last",
        keep.last.to_string(),
    );
    page.field(
        &format!(
            "Hours of which the first checkpoint is kept, {} to {}; each takes the world's size in \
             the database, some 100 bytes an entity.",
            KEEP_HOURLY.start(),
            KEEP_HOURLY.end()
        ),
        "keep_hourly",
        keep.hourly.to_string(),
    );
    page.field(
        &format!(
            "Days (UTC) of which the first checkpoint is kept, {} to {}.",
            KEEP_DAILY.start(),
            KEEP_DAILY.end()
        ),
        "keep_daily",
        keep.daily.to_string(),
    );
    page.section("journal");
    page.field(
        &format!(
            "Milliseconds between flushes to disk, {} to {}: how much a power cut may take.",
            GROUP_COMMIT_MS.start(),
            GROUP_COMMIT_MS.end()
        ),
        "group_commit_ms",
        config.journal.group_commit.as_millis().to_string(),
    );
    page.field(
        &format!(
            "Records that may wait for the journal's writer, {} to {}; beyond that the journal \
             counts as broken and a checkpoint is taken at once.",
            QUEUE_RECORDS.start(),
            QUEUE_RECORDS.end()
        ),
        "queue_records",
        config.journal.queue_records.to_string(),
    );
    page.field(
        "Keep the oldest checkpoint and every segment since, so that all of it can be replayed; \
         nothing is removed while this is true, so the directory grows for ever.",
        "record",
        config.journal.record.to_string(),
    );
    page.field(
        "Where a tick must be before anybody is told that it is durable: \"local\", on this machine's \
         disk; \"replicated\", in the database, too, so that nothing acknowledged is lost with this \
         machine.",
        "durable",
        text(&config.journal.durability.to_string()),
    );
    page.optional(
        "Whether the journal is shipped to the database, from where a start brings it back if the disk \
         is lost; absent = if the database is Postgres or durable is \"replicated\".",
        "ship",
        config.journal.ship.map(|ship| ship.to_string()),
        "true",
    );
}

fn overload(page: &mut Page, config: &Config) {
    let overload = &config.overload;
    page.section("overload");
    page.field(
        &format!(
            "Highest step of the overload ladder that may be taken, {} to {}: 1 far bands less \
             often, 2 near bands, 3 radius, 4 creatures think less, 5 time passes slower, 6 logins \
             wait. 0 = nothing gives way, ticks are skipped.",
            LEVEL_MAX.start(),
            LEVEL_MAX.end()
        ),
        "level_max",
        overload.level_max.to_string(),
    );
    page.field(
        &format!(
            "Seconds of ticks above 85 % of their time before a step up, {} to {}.",
            LADDER_S.start(),
            LADDER_S.end()
        ),
        "climb_s",
        float(overload.climb.as_secs_f64()),
    );
    page.field(
        &format!(
            "Seconds of ticks below 60 % before a step down, {} to {}; longer after steps down \
             that were regretted.",
            LADDER_S.start(),
            LADDER_S.end()
        ),
        "rest_s",
        float(overload.rest.as_secs_f64()),
    );
}

fn zones(page: &mut Page, config: &Config) {
    let zones = &config.zones;
    page.section("zones");
    page.field(
        "Keep zones even by themselves, by what their steps take. Changes no result.",
        "balance",
        zones.balance.to_string(),
    );
    page.optional(
        "How many zones are kept, min to max; absent = as many as the world begins with. Two to \
         four per core.",
        "target",
        zones.target.map(|n| n.to_string()),
        "6",
    );
    page.field(
        &format!(
            "Fewest zones, {} to {}: no balancer and no order goes below.",
            ZONES.start(),
            ZONES.end()
        ),
        "min",
        zones.min.to_string(),
    );
    page.field(
        &format!("Most zones, {} to {}.", ZONES.start(), ZONES.end()),
        "max",
        zones.max.to_string(),
    );
    page.field(
        &format!(
            "Entities that change their zone in one tick because a boundary has moved, {} to {}; \
             the others wait, and nobody notices.",
            DEPARTURES.start(),
            DEPARTURES.end()
        ),
        "departures_per_tick",
        zones.departures_per_tick.to_string(),
    );
}

fn text(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}

fn float(value: f64) -> String {
    toml::Value::Float(value).to_string()
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn section(&mut self, name: &str) {
        let _infallible = writeln!(self.text, "\n[{name}]");
    }

    fn field(&mut self, comment: &str, key: &str, value: String) {
        let _infallible = writeln!(self.text, "# {comment}\n{key} = {value}");
    }

    fn optional(&mut self, comment: &str, key: &str, value: Option<String>, example: &str) {
        match value {
            Some(value) => self.field(comment, key, value),
            None => {
                let _infallible = writeln!(self.text, "# {comment}\n# {key} = {example}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cli::ConfigFlags;
    use crate::config::{ConfigRaw, parse};

    fn read(text: &str) -> Config {
        let path = Path::new("printed.toml");
        let raw = parse(path, text).unwrap();
        Config::resolve(&raw, Some((path, text)), &ConfigFlags::default()).unwrap()
    }

    #[test]
    fn the_printed_default_is_the_default() {
        let default =
            Config::resolve(&ConfigRaw::default(), None, &ConfigFlags::default()).unwrap();
        assert_eq!(read(&document(&default)), default);
    }

    /// With every example in force.
    fn uncommented(document: &str) -> String {
        let line = |line: &str| match line.strip_prefix("# ") {
            Some(rest) if is_assignment(rest) => format!("{rest}\n"),
            _ => format!("{line}\n"),
        };
        document.lines().map(line).collect()
    }

    /// Whatever an editor, a disk or a template makes of the file: it is read, or the complaint says something.
    #[test]
    fn a_damaged_file_is_refused_in_words_and_never_a_panic() {
        let path = Path::new("damaged.toml");
        let whole = uncommented(&document(&read("")));
        let (mut refused, mut accepted) = (0, 0);
        for seed in 0..1_500_u64 {
            let mut draw = seed;
            let mut below = |end: usize| {
                draw = bluemarble_shared_protocol::mix64(draw);
                (draw % end as u64) as usize
            };
            let mut bytes: Vec<u8> = whole.clone().into_bytes();
            for _ in 0..=below(3) {
                let (at, length) = (below(bytes.len()), 1 + below(40));
                let end = (at + length).min(bytes.len());
                match below(4) {
                    0 => bytes[at] = below(256) as u8,
                    1 => drop(bytes.drain(at..end)),
                    2 => bytes.truncate(at.max(1)),
                    _ => {
                        let piece = bytes[at..end].to_vec();
                        let to = below(bytes.len());
                        bytes.splice(to..to, piece);
                    }
                }
            }
            let text = String::from_utf8_lossy(&bytes);
            let result = parse(path, &text).and_then(|raw| {
                Config::resolve(&raw, Some((path, &text)), &ConfigFlags::default())
            });
            match result {
                Ok(_) => accepted += 1,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    refused += 1;
                }
            }
        }
        assert!(refused > 200 && accepted > 20, "{accepted}, {refused}");
    }

    #[test]
    fn every_commented_example_is_a_valid_field() {
        let default = document(&read(""));
        let full = read(&uncommented(&default));
        assert!(full.net.tls.is_some() && full.store.database_url.is_some());
        assert_eq!(read(&document(&full)), full);
    }

    fn is_assignment(line: &str) -> bool {
        line.split_once(" = ").is_some_and(|(key, _)| {
            !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        })
    }
}
