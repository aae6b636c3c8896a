//! Whether a client hears us, judged by what it acknowledges: what follows from silence is fewer
//! datagrams, not more.
//!
//! A client that has acknowledged nothing new for a second is *quiet*: its line is dead, or it does
//! not play by the rules. It gets one datagram every quarter of a second, enough to notice at once
//! when the line is back, too few to fill a dead line, to be worth anything to whoever wants
//! others flooded, or to push its baselines out of reach. The first acknowledgement ends that.

use bluemarble_shared_protocol::Tick;

/// Seconds without an acknowledgement after which a client is quiet.
const QUIET_AFTER_S: u64 = 1;
/// Datagrams a second for a quiet client.
const PROBES_PER_S: u64 = 4;
/// Seconds after the end of a silence in which baselines from before it may still be needed.
const RECOVER_S: u64 = 2;

/// One session's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Liveness {
    tick_hz: u64,
    /// When something new was acknowledged last, or when the session began.
    heard: Tick,
    /// The first tick of a silence that is not over.
    quiet_since: Option<Tick>,
    /// Until when baselines from before the last silence are kept.
    recovers_until: Option<Tick>,
}

/// What a tick is for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Like every other.
    Usual,
    /// It is quiet; something is sent all the same.
    Probe,
    /// It is quiet; nothing is sent.
    Nothing,
}

impl Liveness {
    pub(crate) fn new(now: Tick, tick_hz: u32) -> Self {
        Self {
            tick_hz: u64::from(tick_hz.max(1)),
            heard: now,
            quiet_since: None,
            recovers_until: None,
        }
    }

    /// It acknowledged something new.
    pub(crate) fn heard(&mut self, now: Tick) {
        if self.quiet_since.is_some() {
            return self.resumed(now);
        }
        self.heard = self.heard.max(now);
    }

    /// It is back, after a silence.
    pub(crate) fn resumed(&mut self, now: Tick) {
        self.heard = self.heard.max(now);
        self.quiet_since = None;
        self.recovers_until = Some(Tick(now.0 + RECOVER_S * self.tick_hz));
    }

    /// What `now` is.
    pub(crate) fn turn(&mut self, now: Tick) -> Turn {
        if now.0.saturating_sub(self.heard.0) < QUIET_AFTER_S * self.tick_hz {
            return Turn::Usual;
        }
        let since = *self.quiet_since.get_or_insert(now);
        let period = (self.tick_hz / PROBES_PER_S).max(1);
        if now.0.saturating_sub(since.0).is_multiple_of(period) {
            Turn::Probe
        } else {
            Turn::Nothing
        }
    }

    /// Whether it has not been heard of for a while.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet_since.is_some()
    }

    /// Whether baselines from before a silence can be let go of; true once after each.
    pub(crate) fn has_recovered(&mut self, now: Tick) -> bool {
        let over = !self.is_quiet() && self.recovers_until.is_some_and(|until| until <= now);
        if over {
            self.recovers_until = None;
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_means_a_few_datagrams_a_second_until_the_first_acknowledgement() {
        let mut live = Liveness::new(Tick(100), 20);
        let turns = |live: &mut Liveness, from: u64, to: u64| {
            let turns = (from..to).map(|tick| live.turn(Tick(tick)));
            let sent = turns.filter(|turn| *turn != Turn::Nothing);
            sent.count()
        };
        assert_eq!(turns(&mut live, 100, 120), 20);
        assert_eq!(live.turn(Tick(120)), Turn::Probe);
        assert_eq!(turns(&mut live, 121, 320), 39, "four a second");
        assert!(live.is_quiet());
        live.heard(Tick(320));
        assert_eq!(live.turn(Tick(320)), Turn::Usual);
        assert!(!live.has_recovered(Tick(359)));
        assert!(live.has_recovered(Tick(360)) && !live.has_recovered(Tick(361)));
    }

    #[test]
    fn whoever_is_heard_of_is_never_quiet() {
        let mut live = Liveness::new(Tick(0), 60);
        for tick in 0..10_000 {
            assert_eq!(live.turn(Tick(tick)), Turn::Usual);
            if tick % 59 == 0 {
                live.heard(Tick(tick));
            }
        }
        assert!(!live.has_recovered(Tick(10_000)));
    }
}
