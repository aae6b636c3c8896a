//! The line of the promise: a tenth lost in bursts, 80 ± 40 ms, one in a hundred twice; and five seconds
//! of silence.

use bluemarble_shared_protocol::CloseCode;

use super::game::Game;
use super::link::Weather;
use super::world::HZ;
use super::{play, run_checked};

const CHAOS: Weather = Weather {
    delay_ms: 40,
    jitter_ms: 80,
    loss: 0.1,
    burst: 3.0,
    duplicated: 0.01,
};
const SECOND: u64 = HZ as u64;

fn nobody_was_closed(game: &Game) {
    assert_eq!(game.hub.stats().closed, [0; CloseCode::ALL.len()]);
    assert_eq!(game.hub.stats().sessions, game.clients.len() as u64);
}

/// That every state is the true one of its tick, that nobody wrong is in view, that nothing is older
/// than the patience and that every tick keeps to its budget is what the oracle and `assert_clean` see
/// to.
#[test]
fn a_line_that_loses_a_tenth_in_bursts_shows_nothing_wrong_and_closes_nobody() {
    for seed in 300..304 {
        let mut game = Game::new(play(seed, CHAOS));
        run_checked(&mut game, 20 * SECOND);
        game.assert_clean();
        nobody_was_closed(&game);
        for client in &game.clients {
            let share = client.core.stats().snapshots as f64 / (20 * SECOND) as f64;
            assert!(
                (0.8..0.99).contains(&share),
                "seed {seed}: {share} of the snapshots"
            );
            assert_eq!(client.core.own().divergences, 0, "seed {seed}");
        }
    }
}

#[test]
fn a_second_after_five_seconds_of_silence_everybody_sees_the_present_again() {
    for seed in 310..314 {
        let mut game = Game::new(play(seed, CHAOS));
        game.run(5 * SECOND);
        let patience = game.oracle.patience;
        game.oracle.patience.stale_ticks = 10 * SECOND;
        game.silence(true);
        game.run(5 * SECOND);
        game.silence(false);
        let taken: Vec<u64> = game
            .clients
            .iter()
            .map(|c| c.core.stats().snapshots)
            .collect();
        game.run(SECOND);
        for (client, before) in game.clients.iter().zip(taken) {
            let behind = game.tick.since(client.core.tick());
            assert!(behind <= 8, "seed {seed}: {behind} ticks behind");
            let flow = client.core.stats().snapshots - before;
            assert!(
                flow >= SECOND / 2,
                "seed {seed}: {flow} snapshots in the first second"
            );
        }
        game.run(2 * SECOND);
        game.oracle.patience = patience;
        run_checked(&mut game, 5 * SECOND);
        game.assert_clean();
        nobody_was_closed(&game);
    }
}
