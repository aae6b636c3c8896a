//! Coming back over bad lines, in virtual time: the same avatar, no second one, nothing downloaded
//! again that the client still has; and every claim but the right one refused.

use bluemarble_net::client::{ClientConfig, ClientCore};
use bluemarble_net::server::Interest;
use bluemarble_shared_protocol::{CloseCode, EntityId};

use super::game::{Client, Game, Play};
use super::link::Weather;
use super::world::Life;
use super::{CALM, ROUGH, STORM, play, run_checked};

pub fn name_of(client: &Client) -> String {
    let names = (0..).map(|n| format!("player {n}"));
    let is_its = |name: &String| EntityId::of_character(name) == client.core.avatar();
    names.take(100).find(is_its).expect("one of a few players")
}

/// Cuts the line, lets the server notice or not, and comes back.
fn drop_and_return(seed: u64, weather: Weather, away_ticks: u64, noticed: bool) -> Game {
    let mut game = Game::new(play(seed, weather));
    run_checked(&mut game, 100);
    let lost = game.clients.len() - 1;
    game.silence_one(lost, true);
    game.oracle.patience.stale_ticks += away_ticks;
    let client = if noticed {
        let client = game.disconnect(lost);
        game.run(away_ticks);
        client
    } else {
        game.run(away_ticks);
        game.clients.remove(lost)
    };
    let name = name_of(&client);
    let snapshots = client.core.stats().snapshots;
    assert!(game.come_back(&name, client), "seed {seed}");
    let back = game.clients.last().expect("it is back");
    assert_eq!(back.core.stats().snapshots, snapshots, "the same core");
    run_checked(&mut game, 60);
    game.oracle.patience.stale_ticks -= away_ticks;
    run_checked(&mut game, 60);
    game.assert_clean();
    let stats = game.hub.stats();
    assert_eq!((stats.resumed, stats.resumed_afresh), (1, 0), "seed {seed}");
    assert_eq!(stats.leaves, 0, "the avatar never left");
    assert_eq!(stats.sessions, 4);
    let back = game.clients.last().expect("it is back");
    assert_eq!(back.core.own().divergences, 0, "seed {seed}");
    game
}

#[test]
fn a_client_comes_back_to_its_view_over_any_line() {
    for (seed, weather) in [(300, CALM), (301, ROUGH), (302, STORM)] {
        for away_ticks in [1, 20, 100, 180] {
            drop_and_return(seed + away_ticks, weather, away_ticks, true);
        }
    }
}

#[test]
fn a_client_comes_back_before_the_server_has_noticed_that_it_was_away() {
    for (seed, weather) in [(310, CALM), (311, ROUGH), (312, STORM)] {
        for away_ticks in [3, 40, 100, 180] {
            let game = drop_and_return(seed + away_ticks, weather, away_ticks, false);
            let replaced = game
                .hub
                .stats()
                .closed_with(CloseCode::ReplacedByNewSession);
            assert_eq!(replaced, 1, "the old connection is told");
        }
    }
}

#[test]
fn what_the_client_still_has_is_not_sent_again() {
    // Nobody ever leaves anybody's view here.
    let small_town = Play {
        life: Life {
            walkers: 60,
            patch_m: 30.0,
            standing: 0.3,
            events: 0.0,
        },
        interest: Interest {
            enter_m: 2_000.0,
            exit_m: 2_200.0,
            far_period_ticks: 2,
        },
        ..play(320, CALM)
    };
    let mut game = Game::new(small_town);
    game.run(100);
    for away_ticks in [5, 100, 180] {
        let client = game.disconnect(3);
        let (name, before) = (name_of(&client), *client.core.stats());
        assert!(client.core.view().len() >= 60);
        game.run(away_ticks);
        assert!(game.come_back(&name, client));
        game.run(20);
        let after = *game.clients.last().unwrap().core.stats();
        assert_eq!(after.enters, before.enters, "nothing is sent in full");
        assert!(after.updates - before.updates > 60);
    }
    game.assert_clean();
}

#[test]
fn a_claim_is_good_once() {
    let mut game = Game::new(play(330, CALM));
    game.run(60);
    let client = game.disconnect(3);
    let (name, session) = (name_of(&client), client.session);
    assert!(game.come_back(&name, client));
    game.run(20);
    // The token of the first connection again: whoever has it now is not the player.
    let mut thief = game.disconnect(3);
    let used = std::mem::replace(&mut thief.session, session);
    assert!(!game.come_back(&name, thief));
    assert_eq!(game.hub.stats().resume_refused, 1);
    assert_eq!(game.hub.stats().closed_with(CloseCode::NothingToResume), 1);
    assert!(used != session);
    game.connect(&name);
    game.run(60);
    assert_eq!(game.hub.stats().leaves, 0);
}

#[test]
fn a_claim_stays_good_while_the_answer_to_it_may_have_been_lost() {
    let mut game = Game::new(play(340, CALM));
    game.run(60);
    let mut client = game.disconnect(3);
    let (name, session) = (name_of(&client), client.session);
    for _ in 0..3 {
        client.session = session;
        assert!(game.come_back(&name, client));
        game.silence_one(3, true);
        game.run(5);
        client = game.disconnect(3);
        game.run(5);
    }
    client.session = session;
    assert!(game.come_back(&name, client));
    game.oracle.patience.stale_ticks = 200;
    game.run(60);
    game.oracle.patience.stale_ticks = 60;
    run_checked(&mut game, 60);
    game.assert_clean();
}

#[test]
fn after_the_grace_period_there_is_nothing_to_resume() {
    let mut game = Game::new(play(350, CALM));
    game.run(60);
    let client = game.disconnect(3);
    game.run(230);
    assert_eq!(game.hub.stats().leaves, 1);
    let name = name_of(&client);
    assert!(!game.come_back(&name, client));
    assert_eq!(game.hub.stats().resume_refused, 1);
    assert_eq!(game.hub.stats().parked, 0);
    assert_eq!(game.clients.len(), 3);
}

#[test]
fn a_client_that_has_forgotten_everything_is_told_everything() {
    let mut game = Game::new(play(360, ROUGH));
    game.run(60);
    let mut client = game.disconnect(3);
    let name = name_of(&client);
    let config = ClientConfig {
        avatar: client.core.avatar(),
        epoch: game.epoch,
        tick: game.tick,
        tick_hz: client.core.tick_hz(),
        schema: client.core.schema(),
        predictor: None,
    };
    client.core = ClientCore::new(config);
    game.run(20);
    assert!(!game.come_back(&name, client));
    assert_eq!(game.hub.stats().resumed_afresh, 1);
    run_checked(&mut game, 100);
    game.assert_clean();
    assert!(game.clients[3].core.own().applied.0 > 40);
}

#[test]
fn after_a_restart_a_token_finds_the_avatar_and_a_new_epoch() {
    let mut game = Game::new(play(370, CALM));
    game.run(60);
    let avatars: Vec<EntityId> = game.clients.iter().map(|c| c.core.avatar()).collect();
    let clients: Vec<Client> = (0..4).map(|_| game.disconnect(0)).collect();
    game.restart_server(&avatars);
    game.run(20);
    for client in clients {
        let name = name_of(&client);
        assert!(!game.come_back(&name, client), "all is learned anew");
    }
    let stats = game.hub.stats();
    assert_eq!((stats.resumed_afresh, stats.resume_refused), (4, 0));
    run_checked(&mut game, 100);
    game.assert_clean();
    assert_eq!(game.hub.stats().leaves, 0);
    for client in &game.clients {
        assert_eq!(client.core.epoch(), game.epoch);
        assert!(client.core.own().applied.0 > 40);
    }
}

#[test]
fn a_dead_line_is_sent_four_datagrams_a_second_and_recovers_at_once() {
    for (seed, weather) in [(380, CALM), (381, ROUGH)] {
        let mut game = Game::new(play(seed, weather));
        game.run(100);
        game.silence_one(3, true);
        game.run(30);
        let before = game.hub.stats().clone();
        game.run(80);
        let sent = game.hub.stats().datagrams_out - before.datagrams_out;
        // Three clients at twenty a second, one at four.
        assert_eq!(sent, 3 * 80 + 16, "seed {seed}");
        assert_eq!(game.hub.stats().quiet, 1);
        game.silence_one(3, false);
        let seen = game.clients[3].core.tick();
        game.oracle.patience.stale_ticks = 250;
        game.run(20);
        let recovered = game.clients[3].core.tick();
        assert!(
            recovered > seen && game.tick.since(recovered) < 10,
            "seed {seed}"
        );
        assert_eq!(game.hub.stats().quiet, 0);
        game.run(60);
        game.oracle.patience.stale_ticks = 60;
        run_checked(&mut game, 60);
        game.assert_clean();
    }
}
