//! Fuzz targets: whatever strangers or a damaged disk can hand to the server or to a client. Each is a
//! plain function of bytes that panics if a promise is broken; nothing else counts as a failure.

mod checkpoint;
mod intents;
mod journal;
mod messages;
pub mod mutate;
mod session;
mod snapshot;
mod tickets;

/// One target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What `cargo xtask fuzz` calls it, and the folder of its corpus.
    pub name: &'static str,
    /// Takes an input.
    pub run: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "snapshot",
        run: snapshot::run,
        seeds: snapshot::seeds,
    },
    Target {
        name: "intents",
        run: intents::run,
        seeds: intents::seeds,
    },
    Target {
        name: "messages",
        run: messages::run,
        seeds: messages::seeds,
    },
    Target {
        name: "tickets",
        run: tickets::run,
        seeds: tickets::seeds,
    },
    Target {
        name: "journal",
        run: journal::run,
        seeds: journal::seeds,
    },
    Target {
        name: "checkpoint",
        run: checkpoint::run,
        seeds: checkpoint::seeds,
    },
    Target {
        name: "session",
        run: session::run,
        seeds: session::seeds,
    },
];

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Cuts an input into pieces: a length byte (times four) each.
fn pieces(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (&length, rest) = data.split_first()?;
        let (piece, rest) = rest.split_at(rest.len().min(usize::from(length) * 4));
        data = rest;
        Some(piece)
    })
}

/// Puts pieces together, cut or filled up to what a length byte can say.
fn joined(pieces: &[Vec<u8>]) -> Vec<u8> {
    let mut all = Vec::new();
    for piece in pieces {
        let quads = piece.len().div_ceil(4).min(255);
        let mut piece = piece.clone();
        piece.resize(quads * 4, 0);
        all.push(quads as u8);
        all.extend(piece);
    }
    all
}
