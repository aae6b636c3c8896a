//! The ladder in virtual time.

use bluemarble_shared_protocol::{Strain, mix64};

use super::*;

const PERIOD_NS: u64 = 50_000_000;
const RULES: LadderRules = LadderRules {
    level_max: 6,
    climb_ticks: 20,
    rest_ticks: 100,
};

/// Feeds so many ticks whose work is a share of their ordinary time; the levels stepped on.
fn feed(ladder: &mut Ladder, ticks: u32, mut permille: impl FnMut(&Ladder) -> u64) -> Vec<u8> {
    let mut levels = Vec::new();
    for _ in 0..ticks {
        let work_ns = PERIOD_NS / 1_000 * permille(ladder);
        if let Some(step) = ladder.observe(work_ns, PERIOD_NS)
            && step.from.level() != step.to.level()
        {
            levels.push(step.to.level());
        }
    }
    levels
}

#[test]
fn it_climbs_in_order_and_comes_down_in_order() {
    let mut ladder = Ladder::new(RULES);
    // Nothing helps: three times as much work as time.
    assert_eq!(feed(&mut ladder, 400, |_| 3_000), [1, 2, 3, 4, 5, 6]);
    assert_eq!(ladder.strain(), Strain::new(6, 24));
    assert_eq!(feed(&mut ladder, 2_000, |_| 200), [5, 4, 3, 2, 1, 0]);
    assert_eq!(ladder.strain(), Strain::NONE);
    assert_eq!((ladder.status().climbs, ladder.status().descents), (6, 6));
}

#[test]
fn it_stops_at_the_step_that_helps() {
    let mut ladder = Ladder::new(RULES);
    // Each step takes a tenth off a load that is a quarter too much.
    let work = |ladder: &Ladder| 1_240 - 100 * u64::from(ladder.strain().level());
    assert_eq!(feed(&mut ladder, 1_000, work), [1, 2, 3, 4]);
    assert!(ladder.status().load < 0.86);
}

#[test]
fn time_is_stretched_as_far_as_the_work_needs_and_no_further() {
    let mut ladder = Ladder::new(RULES);
    feed(&mut ladder, 1_000, |_| 1_300);
    // 1.3 over 1.75 is 0.74; an eighth faster would be 0.8.
    assert_eq!(ladder.strain(), Strain::new(5, 6));
    feed(&mut ladder, 1_000, |_| 1_000);
    assert_eq!(ladder.strain(), Strain::new(5, 4));
    // Twice the work does not fit into half the pace: only then do logins queue.
    assert_eq!(feed(&mut ladder, 200, |_| 2_000), [6]);
    assert_eq!(ladder.strain(), Strain::new(6, 14));
    // And they are let in again before time is as ever.
    assert_eq!(feed(&mut ladder, 400, |_| 1_000), [5]);
    assert_eq!(ladder.strain().slower_eighths(), 4);
}

#[test]
fn a_peak_does_not_leave_newcomers_waiting_for_ever_under_a_load_that_let_them_in_before() {
    for load in [1_050, 1_150, 1_230, 1_300, 1_400, 1_450] {
        let mut ladder = Ladder::new(RULES);
        feed(&mut ladder, 1_000, |_| load);
        assert_eq!(ladder.strain().level(), 5, "{load}");
        assert_eq!(feed(&mut ladder, 200, |_| 3_000), [6], "{load}");
        assert_eq!(feed(&mut ladder, 5_000, |_| load), [5], "{load}");
        assert!(
            ladder.load_at(ladder.strain().slower_eighths()) <= 850,
            "{load}"
        );
    }
}

#[test]
fn noise_around_a_threshold_does_not_make_it_flap() {
    for seed in 0..20 {
        let mut ladder = Ladder::new(RULES);
        let mut n = seed * 1_000_000;
        let mut noisy = |middle: u64, spread: u64| {
            n += 1;
            middle - spread + mix64(n) % (2 * spread)
        };
        let calm = feed(&mut ladder, 5_000, |_| noisy(700, 300));
        assert_eq!(calm, [0; 0], "seed {seed}");
        // One tick in fifty hangs for two whole periods.
        let mut k = 0;
        let spikes = feed(&mut ladder, 5_000, |_| {
            k += 1;
            if k % 50 == 0 { 2_000 } else { noisy(500, 200) }
        });
        assert_eq!(spikes, [0; 0], "seed {seed}");
    }
}

#[test]
fn a_step_that_is_missed_as_soon_as_it_is_given_back_is_given_back_ever_less_often() {
    let mut ladder = Ladder::new(RULES);
    // The first step halves the load: without it too much, with it too little.
    let work = |ladder: &Ladder| {
        if ladder.strain().level() == 0 {
            1_000
        } else {
            500
        }
    };
    let swings = feed(&mut ladder, 20_000, work).len();
    // Every 130 ticks or so it would be 300.
    assert!(swings <= 34, "{swings}");
    assert!(ladder.strain().level() <= 1);
    // Forgotten after a long calm.
    feed(&mut ladder, 20_000, |_| 100);
    feed(&mut ladder, 40, |_| 1_000);
    assert_eq!(ladder.strain().level(), 1);
    assert_eq!(feed(&mut ladder, 120, |_| 100), [0]);
}

#[test]
fn one_that_may_not_climb_stays_and_one_that_may_stops_there() {
    for level_max in [0, 3] {
        let rules = LadderRules { level_max, ..RULES };
        let mut ladder = Ladder::new(rules);
        feed(&mut ladder, 2_000, |_| 5_000);
        assert_eq!(ladder.strain(), Strain::new(level_max, 0));
    }
}

#[test]
fn only_what_changes_the_world_is_sealed() {
    let levels = (0..=6).map(|level| sealed(Strain::new(level, 3)));
    assert_eq!(levels.collect::<Vec<_>>(), [0, 0, 0, 0, 4, 5, 6]);
}
