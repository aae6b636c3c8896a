//! Tables and figures of the page.

use super::scale::number;
use super::{escaped, facts_table, table};
use crate::report::{BandQuality, PromiseCount, Quantiles, Report, band_name};

/// What somebody who has not written the bench must know.
pub(super) const HOW: &str = "<div class=\"how\"><p>Bots are real QUIC clients in another process. Some of them \
decode everything they receive and compare it with a feed of the truth, taken before replication; what they \
saw wrong fails the run, however fast it was. The warm-up, in which bots join and settle, is not \
measured.</p><p>A run is <b>void</b> when the bots' threads were more than 90 % busy, or bots were woken more \
than 5 ms late (99 of 100): its figures are about the bench then, and say nothing about the server.</p>\
<p>p99: 99 of 100 values are at most this; the distributions show the rest, with as much room for the last \
hundredth as for the first nine tenths. Latencies count from when something was due or ordered. A wait that \
has not ended shows as <i>longest wait not over</i> while it lasts and counts when it ends, so a server that \
stalls does not hide it by keeping its clients from measuring. Staleness is looked at at ticks chosen \
beforehand, whatever has arrived. CPU by phase: the threads' processor time, that of the loop shared out by \
the clock.</p></div>";

/// The figures that people ask for first.
pub(super) fn tiles(report: &Report) -> String {
    let known = |value: Option<f64>| value.map_or("?".to_owned(), number);
    let tile = |value: String, unit: &str, name: String| {
        format!(
            "<div class=\"tile\"><b>{} <small>{}</small></b><span>{}</span></div>",
            escaped(&value),
            escaped(unit),
            escaped(&name)
        )
    };
    let period_ms = 1_000.0 / f64::from(report.tick_hz.max(1));
    let mut tiles = vec![
        tile(
            known(report.tick_ms.p99),
            "ms",
            format!("tick p99, of {period_ms:.0}"),
        ),
        tile(
            known(report.server_cpu_us_per_client_tick),
            "µs",
            "CPU per client and tick".into(),
        ),
        tile(
            number(report.down_bytes_per_s),
            "bytes/s",
            "down per client".into(),
        ),
        tile(number(report.seen_mean), "", "others seen, mean".into()),
    ];
    if let (Some(near), Some(far)) = (report.bands.first(), report.bands.last()) {
        tiles.push(tile(
            number(near.age_ms.p99),
            "ms",
            "staleness p99, near".into(),
        ));
        tiles.push(tile(
            number(far.age_ms.p99),
            "ms",
            "staleness p99, far".into(),
        ));
        tiles.push(tile(
            number(near.error_cm.p99),
            "cm",
            "position error p99, near".into(),
        ));
    }
    if let Some(cost) = &report.cost {
        tiles.push(tile(
            number(cost.kib_per_client),
            "KiB",
            "memory per client".into(),
        ));
    } else {
        let mib = report
            .server_resident_bytes
            .map(|bytes| bytes / 1_048_576.0);
        tiles.push(tile(known(mib), "MiB", "memory of the server".into()));
    }
    if report.move_ms.sights > 0 {
        tiles.push(tile(
            number(report.move_ms.p99),
            "ms",
            "move to others' view, p99".into(),
        ));
    }
    if report.blow_ms.sights > 0 {
        tiles.push(tile(
            number(report.blow_ms.p99),
            "ms",
            "blow to others' view, p99".into(),
        ));
    }
    tiles.push(tile(
        number(report.snapshots.loss * 100.0),
        "%",
        "snapshots lost".into(),
    ));
    format!("<div class=\"tiles\">{}</div>\n", tiles.concat())
}

/// Machine, build, scene, seed, line.
pub(super) fn what_ran(report: &Report) -> String {
    let line = match &report.line {
        Some(line) => format!("{}: {}", line.quality, line.packets),
        None => "none in between".to_owned(),
    };
    facts_table(&[
        ("machine", report.machine.clone()),
        ("server", report.server_build.clone()),
        ("bench", report.bench_build.clone()),
        (
            "scene",
            format!(
                "{}, {} zones, {} entities, {} Hz",
                report.scene, report.zones, report.entities, report.tick_hz
            ),
        ),
        (
            "load",
            format!(
                "{} clients for {:.1} s, after the warm-up",
                report.clients, report.seconds
            ),
        ),
        (
            "seeds",
            format!("bots {}, world {}", report.seed, report.world_seed),
        ),
        ("line", line),
        ("the bench itself", report.bench.told()),
    ])
}

fn triple(q: &Quantiles) -> [String; 3] {
    [number(q.p50), number(q.p99), number(q.max)]
}

/// Quality by distance.
pub(super) fn bands(report: &Report) -> String {
    let row = |n: usize, band: &BandQuality| {
        let mut cells = vec![band_name(n), number(band.looks as f64)];
        cells.extend(triple(&band.error_cm));
        cells.extend(triple(&band.age_ms));
        let share = |count: u64, of: u64| {
            let percent = count as f64 * 100.0 / of.max(1) as f64;
            format!("{} ({} %)", number(count as f64), number(percent))
        };
        cells.push(share(band.missing, band.there));
        cells.push(share(band.ghosts, band.looks));
        cells
    };
    let rows: Vec<_> = report
        .bands
        .iter()
        .enumerate()
        .map(|(n, band)| row(n, band))
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let names = [
        "distance",
        "looks",
        "error p50, cm",
        "p99",
        "max",
        "staleness p50, ms",
        "p99",
        "longest without an update",
        "missing",
        "ghosts",
    ];
    table(&names, 1, &rows)
        + "<p class=\"how\">Missing: there for everybody to see, and not in view, yet or any more. Ghosts: in view, \
           and nowhere, any more. Both have a moment; who stays missing or a ghost for longer breaks a promise \
           below. Order: ticks, epochs and applied inputs that went backward are counted under <i>header</i>.</p>\n"
}

/// Promises, and how often each was broken.
pub(super) fn checked(report: &Report) -> String {
    let seen = &report.verification;
    let mut rows = String::new();
    for PromiseCount { promise, count } in &seen.promises {
        let class = if count.failures > 0 {
            " class=\"broken\""
        } else {
            ""
        };
        let examples: Vec<String> = count.examples.iter().map(|one| escaped(one)).collect();
        rows += &format!(
            "<tr{class}><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
            promise.label(),
            promise.meaning(),
            number(count.checks as f64),
            number(count.failures as f64)
        );
        if !examples.is_empty() {
            rows += &format!(
                "<tr><td></td><td colspan=\"3\"><code>{}</code></td></tr>\n",
                examples.join("<br>")
            );
        }
    }
    if rows.is_empty() {
        return rows;
    }
    format!(
        "<p class=\"under\">{} of {} views compared with {} frames of truth; {} without truth. {} snapshots \
         undecodable, {} came out otherwise than meant; {} bots missing.</p>\n\
         <div class=\"wide\"><table><tr><th>promise</th><th></th><th class=\"n\">checks</th>\
         <th class=\"n\">failures</th></tr>\n{rows}</table></div>\n",
        number(seen.samples as f64),
        number(seen.samples_expected as f64),
        number(seen.truths as f64),
        number(seen.unverified as f64),
        report.snapshots.undecodable,
        report.snapshots.diverged,
        report.lost.refused + report.lost.disconnected
    )
}

/// What became of them, if there were any.
pub(super) fn hostile(report: &Report) -> String {
    let Some(hostile) = &report.hostile else {
        return String::new();
    };
    let rows: Vec<Vec<String>> = hostile
        .kinds
        .iter()
        .map(|kind| {
            vec![
                kind.kind.clone(),
                kind.due.clone(),
                kind.fates_told(),
                kind.attempts.to_string(),
                kind.wrong.to_string(),
            ]
        })
        .collect();
    table(&["kind", "due", "met", "attempts", "wrong"], 3, &rows)
}

/// All that the text summary has.
pub(super) fn figures(report: &Report) -> String {
    format!(
        "<details><summary>as the text summary has them</summary>\n{}</details>\n",
        facts_table(&report.all_rows())
    )
}

/// Wall time, by the proleptic Gregorian calendar; the days are counted from 1 March 0000, so that leap days
/// end years (Howard Hinnant, "chrono-compatible low-level date algorithms").
pub(super) fn utc(unix_s: u64) -> String {
    let (days, second) = (unix_s / 86_400 + 719_468, unix_s % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (date, month) = (day - (153 * month + 2) / 5 + 1, (month + 2) % 12 + 1);
    let year = year + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{date:02} {:02}:{:02}:{:02} UTC",
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_dates() {
        assert_eq!(utc(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(utc(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(utc(1_735_689_599), "2024-12-31 23:59:59 UTC");
    }
}
