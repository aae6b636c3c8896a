//! Events over bad lines: what a player is told of its own fate and deeds is what the published frames
//! say, in order, each once, whatever the line does and however often it comes back; and of others it
//! hears what it may see.

use std::sync::Arc;

use bluemarble_shared_protocol::{EntityId, GameEvent, OwnState, Tick, TimedEvent, WireFrame};

use super::game::{Client, Game, Play};
use super::link::Weather;
use super::{CALM, ROUGH, STORM, play};

/// Who an entity is for somebody who sees the public layer alone.
fn named(frames: &[Arc<WireFrame>], id: EntityId) -> Option<EntityId> {
    let rows = frames
        .iter()
        .flat_map(|frame| frame.ids.iter().zip(&frame.audience));
    let public = rows
        .filter(|(_, audience)| **audience & 1 != 0)
        .any(|(other, _)| *other == id);
    public.then_some(id)
}

fn own(frames: &[Arc<WireFrame>], avatar: EntityId) -> Option<&OwnState> {
    let mut owned = frames.iter().flat_map(|frame| &frame.owned);
    owned.find(|own| own.id == avatar)
}

/// What happened to an avatar after its first tick in the world, the naive way.
fn chronicle(game: &Game, avatar: EntityId) -> Vec<TimedEvent> {
    let mut told = Vec::new();
    let mut before: Option<&OwnState> = None;
    for (tick, frames) in &game.chronicle {
        let Some(now) = own(frames, avatar) else {
            continue;
        };
        let Some(last) = before.replace(now) else {
            continue;
        };
        let mut tell = |event| told.push(TimedEvent { tick: *tick, event });
        let mut wounds: Vec<_> = frames.iter().flat_map(|frame| &frame.wounds).collect();
        wounds.sort_by_key(|wound| wound.order());
        for wound in &wounds {
            if wound.attacker == Some(avatar) && wound.target != avatar {
                tell(GameEvent::Struck {
                    target: named(frames, wound.target),
                    amount: wound.amount,
                    fatal: wound.fatal,
                });
            }
        }
        for wound in wounds.iter().filter(|wound| wound.target == avatar) {
            tell(GameEvent::Wounded {
                attacker: wound.attacker.and_then(|id| named(frames, id)),
                amount: wound.amount,
            });
        }
        if now.vitals.deaths != last.vitals.deaths {
            let killer = now.fell_to.and_then(|id| named(frames, id));
            tell(GameEvent::Died { killer });
        }
        if last.vitals.health == 0 && now.vitals.health > 0 {
            tell(GameEvent::Respawned);
        }
        for victim in &now.felled {
            let victim = named(frames, *victim);
            tell(GameEvent::Killed { victim });
        }
    }
    told
}

fn fight(seed: u64, weather: Weather) -> Game {
    let mut game = Game::new(play(seed, weather));
    game.world.fights = true;
    game.run(100);
    game
}

#[track_caller]
fn knows_its_story(game: &Game, client: &Client) {
    let story = chronicle(game, client.core.avatar());
    let kinds = |of: &[TimedEvent], is: fn(&GameEvent) -> bool| {
        of.iter().filter(|timed| is(&timed.event)).count()
    };
    assert!(story.len() > 40, "too little happens to prove anything");
    assert!(kinds(&story, |event| matches!(event, GameEvent::Struck { .. })) > 5);
    assert!(kinds(&story, |event| matches!(event, GameEvent::Died { .. })) > 1);
    assert_eq!(client.happened, story);
    assert_eq!(client.events.missed(), 0);
}

#[test]
fn players_are_told_what_happened_to_them_each_thing_once_and_in_order() {
    for (seed, weather) in [(500, CALM), (501, ROUGH), (502, STORM)] {
        let mut game = fight(seed, weather);
        game.run(100);
        for client in &game.clients {
            knows_its_story(&game, client);
        }
        game.assert_clean();
        assert_eq!(game.hub.stats().events_forgotten, 0);
    }
}

#[test]
fn nothing_is_missing_or_doubled_over_a_lost_connection() {
    for (seed, weather, noticed) in [(510, CALM, true), (511, ROUGH, false), (512, STORM, true)] {
        let mut game = fight(seed, weather);
        for away_ticks in [3, 15, 100] {
            let lost = game.clients.len() - 1;
            // What is sent from here on is lost with the connection.
            game.silence_one(lost, true);
            game.oracle.patience.stale_ticks = 300;
            game.run(12);
            let client = if noticed {
                game.disconnect(lost)
            } else {
                game.clients.remove(lost)
            };
            game.run(away_ticks);
            let name = super::resuming::name_of(&client);
            assert!(game.come_back(&name, client), "seed {seed}");
            game.run(60);
            knows_its_story(&game, &game.clients[lost]);
        }
        assert_eq!(game.hub.stats().events_forgotten, 0);
    }
}

#[test]
fn a_dead_line_is_told_nothing_until_it_is_back_and_then_everything() {
    let mut game = fight(520, CALM);
    game.silence_one(3, true);
    game.run(30);
    let before = (game.clients[3].unread(), game.hub.stats().events_sent);
    game.run(60);
    assert_eq!(game.clients[3].unread(), before.0);
    assert!(game.hub.stats().events_sent > before.1, "others are told");
    game.oracle.patience.stale_ticks = 300;
    game.silence_one(3, false);
    game.run(20);
    knows_its_story(&game, &game.clients[3]);
}

#[test]
fn who_says_hello_anew_hears_of_what_happens_from_then_on() {
    let mut game = fight(530, CALM);
    let client = game.disconnect(3);
    game.run(20);
    game.connect(&super::resuming::name_of(&client));
    let since = game.tick;
    game.run(60);
    let client = &game.clients[3];
    let mut story = chronicle(&game, client.core.avatar());
    // The first tick tells it how it is, not what happened.
    story.retain(|timed| timed.tick > Tick(since.0 + 1));
    assert!(story.len() > 10);
    assert_eq!(client.happened, story);
}

#[test]
fn wounds_of_others_are_told_to_those_who_see_them_and_name_nobody_hidden() {
    let mut game = Game::new(Play {
        // Room for two.
        budget_bytes: 400,
        ..play(540, CALM)
    });
    game.world.fights = true;
    game.run(400);
    let (mut told, mut unnamed) = (0, 0);
    for client in &game.clients {
        for (tick, wound) in &client.wounds {
            let at = game.chronicle.binary_search_by_key(tick, |(tick, _)| *tick);
            let frames = &game.chronicle[at.unwrap()].1;
            let avatar = client.core.avatar();
            assert!(wound.target != avatar && wound.attacker != Some(avatar));
            assert_eq!(named(frames, wound.target), Some(wound.target));
            let mut true_ones = frames.iter().flat_map(|frame| &frame.wounds);
            let is_told = true_ones.any(|truth| {
                let attacker = truth.attacker.and_then(|id| named(frames, id));
                unnamed += u64::from(attacker.is_none() && truth.attacker.is_some());
                (truth.target, truth.amount, truth.fatal)
                    == (wound.target, wound.amount, wound.fatal)
                    && attacker == wound.attacker
            });
            assert!(is_told, "tick {tick}: {wound:?}");
            told += 1;
        }
        let mut once: Vec<_> = client
            .wounds
            .iter()
            .map(|(tick, w)| (*tick, w.order()))
            .collect();
        let all = once.len();
        once.sort();
        once.dedup();
        // Two hidden attackers of one target look alike.
        assert!(once.len() + 20 > all, "{} of {all}", once.len());
    }
    assert!(told > 200 && unnamed > 10, "{told}, {unnamed}");
    let stats = game.hub.stats();
    assert!(
        stats.wounds_sent >= told && stats.wounds_left_out > 0,
        "{stats:?}"
    );
}
