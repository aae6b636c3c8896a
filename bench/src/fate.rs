//! What bots were told happened to them, against what the truth says: every wound suffered and dealt,
//! every death and kill, each once and in order, over bad lines and lost connections; and whether what
//! they heard of others was so.

use std::collections::BTreeMap;

use bluemarble_shared_protocol::{
    EntityId, GameEvent, Tick, TimedEvent, TruthFrame, WOUND_TICKS, Wound,
};

use crate::verify::{Promise, Tally};

/// Wounds of others kept per bot and visit: enough to notice a lie.
const HEARSAY_MAX: usize = 2_000;
/// Wounds kept at most, of the whole world: a quarter of an hour of great slaughter. What comes after is not
/// verified.
const WOUNDS_MAX: usize = 4_000_000;
/// How long the last events of a visit may be on their way, seconds; over a bad line a stream may wait for
/// a packet that is lost a few times in a row.
pub const UNDER_WAY_S: u64 = 5;

/// What one bot was told in one visit.
#[derive(Clone, Debug, PartialEq)]
pub struct Chapter {
    /// Its avatar.
    pub avatar: EntityId,
    /// What happened up to this tick was before.
    pub since: Tick,
    /// Of the world.
    pub tick_hz: u32,
    /// What happened to it.
    pub events: Vec<TimedEvent>,
    /// Events that the server had no room for.
    pub missed: u64,
    /// The first snapshot over this connection, if there was one.
    connected: Option<Tick>,
    /// What happened up to this tick has had [`UNDER_WAY_S`] to arrive, over one connection.
    awaited: Tick,
    hearsay: Vec<(Tick, Wound)>,
}

impl Chapter {
    /// Begins with the first snapshot.
    #[must_use]
    pub fn begin(avatar: EntityId, since: Tick, tick_hz: u32) -> Self {
        Self {
            avatar,
            since,
            tick_hz,
            events: Vec::new(),
            missed: 0,
            connected: Some(since),
            awaited: since,
            hearsay: Vec::new(),
        }
    }

    /// A snapshot of `tick` came. What happened long enough before it should have come too; but what
    /// happened while there was no connection is only told from when there is one again.
    pub fn reach(&mut self, tick: Tick) {
        let under_way = UNDER_WAY_S * u64::from(self.tick_hz);
        let long_ago = Tick(tick.0.saturating_sub(under_way));
        if long_ago >= *self.connected.get_or_insert(tick) {
            self.awaited = self.awaited.max(long_ago);
        }
    }

    /// The connection is lost.
    pub fn disconnected(&mut self) {
        self.connected = None;
    }

    /// Adds what was heard of others.
    pub fn hear(&mut self, wounds: impl Iterator<Item = (Tick, Wound)>) {
        let room = HEARSAY_MAX.saturating_sub(self.hearsay.len());
        self.hearsay.extend(wounds.take(room));
    }

    /// The last tick of which everything must have been told: the stream keeps order, so what came
    /// vouches for what was before it.
    fn complete_until(&self) -> Tick {
        let newest = self
            .events
            .last()
            .map_or(0, |event| event.tick.0.saturating_sub(1));
        Tick(newest.max(self.awaited.0))
    }
}

/// Everybody's wounds, as the truth has them.
#[derive(Debug, Default)]
pub struct Annals {
    wounds: BTreeMap<Tick, Vec<Wound>>,
    count: usize,
    /// First and last tick of which all is known.
    covered: Option<(Tick, Tick)>,
}

impl Annals {
    /// Takes in a truth frame, later than the one before.
    pub fn add(&mut self, frame: &TruthFrame) {
        if self.count > WOUNDS_MAX {
            return;
        }
        let (from, last) = match self.covered {
            Some((from, last)) if frame.tick.since(last) <= WOUND_TICKS => (from, last),
            // The first one, or what is between was not told.
            _ => (frame.tick, Tick(frame.tick.0.saturating_sub(1))),
        };
        for (tick, wound) in &frame.wounds {
            if *tick > last {
                self.wounds.entry(*tick).or_default().push(*wound);
                self.count += 1;
            }
        }
        self.covered = Some((from, frame.tick));
    }

    fn at(&self, tick: Tick) -> &[Wound] {
        self.wounds.get(&tick).map_or(&[], Vec::as_slice)
    }

    /// What an avatar must have been told of a tick, but for its returns to life.
    fn fate(&self, avatar: EntityId, tick: Tick) -> Vec<GameEvent> {
        let wounds = self.at(tick);
        let dealt = wounds
            .iter()
            .filter(|wound| wound.attacker == Some(avatar) && wound.target != avatar);
        let suffered = wounds.iter().filter(|wound| wound.target == avatar);
        let mut fate: Vec<GameEvent> = dealt
            .map(|wound| GameEvent::Struck {
                target: Some(wound.target),
                amount: wound.amount,
                fatal: wound.fatal,
            })
            .collect();
        fate.extend(suffered.clone().map(|wound| GameEvent::Wounded {
            attacker: wound.attacker,
            amount: wound.amount,
        }));
        if let Some(last) = suffered.clone().find(|wound| wound.fatal) {
            let killer = last.attacker;
            fate.push(GameEvent::Died { killer });
        }
        let before = self.at(Tick(tick.0.saturating_sub(1)));
        let killed = before
            .iter()
            .filter(|wound| wound.fatal && wound.attacker == Some(avatar));
        fate.extend(killed.map(|wound| GameEvent::Killed {
            victim: Some(wound.target),
        }));
        fate
    }

    /// Compares.
    pub fn judge(&self, chapter: &Chapter, tally: &mut Tally) {
        let Some((from, to)) = self.covered else {
            return;
        };
        let avatar = chapter.avatar;
        tally.judge(Promise::Fate, chapter.missed == 0, || {
            format!("{avatar}: {} events had no room", chapter.missed)
        });
        let in_order = chapter.events.is_sorted_by_key(|event| event.tick);
        tally.judge(Promise::Fate, in_order, || {
            format!("{avatar}: events out of order")
        });
        let mut told: BTreeMap<Tick, Vec<GameEvent>> = BTreeMap::new();
        for TimedEvent { tick, event } in &chapter.events {
            if *event != GameEvent::Respawned {
                told.entry(*tick).or_default().push(*event);
            }
        }
        // A kill is told a tick after the wound.
        let first = chapter.since.next().0.max(from.0 + 1);
        let last = chapter.complete_until().0.min(to.0);
        for tick in (first..=last).map(Tick) {
            let expected = self.fate(avatar, tick);
            let told = told.get(&tick).map_or(&[][..], Vec::as_slice);
            for n in 0..expected.len().max(told.len()) {
                let right = match (told.get(n), expected.get(n)) {
                    (Some(told), Some(expected)) => is_so(told, expected),
                    _ => false,
                };
                tally.judge(Promise::Fate, right, || {
                    format!("{avatar}, tick {tick}: told {told:?}, but it was {expected:?}")
                });
            }
        }
        for (tick, wound) in &chapter.hearsay {
            if !(from..=to).contains(tick) {
                continue;
            }
            let own = wound.target == avatar || wound.attacker == Some(avatar);
            let was = self.at(*tick).iter().any(|truth| {
                let attacker = wound.attacker.is_none() || wound.attacker == truth.attacker;
                let same = (truth.target, truth.amount, truth.fatal);
                attacker && same == (wound.target, wound.amount, wound.fatal)
            });
            tally.judge(Promise::Hearsay, was && !own, || {
                format!("{avatar}, tick {tick}: heard of {wound:?}")
            });
        }
    }
}

/// Whether an event is what was to be told. Somebody who has left meanwhile has no name.
fn is_so(told: &GameEvent, truth: &GameEvent) -> bool {
    let named = |told: &Option<EntityId>, truth: &Option<EntityId>| told.is_none() || told == truth;
    match (told, truth) {
        (GameEvent::Died { killer }, GameEvent::Died { killer: truth }) => {
            // The last of too many to name has a name here.
            truth.is_none() || named(killer, truth)
        }
        (GameEvent::Killed { victim }, GameEvent::Killed { victim: truth }) => named(victim, truth),
        (
            GameEvent::Wounded { attacker, amount },
            GameEvent::Wounded {
                attacker: by,
                amount: truth,
            },
        ) => amount == truth && named(attacker, by),
        (
            GameEvent::Struck {
                target,
                amount,
                fatal,
            },
            GameEvent::Struck {
                target: whom,
                amount: truth,
                fatal: died,
            },
        ) => (amount, fatal) == (truth, died) && named(target, whom),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: EntityId = EntityId(1);
    const FOE: EntityId = EntityId(2);

    fn wound(target: EntityId, attacker: EntityId, amount: u16, fatal: bool) -> Wound {
        Wound {
            target,
            attacker: Some(attacker),
            amount,
            fatal,
        }
    }

    /// I am hurt at 20, strike at 25, kill at 30, and die at 40.
    fn annals() -> Annals {
        let happened = [
            (Tick(20), wound(ME, FOE, 5, false)),
            (Tick(25), wound(FOE, ME, 6, false)),
            (Tick(30), wound(FOE, ME, 7, true)),
            (Tick(40), wound(ME, EntityId(3), 8, true)),
        ];
        let mut annals = Annals::default();
        for tick in [10, 35, 60] {
            let known = happened.iter().filter(|(at, _)| at.0 <= tick);
            annals.add(&TruthFrame {
                tick: Tick(tick),
                wounds: known.copied().collect(),
                ..TruthFrame::default()
            });
        }
        annals
    }

    fn honest() -> Chapter {
        let mut chapter = not_over();
        chapter.reach(Tick(60));
        chapter
    }

    fn not_over() -> Chapter {
        let at = |tick, event| TimedEvent {
            tick: Tick(tick),
            event,
        };
        let mut chapter = Chapter::begin(ME, Tick(11), 2);
        chapter.events = vec![
            at(
                20,
                GameEvent::Wounded {
                    attacker: Some(FOE),
                    amount: 5,
                },
            ),
            at(
                25,
                GameEvent::Struck {
                    target: Some(FOE),
                    amount: 6,
                    fatal: false,
                },
            ),
            at(
                30,
                GameEvent::Struck {
                    target: Some(FOE),
                    amount: 7,
                    fatal: true,
                },
            ),
            at(31, GameEvent::Killed { victim: Some(FOE) }),
            at(
                40,
                GameEvent::Wounded {
                    attacker: Some(EntityId(3)),
                    amount: 8,
                },
            ),
            at(
                40,
                GameEvent::Died {
                    killer: Some(EntityId(3)),
                },
            ),
            at(45, GameEvent::Respawned),
        ];
        chapter
    }

    fn failures(chapter: &Chapter) -> (u64, u64) {
        let mut tally = Tally::default();
        annals().judge(chapter, &mut tally);
        let fate = tally.of(Promise::Fate);
        assert!(fate.checks >= 2);
        (fate.failures, tally.of(Promise::Hearsay).failures)
    }

    #[test]
    fn an_honest_story_is_believed() {
        let mut chapter = honest();
        chapter.hear([(Tick(25), wound(FOE, EntityId(9), 6, false))].into_iter());
        assert_eq!(failures(&chapter), (0, 1), "it was not 9");
        assert_eq!(failures(&honest()), (0, 0));
    }

    #[test]
    fn whatever_is_missing_doubled_or_otherwise_is_noticed() {
        let mut found = 0;
        for n in 0..6 {
            let mut missing = honest();
            missing.events.remove(n);
            found += u64::from(failures(&missing).0 > 0);
            let mut doubled = honest();
            doubled.events.insert(n, doubled.events[n]);
            found += u64::from(failures(&doubled).0 > 0);
            let mut late = honest();
            late.events[n].tick.0 += 1;
            found += u64::from(failures(&late).0 > 0);
        }
        assert_eq!(found, 18);
        let mut other = honest();
        other.events[0].event = GameEvent::Wounded {
            attacker: Some(FOE),
            amount: 6,
        };
        assert_eq!(failures(&other).0, 1);
        let mut gap = honest();
        gap.missed = 1;
        assert_eq!(failures(&gap).0, 1);
    }

    #[test]
    fn what_may_still_be_on_its_way_is_not_missing() {
        let mut short = not_over();
        short.events.truncate(4);
        let in_time = 40 + UNDER_WAY_S * 2;
        short.reach(Tick(in_time - 1));
        assert_eq!(failures(&short).0, 0);
        short.reach(Tick(in_time));
        assert!(failures(&short).0 > 0);
    }

    #[test]
    fn what_happened_without_a_connection_is_on_its_way_from_when_there_is_one() {
        let mut away = not_over();
        away.events.truncate(4);
        away.disconnected();
        let (back, under_way) = (58, UNDER_WAY_S * 2);
        for tick in [back, back + 1, back + under_way - 1] {
            away.reach(Tick(tick));
            assert_eq!(failures(&away).0, 0, "{tick}");
        }
        away.reach(Tick(back + under_way));
        assert!(failures(&away).0 > 0);
        let mut before = honest();
        before.events.remove(0);
        before.disconnected();
        assert!(failures(&before).0 > 0, "what was due before, is");
    }
}
