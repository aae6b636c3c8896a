//! Ours and theirs, beside each other.

use std::fmt::Write as _;

use super::Figures;
use crate::cli::PeersArgs;

/// A row each: medians of the rounds, and what went wrong in any.
pub fn of(all: &[Figures], args: &PeersArgs) -> String {
    let mut names: Vec<&str> = Vec::new();
    for figures in all {
        if !names.contains(&figures.name.as_str()) {
            names.push(&figures.name);
        }
    }
    let mut text = format!(
        "W({}, {}), {} s, {} rounds, medians\n\n{:<28} {:>10} {:>16} {:>12} {:>7} {:>10} {:>11}\n",
        args.clients,
        args.k,
        args.seconds,
        args.rounds,
        "",
        "CPU us",
        "tick p50/p99 ms",
        "bytes/s",
        "seen",
        "off p99 cm",
        "B/update",
    );
    for name in names {
        let rounds: Vec<&Figures> = all.iter().filter(|figures| figures.name == name).collect();
        let median = |of: fn(&Figures) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(|figures| of(figures)).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let (bytes, seen) = (median(|f| f.bytes_per_s), median(|f| f.seen));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{name:<28} {:>10.1} {:>8.1} / {:>5.1} {bytes:>12.0} {seen:>7.1} {:>10.1} {:>11.1}",
            median(|f| f.cpu_us),
            median(|f| f.tick_ms.0),
            median(|f| f.tick_ms.1),
            median(|f| f.error_cm_p99),
            bytes / (seen * 20.0),
        );
        for problem in rounds.iter().flat_map(|figures| &figures.problems) {
            let _ = writeln!(text, "    {problem}");
        }
    }
    text.push_str(
        "\nCPU: of the server, per client and tick. bytes/s: UDP payload both ways, per client; of peers what \
         the kernel's loopback\ndevice counted. B/update: those bytes by the others that a client sees twenty \
         times a second.\n",
    );
    text
}
