//! What is wrong right now, as named reasons that are raised and cleared by whoever notices.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// All is well.
    Ok,
    /// The world runs, but a promise is weakened: durability, or the tick rate.
    Degraded,
    /// Nobody is being served: starting, stopping or failed.
    Down,
}

/// The reasons, by name.
#[derive(Debug, Default)]
pub struct Health {
    reasons: Mutex<BTreeMap<&'static str, Reason>>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// How bad.
    pub grade: Grade,
    /// For people.
    pub text: String,
}

/// All reasons at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The worst of them.
    pub status: Grade,
    /// By name.
    pub reasons: BTreeMap<&'static str, Reason>,
}

impl Health {
    /// Raises a reason that is part of an ordinary life: starting, stopping.
    pub fn announce(&self, name: &'static str, grade: Grade, text: &str) {
        let text = text.to_owned();
        self.reasons.lock().insert(name, Reason { grade, text });
    }

    /// Raises a reason, or changes its text.
    pub fn raise(&self, name: &'static str, grade: Grade, text: impl Into<String>) {
        let reason = Reason {
            grade,
            text: text.into(),
        };
        let before = self.reasons.lock().insert(name, reason.clone());
        if before.is_none_or(|before| before.grade != reason.grade) {
            tracing::warn!(reason = name, grade = ?reason.grade, "{}", reason.text);
        }
    }

    /// Takes a reason back.
    pub fn clear(&self, name: &'static str) {
        if self.reasons.lock().remove(name).is_some() {
            tracing::info!(reason = name, "well again");
        }
    }

    /// Raises or clears a reason.
    pub fn set(&self, name: &'static str, grade: Grade, text: Option<String>) {
        match text {
            Some(text) => self.raise(name, grade, text),
            None => self.clear(name),
        }
    }

    /// Now.
    pub fn report(&self) -> Report {
        let reasons = self.reasons.lock().clone();
        let status = reasons
            .values()
            .map(|reason| reason.grade)
            .max()
            .unwrap_or(Grade::Ok);
        Report { status, reasons }
    }

    /// The worst grade now.
    pub fn grade(&self) -> Grade {
        self.report().status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_reason_decides_and_clearing_it_heals() {
        let health = Health::default();
        assert_eq!(health.grade(), Grade::Ok);
        health.raise("journal", Grade::Degraded, "disk full");
        health.raise("world", Grade::Down, "starting");
        assert_eq!(health.grade(), Grade::Down);
        health.clear("world");
        assert_eq!(health.grade(), Grade::Degraded);
        assert_eq!(health.report().reasons["journal"].text, "disk full");
        health.set("journal", Grade::Degraded, None);
        assert_eq!(health.grade(), Grade::Ok);
    }
}
