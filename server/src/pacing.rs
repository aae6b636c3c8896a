//! When the next tick is due: an absolute schedule, so that small delays do not add up.
//!
//! A tick that starts late is followed at once by the next until the schedule is met again, but
//! at most a few in a row: what lies further behind is skipped and counted, because running ticks
//! back to back for long would only deepen the overload it came from. Skipping loses no tick of
//! the world (ticks are numbered by steps, not by time); the world's clock falls behind the wall's.
//!
//! Under overload time may be stretched: the same beats, farther apart.
//!
//! The clock is an argument: nanoseconds since any fixed moment.

/// The schedule of one world.
#[derive(Debug)]
pub struct Pacer {
    tick_hz: u64,
    catch_up_max: u64,
    /// By how many eighths a beat takes longer.
    slower_eighths: u64,
    /// Time of beat 0 of the current schedule.
    origin_ns: u64,
    /// Beats of the current schedule already begun.
    begun: u64,
    skipped: u64,
}

/// What [`Pacer::begin`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// How late this tick starts, nanoseconds.
    pub late_ns: u64,
    /// Beats given up just now because too many were due.
    pub skipped: u64,
}

impl Pacer {
    /// A schedule whose first beat is due at `now_ns`.
    pub fn new(tick_hz: u32, catch_up_max: u64, now_ns: u64) -> Self {
        Self {
            tick_hz: u64::from(tick_hz),
            catch_up_max,
            slower_eighths: 0,
            origin_ns: now_ns,
            begun: 0,
            skipped: 0,
        }
    }

    /// Nanoseconds until the next beat; 0 if it is due.
    pub fn wait_ns(&self, now_ns: u64) -> u64 {
        self.due_ns(self.begun).saturating_sub(now_ns)
    }

    /// Begins the beat that is due, giving up those beyond the catch-up limit.
    pub fn begin(&mut self, now_ns: u64) -> Beat {
        let late_ns = now_ns.saturating_sub(self.due_ns(self.begun));
        let beats_behind = late_ns * self.tick_hz * 8 / ((8 + self.slower_eighths) * NANOS_PER_S);
        let skipped = beats_behind.saturating_sub(self.catch_up_max);
        self.begun += skipped;
        self.skipped += skipped;
        self.begun += 1;
        Beat { late_ns, skipped }
    }

    /// From the next beat on, beats are so many eighths of a period farther apart than a period.
    pub fn set_slower(&mut self, eighths: u8) {
        if u64::from(eighths) != self.slower_eighths {
            self.origin_ns = self.due_ns(self.begun);
            self.begun = 0;
            self.slower_eighths = u64::from(eighths);
        }
    }

    /// Beats given up since the start.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// From the number of the beat, not by adding periods: 1/120 s is no whole number of
    /// nanoseconds.
    fn due_ns(&self, beat: u64) -> u64 {
        let (eighths, per_s) = (beat * (8 + self.slower_eighths), 8 * self.tick_hz);
        let (seconds, rest) = (eighths / per_s, eighths % per_s);
        self.origin_ns + seconds * NANOS_PER_S + rest * NANOS_PER_S / per_s
    }
}

const NANOS_PER_S: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_punctual_loop_waits_one_period_each_time() {
        let mut pacer = Pacer::new(20, 4, 7);
        for n in 0..100 {
            let now = 7 + n * 50 * MS;
            assert_eq!(pacer.wait_ns(now), 0);
            assert_eq!(
                pacer.begin(now),
                Beat {
                    late_ns: 0,
                    skipped: 0
                }
            );
            assert_eq!(pacer.wait_ns(now + 10 * MS), 40 * MS);
        }
    }

    #[test]
    fn a_rate_that_does_not_divide_a_second_does_not_drift() {
        let mut pacer = Pacer::new(120, 4, 0);
        for _ in 0..120 * 3_600 {
            let due = pacer.wait_ns(0);
            pacer.begin(due);
        }
        assert_eq!(pacer.wait_ns(0), 3_600 * NANOS_PER_S);
    }

    #[test]
    fn a_short_stall_is_caught_up_without_skipping() {
        let mut pacer = Pacer::new(20, 4, 0);
        pacer.begin(0);
        let now = 200 * MS; // three beats behind
        for _ in 0..4 {
            assert_eq!(pacer.wait_ns(now), 0);
            assert_eq!(pacer.begin(now).skipped, 0);
        }
        assert_eq!(pacer.wait_ns(now), 50 * MS);
        assert_eq!(pacer.skipped(), 0);
    }

    #[test]
    fn a_long_stall_skips_and_counts_what_cannot_be_caught_up() {
        let mut pacer = Pacer::new(20, 4, 0);
        pacer.begin(0);
        let now = 50 * MS + 1_000 * MS; // 20 beats behind
        assert_eq!(pacer.begin(now).skipped, 16);
        let mut at_once = 0;
        while pacer.wait_ns(now) == 0 {
            assert_eq!(pacer.begin(now).skipped, 0);
            at_once += 1;
        }
        assert_eq!(at_once, 4);
        assert_eq!(pacer.skipped(), 16);
    }

    #[test]
    fn stretched_time_has_longer_beats_and_goes_back_without_a_jump() {
        let mut pacer = Pacer::new(20, 4, 0);
        pacer.begin(0);
        pacer.set_slower(8);
        assert_eq!(pacer.wait_ns(0), 50 * MS, "the beat that was due stays due");
        let mut now = 50 * MS;
        for _ in 0..100 {
            assert_eq!(pacer.begin(now).late_ns, 0);
            assert_eq!(pacer.wait_ns(now), 100 * MS);
            pacer.set_slower(8);
            now += 100 * MS;
        }
        pacer.set_slower(0);
        pacer.begin(now);
        assert_eq!(pacer.wait_ns(now), 50 * MS);
        // Being late is judged by the beats as they are.
        pacer.set_slower(24);
        let begun = now + 50 * MS;
        assert_eq!(pacer.begin(begun + 1_000 * MS).skipped, 1);
        assert_eq!(pacer.skipped(), 1);
    }

    #[test]
    fn a_constant_overload_never_spirals() {
        let mut pacer = Pacer::new(20, 4, 0);
        let mut now = 0;
        for _ in 0..1_000 {
            now += pacer.wait_ns(now);
            let beat = pacer.begin(now);
            assert!(beat.late_ns <= 6 * 50 * MS, "{beat:?}");
            now += 60 * MS;
        }
        assert!(pacer.skipped() > 100);
    }
}
