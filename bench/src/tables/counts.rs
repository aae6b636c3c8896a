//! How often each number of each field was met, by class of motion and of age: all that tables are made
//! from. As text it is small enough to be checked in.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use bluemarble_shared_protocol::codec::delta::{BODY_FIELDS, Baseline, WALKER_FIELDS};
use bluemarble_shared_protocol::codec::tables::{AGE_CLASSES, age_class};
use bluemarble_shared_protocol::{WireEntity, mix64};

/// Up to this numbers are told apart; beyond, four to each doubling.
const EXACT: u32 = 128;

/// Walkers or bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Motion {
    /// A heading alone.
    Walker,
    /// Turned anyhow.
    Body,
}

impl Motion {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Walker, Self::Body];

    /// What its fields are called.
    #[must_use]
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Walker => &WALKER_FIELDS,
            Self::Body => &BODY_FIELDS,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Walker => "walker",
            Self::Body => "body",
        }
    }
}

/// How often each number was met in one field, as it is coded: residuals made positive.
pub type Histogram = BTreeMap<u32, u64>;

/// By class of motion, class of age and field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<(Motion, usize, usize), Histogram>);

impl Counts {
    /// One delta, as it would be written. A body that is sent whole or is just as expected counts for nothing.
    pub fn add(&mut self, base: &Baseline, hz: u32, state: &WireEntity) {
        let motion = if base.state.rotation.is_some() {
            Motion::Body
        } else {
            Motion::Walker
        };
        let class = age_class(base.age, hz);
        for (field, number) in base.numbers(hz, state) {
            let histogram = self.0.entry((motion, class, field)).or_default();
            *histogram.entry(coarse(number)).or_default() += 1;
        }
    }

    /// What was met in one field.
    #[must_use]
    pub fn of(&self, motion: Motion, class: usize, field: usize) -> Histogram {
        let found = self.0.get(&(motion, class, field));
        found.cloned().unwrap_or_default()
    }

    /// As text, a line for each field.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::from("# motion, class of age, field: number×count …\n");
        for ((motion, class, field), histogram) in &self.0 {
            let _ = write!(text, "{} {class} {field}:", motion.name());
            for (value, count) in histogram {
                let _ = write!(text, " {value}×{count}");
            }
            text.push('\n');
        }
        text
    }

    /// From such a text.
    ///
    /// # Errors
    /// Which line is not one.
    pub fn from_text(text: &str) -> anyhow::Result<Self> {
        let mut counts = Self::default();
        for (n, line) in text.lines().enumerate() {
            if line.starts_with('#') || line.is_empty() {
                continue;
            }
            let (key, histogram) = parsed(line).with_context(|| format!("line {}", n + 1))?;
            counts.0.insert(key, histogram);
        }
        Ok(counts)
    }

    /// A hash of the text: what the tables were made from.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let text = self.to_text();
        text.bytes()
            .fold(0, |hash, byte| mix64(hash ^ u64::from(byte)))
    }
}

fn parsed(line: &str) -> anyhow::Result<((Motion, usize, usize), Histogram)> {
    let (key, values) = line.split_once(':').context("no colon")?;
    let key: Vec<&str> = key.split(' ').collect();
    let [motion, class, field] = key[..] else {
        bail!("the key has not three parts");
    };
    let mut all = Motion::ALL.into_iter();
    let motion = all.find(|known| known.name() == motion).context("motion")?;
    let (class, field): (usize, usize) = (class.parse()?, field.parse()?);
    if class >= AGE_CLASSES || field >= motion.fields().len() {
        bail!("no such class or field");
    }
    let mut histogram = Histogram::new();
    for pair in values.split_whitespace() {
        let (value, count) = pair.split_once('×').context("no ×")?;
        histogram.insert(value.parse()?, count.parse()?);
    }
    Ok(((motion, class, field), histogram))
}

/// The lowest number that counts as the same.
fn coarse(value: u32) -> u32 {
    if value < EXACT {
        return value;
    }
    let step = 1 << (value.ilog2() - 2);
    value / step * step
}
