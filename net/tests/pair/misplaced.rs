//! The alarm for who is in view: ghosts, and those who are missing.

use bluemarble_shared_protocol::EntityId;

use super::game::Game;
use super::world::HZ;
use super::{CALM, ROUGH, STORM, play, run_checked};

/// Ticks until a client was told whom it should have in view, and a round trip or two.
const NOTICED_TICKS: u64 = 3 * HZ as u64;
const HEALED_TICKS: u64 = 10;

/// Plays until nobody comes or goes just then, as far as that matters for a quiet world.
fn settled(seed: u64) -> Game {
    let mut play = play(seed, CALM);
    play.life.events = 0.0;
    let mut game = Game::new(play);
    run_checked(&mut game, 100);
    assert_eq!(game.hub.stats().divergences, 0);
    game
}

fn until_noticed(game: &mut Game) {
    let mut ticks = 0;
    while game.hub.stats().divergences == 0 {
        game.run(1);
        ticks += 1;
        assert!(ticks <= NOTICED_TICKS, "not noticed");
    }
}

#[test]
fn a_ghost_is_noticed_named_and_forgotten() {
    for seed in 600..604 {
        let mut game = settled(seed);
        let ghost = EntityId(0xdead);
        game.clients[1].core.conjure(ghost);
        until_noticed(&mut game);
        let stats = game.hub.stats();
        assert_eq!((stats.diverged_ghost, stats.diverged_missing), (1, 0));
        game.run(HEALED_TICKS);
        assert!(game.clients[1].core.view().get(ghost).is_none());
        game.oracle.violations.clear();
        run_checked(&mut game, 100);
        assert_eq!(game.hub.stats().divergences, 1, "once was enough");
        game.assert_clean();
    }
}

#[test]
fn whoever_is_missing_is_noticed_named_and_comes_back() {
    for seed in 610..614 {
        let mut game = settled(seed);
        let core = &mut game.clients[1].core;
        let found = core.view().iter().map(|(id, _)| id).nth(3);
        let whom = found.expect("somebody is in view");
        core.lose(whom);
        until_noticed(&mut game);
        let stats = game.hub.stats();
        assert_eq!((stats.diverged_ghost, stats.diverged_missing), (0, 1));
        game.run(HEALED_TICKS);
        assert!(game.clients[1].core.view().get(whom).is_some());
        game.oracle.violations.clear();
        run_checked(&mut game, 100);
        assert_eq!(game.hub.stats().divergences, 1);
        game.assert_clean();
    }
}

#[test]
fn nobody_is_misplaced_over_any_line_while_all_goes_well() {
    for (seed, weather) in [(620, CALM), (621, ROUGH), (622, STORM)] {
        let mut game = Game::new(play(seed, weather));
        run_checked(&mut game, 600);
        game.assert_clean();
        let stats = game.hub.stats();
        assert_eq!(stats.divergences, 0, "seed {seed}");
        assert!(stats.presences_sent >= 20, "{}", stats.presences_sent);
        for client in &game.clients {
            assert_eq!(client.core.stats().misplaced, 0, "seed {seed}");
        }
    }
}
