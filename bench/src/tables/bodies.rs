//! Recorded rigid bodies: a file of comma-separated values, a line for each body and frame of a network
//! replay, as the wire would carry them.
//!
//! Columns, by name: `frame`, `actor`, `class`, `x y z` in centimetres, `qx qy qz qw`, `vx vy vz` in
//! centimetres per second; others are ignored. A velocity that is not a number means that the body is
//! asleep. A file whose name ends in `.zst` is unpacked by the program `zstd`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};
use bluemarble_shared_protocol::WireEntity;
use bluemarble_shared_protocol::codec::quantise;
use glam::{DQuat, DVec3};

/// Frames of the recording per second.
pub const HZ: u32 = 30;

/// What is recorded of one moment.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The frame's number: a tick.
    pub tick: u64,
    /// Who was recorded in it, and how they were.
    pub rows: Vec<(u32, WireEntity)>,
}

/// Reads a recording.
///
/// # Errors
/// The file is not there, cannot be unpacked, or a line is not what it should be.
pub fn read(path: &Path) -> anyhow::Result<Vec<Frame>> {
    let text = unpacked(path)?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines
        .next()
        .context("the file is empty")?
        .split(',')
        .collect();
    let column = |name: &str| {
        let at = header.iter().position(|known| *known == name);
        at.with_context(|| format!("{}: no column '{name}'", path.display()))
    };
    let names = [
        "frame", "actor", "class", "x", "y", "z", "qx", "qy", "qz", "qw", "vx", "vy", "vz",
    ];
    let mut columns = [0; 13];
    for (place, name) in columns.iter_mut().zip(names) {
        *place = column(name)?;
    }
    let mut frames: Vec<Frame> = Vec::new();
    let mut classes: Vec<&str> = Vec::new();
    for (n, line) in lines.enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        let row = row(&cells, &columns, &mut classes)
            .with_context(|| format!("{}, line {}", path.display(), n + 2))?;
        let (tick, actor, state) = row;
        match frames.last_mut() {
            Some(frame) if frame.tick == tick => frame.rows.push((actor, state)),
            Some(frame) if frame.tick > tick => bail!("line {}: frames go back", n + 2),
            _ => frames.push(Frame {
                tick,
                rows: vec![(actor, state)],
            }),
        }
    }
    Ok(frames)
}

fn row<'a>(
    cells: &[&'a str],
    columns: &[usize; 13],
    classes: &mut Vec<&'a str>,
) -> anyhow::Result<(u64, u32, WireEntity)> {
    let cell = |at: usize| cells.get(columns[at]).copied().context("too few columns");
    let number = |at: usize| -> anyhow::Result<f64> {
        let text = cell(at)?;
        text.parse()
            .with_context(|| format!("'{text}' is no number"))
    };
    let three = |first: usize| -> anyhow::Result<DVec3> {
        Ok(DVec3::new(
            number(first)?,
            number(first + 1)?,
            number(first + 2)?,
        ))
    };
    let class = cell(2)?;
    let kind = match classes.iter().position(|known| *known == class) {
        Some(kind) => kind,
        None => {
            classes.push(class);
            classes.len() - 1
        }
    };
    let velocity = three(10)?;
    let velocity = if velocity.is_nan() {
        DVec3::ZERO
    } else {
        velocity
    };
    let turned = DQuat::from_xyzw(number(6)?, number(7)?, number(8)?, number(9)?);
    let state = WireEntity {
        pos_cm: quantise::position_cm(three(3)? / 100.0),
        vel_cmps: quantise::velocity_cmps(velocity / 100.0),
        rotation: Some(quantise::rotation(turned)),
        health: u8::MAX,
        kind: u16::try_from(kind)?,
        ..WireEntity::default()
    };
    Ok((number(0)? as u64, number(1)? as u32, state))
}

fn unpacked(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    if path.extension().is_none_or(|ending| ending != "zst") {
        return std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"));
    }
    std::fs::metadata(path).with_context(|| format!("cannot read {shown}"))?;
    let output = Command::new("zstd")
        .arg("-dcq")
        .arg(path)
        .output()
        .context("cannot start zstd: install it, or unpack the file and give that")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("zstd cannot unpack {shown}: {said}");
    }
    String::from_utf8(output.stdout).with_context(|| format!("{shown} is no text"))
}

/// The frames of the first half of the recording's rows, and the others.
#[must_use]
pub fn halves(frames: &[Frame]) -> (&[Frame], &[Frame]) {
    let rows: usize = frames.iter().map(|frame| frame.rows.len()).sum();
    let mut seen = 0;
    let middle = frames.iter().position(|frame| {
        seen += frame.rows.len();
        seen > rows / 2
    });
    frames.split_at(middle.unwrap_or(frames.len()))
}
