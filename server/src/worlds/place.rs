//! A world's place among the others: what its loop tells them and asks of them. Everything here is a
//! short look into a shared book; nothing waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bluemarble_net::server::event::SessionEvent;
use bluemarble_shared_protocol::{EntityId, Epoch, SessionId, Tick};
use bluemarble_sim::{Gate, TravelInputs, TravelKey, World};
use crossbeam_channel::Receiver;

use super::Worlds;
use super::pier::{Embargo, Pier};
use super::residents::WorldName;
use crate::characters::Registry;

/// One world's.
pub struct Place {
    worlds: Worlds,
    name: WorldName,
    habits: Habits,
    pier: Arc<Pier>,
    embargo: Embargo,
    /// Since when nobody has been here.
    deserted_since: Option<Duration>,
    /// The newest session this world has heard of, by avatar.
    heard: BTreeMap<EntityId, SessionId>,
    /// Whose each session is.
    players: BTreeMap<SessionId, EntityId>,
}

/// How a world lives.
enum Habits {
    /// The main world never sleeps.
    Main,
    /// Another one does, when nobody has been there for a while, or when it is told to.
    Instance {
        hibernate_after: Option<Duration>,
        sleep_now: Arc<AtomicBool>,
    },
}

impl Place {
    pub(super) fn of_main(worlds: Worlds, name: WorldName, pier: Arc<Pier>) -> Self {
        Self::new(worlds, name, pier, Habits::Main)
    }

    pub(super) fn of_instance(
        worlds: Worlds,
        name: WorldName,
        pier: Arc<Pier>,
        hibernate_after: Option<Duration>,
        sleep_now: Arc<AtomicBool>,
    ) -> Self {
        let habits = Habits::Instance {
            hibernate_after,
            sleep_now,
        };
        Self::new(worlds, name, pier, habits)
    }

    fn new(worlds: Worlds, name: WorldName, pier: Arc<Pier>, habits: Habits) -> Self {
        Self {
            worlds,
            name,
            habits,
            pier,
            embargo: Embargo::default(),
            deserted_since: None,
            heard: BTreeMap::new(),
            players: BTreeMap::new(),
        }
    }

    /// Whether this is the world the server was started for.
    pub fn is_main(&self) -> bool {
        matches!(self.habits, Habits::Main)
    }

    /// Whom tickets name; the main world's database has their rows.
    pub fn characters(&self) -> &Registry {
        self.worlds.characters()
    }

    /// Avatars and journeys a recovery brought along. Returns the avatars that another world holds:
    /// they must not stay here.
    pub fn adopt(&mut self, avatars: &[EntityId], gate: &Gate) -> Vec<EntityId> {
        let elsewhere = self.worlds.adopt(&self.name, avatars, gate);
        Embargo::lift(&self.pier, gate);
        elsewhere
    }

    /// Travellers whose arrival the recovery had to withhold: letting them in is what the world failed
    /// at. To be called before [`Place::adopt`], after which journeys go on.
    pub fn turn_away(&self, keys: &[TravelKey]) {
        self.worlds.turn_away(keys);
    }

    /// Journeys to be sealed into `tick`. `heard_all` says whether all session events that wait now
    /// will have been heard by then: whoever leaves must not be let in by one of them afterwards.
    pub fn journeys(
        &mut self,
        tick: Tick,
        epoch: Epoch,
        heard_all: impl FnOnce() -> bool,
    ) -> TravelInputs {
        self.pier.take(tick, epoch, heard_all)
    }

    /// After a step with these journeys. Returns the avatars that came: nobody plays them yet.
    pub fn after_step(
        &mut self,
        journeys: &TravelInputs,
        world: &World,
        durable: Tick,
    ) -> Vec<EntityId> {
        let gate = world.gate();
        let changed = (!journeys.is_empty()).then_some(gate);
        self.embargo
            .after(&self.pier, world.tick(), changed, durable);
        if journeys.is_empty() {
            return Vec::new();
        }
        let avatars = world.avatars();
        let present = |avatar: &EntityId| avatars.binary_search(avatar).is_ok();
        for departure in &journeys.departures {
            let avatar = departure.key.avatar;
            if gate.outbound.contains_key(&departure.key) {
                self.worlds.departed(&self.name, departure.key);
                self.heard.remove(&avatar);
            } else {
                self.worlds.stayed(&self.name, avatar, present(&avatar));
            }
        }
        let came = journeys.arrivals.iter();
        let came: Vec<EntityId> = came
            .filter(|arrival| gate.admitted.contains(&arrival.key))
            .map(|arrival| arrival.key.avatar)
            .filter(present)
            .collect();
        self.worlds.landed(&self.name, &came);
        came
    }

    /// Something happened to a session of this world. Returns whose has ended.
    pub fn note(&mut self, event: &SessionEvent) -> Option<EntityId> {
        match event {
            SessionEvent::Opened { session, hello }
            | SessionEvent::Resumed { session, hello, .. } => {
                self.heard.insert(hello.avatar, *session);
                self.players.insert(*session, hello.avatar);
                None
            }
            SessionEvent::Closed { session } => self.players.remove(session),
            SessionEvent::Datagram { .. }
            | SessionEvent::Path { .. }
            | SessionEvent::Expel { .. }
            | SessionEvent::Message { .. } => None,
        }
    }

    /// These avatars leave the world in the tick being sealed.
    pub fn left(&mut self, avatars: &[EntityId]) {
        if avatars.is_empty() {
            return;
        }
        let last: Vec<_> = avatars
            .iter()
            .map(|avatar| (*avatar, self.heard.remove(avatar)))
            .collect();
        self.worlds.left(&self.name, &last);
    }

    /// Whether the world may end now and sleep. If so, nobody comes in any more.
    pub fn may_sleep(
        &mut self,
        deserted: bool,
        now: Duration,
        events: &Receiver<SessionEvent>,
    ) -> bool {
        let Habits::Instance {
            hibernate_after,
            sleep_now,
        } = &self.habits
        else {
            return false;
        };
        if !deserted || !self.pier.is_idle() {
            self.deserted_since = None;
            return false;
        }
        let since = *self.deserted_since.get_or_insert(now);
        let tired = hibernate_after.is_some_and(|after| now.saturating_sub(since) >= after);
        (tired || sleep_now.load(Ordering::Acquire)) && self.worlds.shut_door(&self.name, events)
    }
}
