//! A small true world, a faithful client, and a lie of every kind told to the verifier.

use bluemarble_net::testing::LineQuality;
use bluemarble_shared_protocol::{BodyBits, Epoch, TruthOwned, mix64};

use super::*;

const EVERY: u64 = 5;
const PEOPLE: u64 = 60;
const AVATAR: EntityId = EntityId(1);

fn rules() -> Rules {
    Rules {
        enter_m: 50.0,
        exit_m: 60.0,
        margin_m: 4.0,
        settle_ticks: 30,
        linger_ticks: 30,
        budget_bytes: 1_100,
        planet_radius_m: 1_000.0,
        turns_lost_max: 0,
    }
}

/// Everybody walks in circles; ids 1..=PEOPLE, the first is the observer and walks as well.
fn position(id: u64, tick: u64) -> DVec3 {
    let random = mix64(id);
    let home = DVec3::new(
        (random % 160) as f64 - 80.0,
        ((random >> 20) % 160) as f64 - 80.0,
        0.0,
    );
    let phase = ((tick + id) % 80) as f64 / 80.0;
    let swing = if phase < 0.5 {
        phase * 4.0 - 1.0
    } else {
        3.0 - phase * 4.0
    };
    let home = if id == AVATAR.0 { DVec3::ZERO } else { home };
    home + DVec3::new(swing * 3.0, 0.0, 0.0)
}

fn state(id: u64, tick: u64) -> WireEntity {
    let at = position(id, tick) * 100.0;
    WireEntity {
        cell: 7,
        pos_cm: [at.x as i32, at.y as i32, 0],
        health: 200,
        ..Default::default()
    }
}

fn body(tick: u64) -> BodyBits {
    BodyBits {
        values: [tick as f64; 9],
        support: 0,
    }
}

fn truth(tick: u64) -> TruthFrame {
    TruthFrame {
        tick: Tick(tick),
        epoch: Epoch(1),
        ids: (1..=PEOPLE).map(EntityId).collect(),
        states: (1..=PEOPLE).map(|id| state(id, tick)).collect(),
        audience: vec![u32::MAX; PEOPLE as usize],
        positions: (1..=PEOPLE)
            .map(|id| position(id, tick).to_array())
            .collect(),
        owned: vec![TruthOwned {
            id: AVATAR,
            applied: InputSeq(tick as u32),
            body: body(tick),
            body_hash: 0,
            vitals: OwnVitals {
                health: 100,
                ..Default::default()
            },
        }],
        wounds: Vec::new(),
    }
}

/// What an honest server would have shown: everybody within the radius, near ones of this tick,
/// others a few ticks old.
fn honest(tick: u64) -> ViewSample {
    let seen = (2..=PEOPLE).filter(|id| position(*id, tick).distance(position(1, tick)) < 55.0);
    let rows = seen
        .map(|id| {
            let updated = tick - if id % 3 == 0 { 2 } else { 0 };
            SeenRow {
                id: EntityId(id),
                updated: Tick(updated),
                state: state(id, updated),
            }
        })
        .collect();
    let own = SeenOwn {
        tick: Tick(tick),
        applied: InputSeq(tick as u32),
        vitals: OwnVitals {
            health: 100,
            ..Default::default()
        },
        body: Some((Tick(tick), body(tick))),
    };
    ViewSample {
        bot: 0,
        avatar: AVATAR,
        tick: Tick(tick),
        since: Tick(1),
        session: (SessionId(1), false),
        received: every_snapshot_until(tick),
        strained: Strained::default(),
        rows,
        own: Some(own),
    }
}

fn every_snapshot_until(tick: u64) -> Received {
    let mut received = Received::default();
    received.note(Tick(tick), 127);
    received
}

/// Verifies 100 to 300 with every view changed by `lie`.
fn tally(mut lie: impl FnMut(&mut ViewSample)) -> Tally {
    let mut verifier = Verifier::new(rules());
    for tick in (0..=300).step_by(EVERY as usize) {
        verifier.add_truth(truth(tick));
        if tick >= 100 {
            let mut sample = honest(tick);
            lie(&mut sample);
            assert_eq!(verifier.check(&sample), Verdict::Compared);
        }
    }
    verifier.tally().clone()
}

/// Which promises are broken.
fn broken(tally: &Tally) -> Vec<&'static str> {
    let failed = Promise::ALL
        .into_iter()
        .filter(|promise| tally.of(*promise).failures > 0);
    failed.map(Promise::label).collect()
}

#[test]
fn an_honest_view_keeps_every_promise_and_each_was_really_checked() {
    let tally = tally(|_| {});
    assert_eq!(broken(&tally), [""; 0], "{tally:?}");
    for promise in [
        Promise::Exact,
        Promise::Stale,
        Promise::Complete,
        Promise::Real,
        Promise::Near,
        Promise::Own,
    ] {
        assert!(
            tally.of(promise).checks > 20,
            "{} was hardly checked",
            promise.label()
        );
    }
    assert_eq!(tally.samples, 41);
    assert!(tally.in_view().0 > 10.0);
}

#[test]
fn who_comes_back_to_a_standing_avatar_counts_from_another_number_but_from_one_alone() {
    let behind = |came_back: bool, slip: u32| {
        tally(move |sample| {
            sample.session.1 = came_back;
            let late = if sample.tick.0 >= 200 { slip } else { 0 };
            if let Some(own) = &mut sample.own {
                own.applied.0 -= 95 + late;
            }
        })
    };
    assert_eq!(broken(&behind(true, 0)), [""; 0]);
    assert_eq!(broken(&behind(true, 1)), [Promise::Own.label()]);
    assert_eq!(broken(&behind(false, 0)), [Promise::Own.label()]);
}

#[test]
fn somebody_left_out_is_noticed() {
    let tally = tally(|sample| {
        let tick = sample.tick.0;
        let near = |row: &SeenRow| position(row.id.0, tick).distance(position(AVATAR.0, tick));
        let nearest = sample.rows.iter().map(near).fold(f64::INFINITY, f64::min);
        sample.rows.retain(|row| near(row) > nearest);
    });
    assert_eq!(broken(&tally), ["complete"]);
}

#[test]
fn somebody_moved_by_a_centimetre_is_noticed() {
    let tally = tally(|sample| {
        for row in &mut sample.rows {
            row.state.pos_cm[0] += 1;
        }
    });
    assert_eq!(broken(&tally), ["exact"]);
}

#[test]
fn states_that_stop_being_updated_are_noticed() {
    let tally = tally(|sample| {
        for row in &mut sample.rows {
            if row.id.0 % 4 == 0 {
                row.updated = Tick(sample.tick.0 - 33);
                row.state = state(row.id.0, row.updated.0);
            }
        }
    });
    assert_eq!(broken(&tally), ["stale"]);
}

#[test]
fn snapshots_that_were_lost_excuse_old_states() {
    let tally = tally(|sample| {
        for row in &mut sample.rows {
            row.updated = Tick(sample.tick.0 - 33);
            row.state = state(row.id.0, row.updated.0);
        }
        sample.received = Received::default();
        sample.received.note(Tick(sample.tick.0 - 33), 1);
        sample.received.note(sample.tick, 2);
    });
    assert_eq!(tally.of(Promise::Stale).failures, 0);
}

#[test]
fn whoever_stood_still_and_has_just_begun_to_move_is_not_stale() {
    let tally = tally(|sample| {
        for row in &mut sample.rows {
            // Not a truth tick, so that only how long it has been wrong is judged.
            row.updated = Tick(sample.tick.0 - 33);
            row.state = state(row.id.0, sample.tick.0 - EVERY);
        }
    });
    assert_eq!(broken(&tally), [""; 0]);
    assert!(tally.age(1.0) <= EVERY);
}

#[test]
fn old_states_sold_as_new_are_noticed() {
    let tally = tally(|sample| {
        for row in &mut sample.rows {
            row.state = state(row.id.0, row.updated.0 - 7);
        }
    });
    assert_eq!(broken(&tally), ["exact"]);
}

#[test]
fn somebody_who_does_not_exist_is_noticed() {
    let tally = tally(|sample| {
        let ghost = SeenRow {
            id: EntityId(4_711),
            ..sample.rows[0]
        };
        sample.rows.push(ghost);
    });
    assert_eq!(broken(&tally), ["real"]);
}

#[test]
fn somebody_far_away_who_is_still_shown_is_noticed() {
    let tally = tally(|sample| {
        let far = (2..=PEOPLE)
            .find(|id| position(*id, 0).length() > 75.0)
            .unwrap();
        let tick = sample.tick;
        sample.rows.push(SeenRow {
            id: EntityId(far),
            updated: tick,
            state: state(far, tick.0),
        });
    });
    assert_eq!(broken(&tally), ["near"]);
}

#[test]
fn a_wrong_own_state_is_noticed() {
    let wrong_health = tally(|sample| {
        sample.own.as_mut().unwrap().vitals.health -= 1;
    });
    assert_eq!(broken(&wrong_health), ["own"]);
    let wrong_body = tally(|sample| {
        let (_, body) = sample.own.as_mut().unwrap().body.as_mut().unwrap();
        body.values[0] += 1e-9;
    });
    assert_eq!(broken(&wrong_body), ["own"]);
}

#[test]
fn a_state_of_the_future_is_noticed() {
    let tally = tally(|sample| {
        sample.rows[0].updated = sample.tick.after(1);
    });
    assert!(broken(&tally).contains(&"exact"));
}

#[test]
fn a_fresh_session_is_not_expected_to_see_everybody_yet() {
    let tally = tally(|sample| {
        sample.since = Tick(sample.tick.0 - 10);
        sample.rows.clear();
    });
    assert_eq!(broken(&tally), [""; 0]);
    assert_eq!(tally.of(Promise::Complete).checks, 0);
}

#[test]
fn a_hidden_entity_need_not_be_seen() {
    let mut verifier = Verifier::new(rules());
    for tick in (0..=100).step_by(EVERY as usize) {
        let hidden = TruthFrame {
            audience: vec![2; PEOPLE as usize],
            ..truth(tick)
        };
        verifier.add_truth(hidden);
    }
    let mut sample = honest(100);
    sample.rows.clear();
    verifier.check(&sample);
    assert_eq!(broken(verifier.tally()), [""; 0]);
}

#[test]
fn samples_wait_for_their_truth_and_those_without_one_are_said_to_be() {
    let mut verifier = Verifier::new(rules());
    assert_eq!(verifier.check(&honest(10)), Verdict::Early);
    verifier.add_truth(truth(10));
    assert_eq!(verifier.check(&honest(10)), Verdict::Compared);
    assert_eq!(verifier.check(&honest(9)), Verdict::Missed);
    assert_eq!(verifier.check(&honest(15)), Verdict::Early);
    assert_eq!(verifier.tally().samples, 1);
}

#[test]
fn the_staleness_bound_grows_with_the_crowd_and_shrinks_with_the_budget() {
    let narrow = Rules {
        budget_bytes: 400,
        ..rules()
    };
    assert!(rules().stale_snapshots_max(10, false) < rules().stale_snapshots_max(200, false));
    assert!(rules().stale_snapshots_max(200, false) < narrow.stale_snapshots_max(200, false));
}

#[test]
fn the_staleness_bound_grows_with_what_a_line_loses_in_a_row() {
    let over = |name: &str| {
        let line = LineQuality::named(name).unwrap();
        rules().over(&line).stale_snapshots_max(30, false)
    };
    assert_eq!(over("good"), rules().stale_snapshots_max(30, false));
    assert!(over("good") < over("mobile") && over("mobile") < over("bad"));
    assert!(over("bad") < 24, "still a bound: {}", over("bad"));
    let even = LineQuality {
        loss: 0.04,
        ..LineQuality::default()
    };
    assert_eq!(rules().over(&even).turns_lost_max, 7);
}

#[test]
fn a_view_is_held_to_the_radius_that_its_server_said_was_in_force() {
    let shrunk = |said: bool| {
        tally(move |sample| {
            let tick = sample.tick.0;
            let away = |row: &SeenRow| position(row.id.0, tick).distance(position(AVATAR.0, tick));
            sample.rows.retain(|row| away(row) < 33.0);
            if said {
                sample.strained.radius_least = 0.6;
                sample.strained.radius_most = 0.6;
            }
        })
    };
    assert_eq!(broken(&shrunk(true)), [""; 0]);
    assert_eq!(broken(&shrunk(false)), ["complete"]);
    // And one that says so but goes on showing the far ones is wrong as well.
    let far = tally(|sample| {
        sample.strained.radius_least = 0.6;
        sample.strained.radius_most = 0.6;
    });
    assert_eq!(broken(&far), ["near"]);
}
