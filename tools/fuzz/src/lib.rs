//! Fuzz targets: whatever strangers or a damaged disk can hand to the server or to a client. Each is a
//! plain function of bytes that panics if a promise is broken; nothing else counts as a failure.

mod checkpoint;
mod intents;
mod journal;
mod messages;
pub mod mutate;
mod recording;
mod session;
mod snapshot;
mod tickets;
mod tokens;

use std::path::PathBuf;
use std::sync::OnceLock;

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
        name: "tokens",
        run: tokens::run,
        seeds: tokens::seeds,
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
        name: "recording",
        run: recording::run,
        seeds: recording::seeds,
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

/// A folder of this process, in memory where there is such a place: for what reads files.
fn own_folder() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let memory = PathBuf::from("/dev/shm");
        let place = if memory.is_dir() {
            memory
        } else {
            std::env::temp_dir()
        };
        let folder = place.join(format!("bluemarble-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        folder
    })
}

/// Removes what targets left on the disk.
pub fn clean_up() {
    // A folder that is left behind harms nobody.
    let _removed = std::fs::remove_dir_all(own_folder());
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
