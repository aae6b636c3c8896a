//! `PEER server|clients --clients N --patch-m P --radius-m R --hz H [--server ADDR]`.

use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What both sides are told.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// Players.
    pub clients: u32,
    /// Radius of the patch, metres.
    pub patch_m: f32,
    /// Within which a client sees others, metres.
    pub radius_m: f32,
    /// Ticks a second.
    pub hz: u32,
    /// Whether states are packed by hand, where the peer can.
    pub packed: bool,
}

/// Which side.
#[derive(Clone, Copy, Debug)]
pub enum Command {
    /// Be the server: print `ready ADDR`, serve until standard input ends, and print a line of JSON.
    Server(Work),
    /// Be all clients of this server: print `inside` when they are, play until standard input ends, and
    /// print a line of JSON.
    Clients(Work, SocketAddr),
}

impl Command {
    /// From the command line; ends the program with what is wrong.
    #[must_use]
    pub fn parse() -> Self {
        Self::of(std::env::args().skip(1)).unwrap_or_else(|problem| {
            eprintln!(
                "error: {problem}\nusage: server|clients --clients N --patch-m P --radius-m R --hz H \
                 [--packed] [--server ADDR]"
            );
            std::process::exit(2);
        })
    }

    fn of(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let side = words.next().ok_or("which side?")?;
        let (mut work, mut server) = (
            Work {
                clients: 0,
                patch_m: 0.0,
                radius_m: 0.0,
                hz: 0,
                packed: false,
            },
            None,
        );
        while let Some(name) = words.next() {
            if name == "--packed" {
                work.packed = true;
                continue;
            }
            let value = words.next().ok_or_else(|| format!("{name} of what?"))?;
            let bad = |error: &dyn std::fmt::Display| format!("{name} {value}: {error}");
            match name.as_str() {
                "--clients" => work.clients = value.parse().map_err(|error| bad(&error))?,
                "--patch-m" => work.patch_m = value.parse().map_err(|error| bad(&error))?,
                "--radius-m" => work.radius_m = value.parse().map_err(|error| bad(&error))?,
                "--hz" => work.hz = value.parse().map_err(|error| bad(&error))?,
                "--server" => server = Some(value.parse().map_err(|error| bad(&error))?),
                _ => return Err(format!("{name} is not known")),
            }
        }
        let complete = work.clients > 0 && work.patch_m > 0.0 && work.radius_m > 0.0 && work.hz > 0;
        if !complete {
            return Err("--clients, --patch-m, --radius-m and --hz must be above 0".to_owned());
        }
        match (side.as_str(), server) {
            ("server", None) => Ok(Self::Server(work)),
            ("clients", Some(server)) => Ok(Self::Clients(work, server)),
            _ => Err("either `server`, or `clients` with --server".to_owned()),
        }
    }
}

/// Becomes true when standard input ends: whoever runs this has seen enough, or is gone.
#[must_use]
pub fn until_told() -> Arc<AtomicBool> {
    let told = Arc::new(AtomicBool::new(false));
    let teller = told.clone();
    std::thread::spawn(move || {
        let mut rest = Vec::new();
        let _ended_or_broken = std::io::stdin().read_to_end(&mut rest);
        teller.store(true, Ordering::Release);
    });
    told
}
