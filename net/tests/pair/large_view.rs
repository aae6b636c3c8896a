//! A view so large that everybody's turn comes rarely, in many datagrams a tick.

use super::game::Game;
use super::{CALM, play};

/// Of so many, all of whom walk, there is room in a tick for most if each is an update, and for a thirteenth if
/// each is sent in full. Thirteen ticks are more datagrams than a baseline lives: whoever waits for
/// all others to be sent in full is sent in full again, and so on for ever.
const MANY: usize = 7_000;

#[test]
fn whose_baseline_is_about_to_be_lost_comes_before_whoever_has_none() {
    let mut large = play(11, CALM);
    large.clients = 1;
    large.life.walkers = MANY;
    large.life.standing = 0.0;
    large.life.events = 0.0;
    large.life.patch_m = 100.0;
    large.interest.enter_m = 400.0;
    large.interest.exit_m = 450.0;
    large.budget_bytes = 12_000;
    large.patience.settle_ticks = 100;
    let mut game = Game::new(large);
    game.run(50);
    assert_eq!(game.clients[0].core.view().iter().count(), MANY);
    let sent = |game: &Game| {
        let stats = game.hub.stats();
        (stats.updates_in_full, game.clients[0].core.stats().updates)
    };
    let (full_before, updates_before) = sent(&game);
    game.run(30);
    let (full, updates) = sent(&game);
    let (full, updates) = (full - full_before, updates - updates_before);
    assert!(
        updates > 30 * MANY as u64 / 3,
        "{full} in full, {updates} updates"
    );
    assert!(full * 50 < updates, "{full} in full, {updates} updates");
}
