//! The divergence alarm: what a client made of a datagram against what the server meant.

use bluemarble_net::server::{HubStats, Sabotage};
use bluemarble_shared_protocol::{EntityId, WireEntity};

use super::game::{Game, hub_config};
use super::world::HZ;
use super::{CALM, ROUGH, play, run_checked};

/// Ticks until everybody in view has been in a checked datagram: two of 21, since those far away come
/// every second tick.
const COVERED_TICKS: u64 = 42;
/// A round trip, and the tick or two that a fresh view takes.
const HEALED_TICKS: u64 = 10;

/// What goes wrong with a state.
type Bend = fn(&mut WireEntity);

fn diverged(stats: &HubStats) -> [u64; 10] {
    [
        stats.diverged_entity,
        stats.diverged_cell,
        stats.diverged_kind,
        stats.diverged_position,
        stats.diverged_velocity,
        stats.diverged_heading,
        stats.diverged_rotation,
        stats.diverged_health,
        stats.diverged_action,
        stats.diverged_flags,
    ]
}

/// Plays for a while, and has one client remember somebody in view wrongly.
fn bent(game: &mut Game, bend: Bend) {
    run_checked(game, 100);
    game.assert_clean();
    assert_eq!(game.hub.stats().divergences, 0);
    let core = &mut game.clients[1].core;
    let found = core.view().iter().map(|(id, _)| id).nth(3);
    let whom = found.expect("somebody is in view");
    assert!(core.bend(whom, bend));
}

fn quiet(seed: u64) -> super::game::Play {
    let mut play = play(seed, CALM);
    // Nobody leaves the view by himself while it is looked at.
    play.life.events = 0.0;
    play
}

#[test]
fn a_bent_bit_is_noticed_named_and_healed_and_concerns_nobody_else() {
    let bends: [(usize, Bend); 4] = [
        (3, |state| state.pos_cm[1] ^= 1),
        (7, |state| state.health ^= 1),
        (8, |state| state.action_n ^= 1),
        (9, |state| state.flags.swimming ^= true),
    ];
    for (seed, (field, bend)) in (400..).zip(bends) {
        let mut game = Game::new(quiet(seed));
        bent(&mut game, bend);
        let others: Vec<_> = [0, 2, 3].map(|n| *game.clients[n].core.stats()).to_vec();
        let updates_in_full = game.hub.stats().enters_sent;
        let mut ticks = 0;
        while game.clients[1].reported == 0 {
            game.run(1);
            ticks += 1;
            assert!(ticks <= COVERED_TICKS + 4, "seed {seed}: not noticed");
        }
        let stats = game.hub.stats();
        assert_eq!(stats.divergences, 1, "seed {seed}");
        let named = diverged(stats);
        assert!(named[field] >= 1, "seed {seed}: {named:?}");
        assert_eq!(
            named.iter().sum::<u64>(),
            named[field],
            "seed {seed}: {named:?}"
        );
        game.run(HEALED_TICKS);
        game.oracle.violations.clear();
        run_checked(&mut game, 3 * u64::from(HZ));
        game.assert_clean();
        assert_eq!(game.hub.stats().divergences, 1, "seed {seed}: healed");
        let fresh = game.hub.stats().enters_sent - updates_in_full;
        let in_view = game.clients[1].core.view().len() as u64;
        assert!(
            fresh < 8 * in_view,
            "seed {seed}: {fresh} in full for {in_view} in view"
        );
        for (n, before) in [0, 2, 3].into_iter().zip(others) {
            let after = game.clients[n].core.stats();
            assert_eq!(after.diverged, 0);
            assert!(after.checked > before.checked, "seed {seed}");
            assert!(
                after.enters - before.enters < 8,
                "seed {seed}: the others' views are as they were"
            );
        }
    }
}

#[test]
fn bad_lines_raise_no_alarm_and_hide_none() {
    for seed in 410..414 {
        let mut play = play(seed, ROUGH);
        play.life.events = 0.0;
        let mut game = Game::new(play);
        // More than a step: less is rounded away by the next delta, and nobody is wrong.
        bent(&mut game, |state| state.vel_cmps[0] ^= 64);
        game.run(5 * u64::from(HZ));
        game.oracle.violations.clear();
        run_checked(&mut game, 5 * u64::from(HZ));
        game.assert_clean();
        assert!(game.clients[1].reported >= 1, "seed {seed}");
        let stats = game.hub.stats();
        assert!(stats.diverged_velocity >= 1, "seed {seed}");
        let core = |n: usize| game.clients[n].core.stats();
        assert!(
            [0, 2, 3].iter().all(|n| core(*n).diverged == 0),
            "seed {seed}"
        );
        assert!(core(0).checked >= 8, "seed {seed}: {}", core(0).checked);
    }
}

/// A server that writes something else than it means, as a fault of its cache of bit strings might.
#[test]
fn strings_that_are_not_what_was_meant_are_noticed_by_everybody_who_sees_them() {
    let play = quiet(420);
    let mut config = hub_config(play.budget_bytes, play.interest);
    config.sabotage = Some(Sabotage::Bend);
    let mut game = Game::with_config(play, config);
    game.run(10 * u64::from(HZ));
    let stats = game.hub.stats();
    assert!(stats.divergences >= 4, "{stats:#?}");
    assert!(stats.diverged_position >= 4);
    assert_eq!(
        stats.diverged_health + stats.diverged_kind + stats.diverged_entity,
        0
    );
    assert!(
        game.clients
            .iter()
            .all(|client| client.core.stats().diverged >= 1)
    );
}

#[test]
fn whoever_cries_wolf_costs_a_fresh_view_in_two_seconds_and_no_more() {
    use bluemarble_net::server::event::SessionEvent;
    use bluemarble_shared_protocol::{ClientMessage, SeenState};

    let mut game = Game::new(quiet(430));
    run_checked(&mut game, 100);
    let before = game.hub.stats().clone();
    let others = game.clients[0].core.stats().bytes;
    let session = game.clients[1].session;
    for n in 0..100 {
        let seen = SeenState {
            id: EntityId(n),
            state: WireEntity::default(),
        };
        let message = ClientMessage::Diverged {
            number: game.clients[1].core.newest_datagram(),
            states: vec![seen; 256],
        };
        let now_ms = 1_000_000 + game.tick.0.saturating_sub(100_000) * 50;
        game.hub
            .handle(now_ms, SessionEvent::Message { session, message });
        game.run(1);
    }
    let stats = game.hub.stats();
    assert_eq!(stats.divergences - before.divergences, 3, "five seconds");
    assert_eq!(stats.divergences_ignored, 97);
    assert!(stats.diverged_entity <= 3 * 16, "{}", stats.diverged_entity);
    let bytes = game.clients[0].core.stats().bytes - others;
    assert!(bytes < 100 * 600, "{bytes} to somebody else");
    run_checked(&mut game, 60);
    game.assert_clean();
}
