//! Hub and clients as a pair, in virtual time over seeded bad lines. After every tick, every state
//! that every client shows is compared with the frame of the tick it claims to be of.

mod chaos;
mod dice;
mod diverging;
mod fighting;
mod game;
mod large_view;
mod link;
mod misplaced;
mod oracle;
mod resuming;
#[path = "../../../shared-protocol/tests/exchanges/rows.rs"]
mod rows;
mod tape;
mod world;

use bluemarble_net::server::Interest;
use bluemarble_net::server::event::PathReport;
use bluemarble_shared_protocol::{CloseCode, Strain};

use self::game::{Game, Play};
use self::link::Weather;
use self::oracle::Patience;
use self::world::Life;

const CALM: Weather = Weather {
    delay_ms: 20,
    jitter_ms: 0,
    loss: 0.0,
    burst: Weather::EACH,
    duplicated: 0.0,
};
const ROUGH: Weather = Weather {
    delay_ms: 60,
    jitter_ms: 80,
    loss: 0.1,
    burst: Weather::EACH,
    duplicated: 0.05,
};
const STORM: Weather = Weather {
    delay_ms: 40,
    jitter_ms: 150,
    loss: 0.3,
    burst: Weather::EACH,
    duplicated: 0.1,
};

fn play(seed: u64, weather: Weather) -> Play {
    Play {
        seed,
        clients: 4,
        life: Life {
            walkers: 60,
            patch_m: 150.0,
            standing: 0.3,
            events: 0.01,
        },
        weather,
        budget_bytes: 1_100,
        interest: Interest {
            enter_m: 100.0,
            exit_m: 115.0,
            far_period_ticks: 2,
        },
        patience: Patience {
            settle_ticks: 40,
            stale_ticks: 60,
        },
    }
}

/// Plays, looking now and then at who is in view.
fn run_checked(game: &mut Game, ticks: u64) {
    for _ in 0..ticks / 10 {
        game.run(10);
        game.check_presence();
    }
}

#[test]
fn views_equal_the_frames_on_a_calm_line() {
    for seed in 0..4 {
        let mut game = Game::new(play(seed, CALM));
        run_checked(&mut game, 300);
        game.assert_clean();
        let in_view: usize = game.clients.iter().map(|c| c.core.view().len()).sum();
        assert!(in_view >= 10, "seed {seed}: {in_view}");
        for client in &game.clients {
            assert_eq!(client.core.stats().refused, 0, "seed {seed}");
        }
        assert_eq!(game.hub.stats().closed, [0; CloseCode::ALL.len()]);
    }
}

#[test]
fn views_equal_the_frames_on_rough_lines() {
    for seed in 10..16 {
        let mut game = Game::new(play(seed, ROUGH));
        run_checked(&mut game, 300);
        game.assert_clean();
    }
}

#[test]
fn views_equal_the_frames_in_a_storm() {
    for seed in 20..26 {
        let mut game = Game::new(Play {
            patience: Patience {
                settle_ticks: 60,
                stale_ticks: 90,
            },
            ..play(seed, STORM)
        });
        run_checked(&mut game, 400);
        game.assert_clean();
    }
}

#[test]
fn a_crowd_keeps_to_the_budget_and_nobody_starves() {
    for seed in 30..33 {
        let mut game = Game::new(Play {
            life: Life {
                walkers: 400,
                patch_m: 60.0,
                standing: 0.1,
                events: 0.002,
            },
            budget_bytes: 500,
            patience: Patience {
                settle_ticks: 80,
                stale_ticks: 80,
            },
            ..play(seed, ROUGH)
        });
        run_checked(&mut game, 300);
        game.assert_clean();
        assert!(game.hub.stats().budget_limited > 100, "seed {seed}");
        assert!(game.clients[0].core.view().len() > 150, "seed {seed}");
    }
}

/// Congestion control says what a path takes; a client behind a narrow one gets that, and what it
/// shows is true all the same. The others notice nothing.
#[test]
fn a_narrow_path_is_sent_what_it_takes() {
    for seed in 34..36 {
        let mut game = Game::new(Play {
            life: Life {
                walkers: 400,
                patch_m: 60.0,
                standing: 0.1,
                events: 0.002,
            },
            patience: Patience {
                settle_ticks: 80,
                stale_ticks: 120,
            },
            ..play(seed, ROUGH)
        });
        run_checked(&mut game, 100);
        let of_last = |game: &Game| game.clients[3].core.stats().bytes;
        let of_others = |game: &Game| game.clients[0].core.stats().bytes;
        let sent = |game: &mut Game, ticks| {
            let before = (of_last(game), of_others(game));
            run_checked(game, ticks);
            (of_last(game) - before.0, of_others(game) - before.1)
        };
        let before = sent(&mut game, 100);
        // 2,400 bytes in 250 ms: 480 a tick.
        let path = PathReport {
            window_bytes: 2_400,
            rtt_us: 250_000,
            lost: 3,
        };
        game.report_path(3, path);
        let narrow = sent(&mut game, 100);
        assert!(narrow.0 <= 110 * 480, "seed {seed}: {narrow:?}");
        assert!(
            narrow.0 < before.0 * 2 / 3,
            "seed {seed}: {before:?} {narrow:?}"
        );
        assert!(
            narrow.1 * 4 > before.1 * 3,
            "seed {seed}: {before:?} {narrow:?}"
        );
        let path = PathReport {
            window_bytes: 60_000,
            ..path
        };
        (0..20).for_each(|_| game.report_path(3, path));
        let wide = sent(&mut game, 100);
        assert!(
            wide.0 * 4 > before.0 * 3,
            "seed {seed}: {before:?} {wide:?}"
        );
        assert!(game.hub.stats().path_limited >= 90);
        game.assert_clean();
    }
}

#[test]
fn a_large_budget_is_cut_into_datagrams_that_decode_on_their_own() {
    for seed in 40..43 {
        let mut game = Game::new(Play {
            life: Life {
                walkers: 400,
                patch_m: 60.0,
                standing: 0.1,
                events: 0.002,
            },
            budget_bytes: 3_000,
            ..play(seed, ROUGH)
        });
        run_checked(&mut game, 200);
        game.assert_clean();
        assert!(game.bytes_per_tick_max > 1_100, "seed {seed}");
    }
}

#[test]
fn bytes_per_update_do_not_creep() {
    let mut game = Game::new(Play {
        life: Life {
            walkers: 120,
            patch_m: 100.0,
            standing: 0.0,
            events: 0.0,
        },
        ..play(45, CALM)
    });
    game.run(60);
    let before = game.hub.stats().clone();
    game.run(200);
    let after = game.hub.stats();
    let updates = after.updates_sent - before.updates_sent;
    let bytes = after.bytes_out - before.bytes_out;
    assert!(updates > 20_000, "{updates}");
    let centibytes = bytes * 100 / updates;
    assert!(
        centibytes <= 360,
        "{centibytes} hundredths of a byte per update, all included"
    );
    game.assert_clean();
}

#[test]
fn views_converge_after_three_seconds_of_silence() {
    for seed in 50..54 {
        let mut game = Game::new(play(seed, ROUGH));
        game.run(100);
        game.oracle.patience.stale_ticks = 200;
        game.silence(true);
        game.run(60);
        game.silence(false);
        game.run(60);
        game.oracle.patience.stale_ticks = 60;
        run_checked(&mut game, 100);
        game.assert_clean();
    }
}

#[test]
fn another_epoch_starts_every_view_afresh() {
    for seed in 60..64 {
        // Nothing of the old epoch is under way, so that the oracle may forget it.
        let mut game = Game::new(play(seed, CALM));
        game.run(100);
        game.restart();
        // Views still show the old epoch's states until the first new datagram.
        let before = game.oracle.violations.len();
        game.run(3);
        game.oracle.violations.truncate(before);
        run_checked(&mut game, 100);
        game.assert_clean();
        for client in &game.clients {
            assert_eq!(client.core.epoch(), game.epoch);
            assert_eq!(client.core.stats().epochs, 1);
        }
    }
}

#[test]
fn prediction_never_diverges_from_what_the_server_computes() {
    for (seed, weather) in [(70, CALM), (71, ROUGH), (72, STORM)] {
        let mut game = Game::new(play(seed, weather));
        game.run(300);
        game.assert_clean();
        for client in &game.clients {
            let own = client.core.own();
            assert_eq!(own.divergences, 0, "seed {seed}");
            assert!(own.applied.0 > 200, "seed {seed}: {:?}", own.applied);
            assert!(own.vitals.is_some_and(|vitals| vitals.kills > 0));
            assert!(client.core.tick().since(own.confirmed.unwrap().tick) < 40);
        }
        assert!(game.hub.stats().own_hash_sent > game.hub.stats().own_full_sent / 4);
    }
}

#[test]
fn a_second_connection_of_a_character_replaces_the_first_and_goes_on() {
    let mut game = Game::new(play(80, CALM));
    game.run(60);
    game.connect("player 1");
    game.run(60);
    assert_eq!(
        game.hub
            .stats()
            .closed_with(CloseCode::ReplacedByNewSession),
        1
    );
    assert_eq!(game.closed.len(), 1);
    assert_eq!(game.hub.stats().sessions, 4);
    let newcomer = game.clients.last().unwrap();
    assert!(
        newcomer.core.own().applied.0 > 40,
        "its intents are applied"
    );
    assert_eq!(newcomer.core.own().divergences, 0);
}

#[test]
fn a_client_that_reconnects_within_the_grace_period_finds_its_avatar() {
    let mut game = Game::new(play(90, CALM));
    game.run(60);
    let before = game.clients[3].core.own().confirmed.unwrap().body;
    game.disconnect(3);
    game.run(20);
    game.connect("player 3");
    game.run(40);
    let after = game.clients[3].core.own().confirmed.unwrap().body;
    let moved: f64 = (0..3)
        .map(|k| (after.values[k] - before.values[k]).abs())
        .sum();
    assert!(moved < 60.0, "{moved}");
    assert_eq!(game.hub.stats().leaves, 0);
    game.disconnect(3);
    game.run(230);
    assert_eq!(game.hub.stats().leaves, 1);
    run_checked(&mut game, 60);
    game.assert_clean();
}

/// The overload ladder goes up and down under the clients' eyes: what they show stays true, and is
/// as far as their snapshots say.
#[test]
fn views_stay_true_while_the_overload_ladder_moves() {
    for (seed, weather) in [(200, CALM), (201, ROUGH)] {
        let mut game = Game::new(play(seed, weather));
        game.run(100);
        for level in [1, 2, 3, 4, 6, 3, 2, 0, 3, 0] {
            let strain = Strain::new(level, 8);
            game.hub.set_strain(strain);
            let share = strain.radius_share();
            (game.oracle.enter_m, game.oracle.exit_m) = (100.0 * share, 115.0 * share);
            game.run(60);
            game.check_presence();
            let told = |c: &game::Client| c.core.strain();
            assert!(game.clients.iter().all(|c| told(c) == strain), "{level}");
        }
        game.assert_clean();
    }
}

/// What the first two steps are for: the same scene costs less.
#[test]
fn each_of_the_first_steps_sends_less() {
    let sent = |level| {
        let mut game = Game::new(play(210, CALM));
        game.hub.set_strain(Strain::new(level, 0));
        game.run(200);
        game.assert_clean();
        game.hub.stats().bytes_out
    };
    let sent: Vec<u64> = (0..=3).map(sent).collect();
    assert!(
        sent.windows(2).all(|pair| pair[1] * 50 < pair[0] * 49),
        "{sent:?}"
    );
}

mod sabotage {
    //! Each lie of a sabotaged hub must be noticed by the same oracle that finds no fault otherwise.

    use super::*;
    use bluemarble_net::server::Sabotage;

    fn violations(what: Sabotage) -> Vec<String> {
        let play = play(100, ROUGH);
        let mut config = game::hub_config(play.budget_bytes, play.interest);
        config.sabotage = Some(what);
        let mut game = Game::with_config(play, config);
        run_checked(&mut game, 200);
        game.oracle.violations
    }

    #[test]
    fn drop_is_noticed() {
        let found = violations(Sabotage::Drop);
        assert!(found.iter().any(|what| what.contains("not in view")));
    }

    #[test]
    fn teleport_is_noticed() {
        let found = violations(Sabotage::Teleport);
        assert!(found.iter().any(|what| what.contains(" is WireEntity")));
    }

    #[test]
    fn stale_is_noticed() {
        let found = violations(Sabotage::Stale);
        assert!(found.iter().any(|what| what.contains(" is WireEntity")));
    }

    #[test]
    fn ghost_is_noticed() {
        let found = violations(Sabotage::Ghost);
        assert!(found.iter().any(|what| what.contains("never was")));
    }
}
