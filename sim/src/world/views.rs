//! What may be known of a world from outside: between two ticks, and changing nothing.

use std::sync::Arc;

use bluemarble_shared_protocol::{AnsweredGift, EntityId, Epoch, PlayerInputs, Tick, WireFrame};
use bluemarble_spatial::ZoneId;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::{World, WorldSpec};
use crate::absent::Absent;
use crate::audit::Audit;
use crate::checkpoint::{Checkpoint, Snapshot};
use crate::content::Kind;
use crate::entity::{DigestParts, EntityState};
use crate::frame::FrameSet;
use crate::inputs::TickInputs;
use crate::outside::{DealOutcome, OutsideKey, Till};
use crate::script;
use crate::travel::Gate;
use crate::value::{self, Held, Movement};
use crate::zone::Zone;

impl World {
    /// Journeys to and from other worlds that are not over.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The last tick that was stepped.
    #[must_use]
    pub fn tick(&self) -> Tick {
        self.tick
    }

    /// The state digest at that tick.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest.digest()
    }

    /// The same, taken apart: a sum per component, and one in which each entity has a weight of its
    /// own. Two worlds that differ in one entity are told by it which and in what.
    #[must_use]
    pub fn digest_parts(&self) -> &DigestParts {
        &self.digest
    }

    /// What it is made from.
    #[must_use]
    pub fn spec(&self) -> &WorldSpec {
        &self.spec
    }

    /// The kinds, in the order of their numbers.
    #[must_use]
    pub fn kinds(&self) -> &[Kind] {
        &self.spec.scenario.kinds
    }

    /// The frames of the last tick.
    #[must_use]
    pub fn frames(&self) -> &Arc<FrameSet> {
        &self.frames
    }

    /// The world of the last tick as clients may know it: a frame per open zone, those that are being
    /// emptied included. Whose rows are in which frame, and in what order frames come, may change
    /// from tick to tick; everybody is in exactly one.
    #[must_use]
    pub fn wire_frames(&self) -> &[Arc<WireFrame>] {
        &self.wires
    }

    /// How many zones the map of the last tick has.
    #[must_use]
    pub fn zones(&self) -> usize {
        self.frames.map.len()
    }

    /// How many entities there are.
    #[must_use]
    pub fn entities(&self) -> usize {
        self.residence.directory().len()
    }

    /// How many creatures slept in the last tick.
    #[must_use]
    pub fn asleep(&self) -> usize {
        self.asleep
    }

    /// Counts every coin there is. From one tick to the next the total changes by what the
    /// report's tally says was minted and has left, exactly.
    #[must_use]
    pub fn audit(&self) -> Audit {
        let (purses, mail) = self.absent.coins();
        let absent = Audit {
            absent: purses + mail,
            ..Audit::default()
        };
        let zones = self.residence.zones();
        zones.fold(absent, |sum, zone| sum.with(&zone.audit()))
    }

    /// What the last tick did with coins and things, by entity and in the order it happened; nothing before the
    /// first tick. However the world is cut, it is the same, and a replay makes it again. It leads from
    /// the [holdings](Self::holdings) before the tick to those after it.
    #[must_use]
    pub fn movements(&self) -> &[Movement] {
        &self.movements
    }

    /// What the deals with the outside that were sealed into the last tick have come to, in their order. It
    /// may be told once the tick is durable.
    #[must_use]
    pub fn deal_outcomes(&self) -> &[(OutsideKey, DealOutcome)] {
        &self.deals
    }

    /// Deals with the outside that were carried out and are not settled.
    #[must_use]
    pub fn till(&self) -> &Till {
        &self.till
    }

    /// Characters that are not in the world, as they left it.
    #[must_use]
    pub fn absent(&self) -> &Absent {
        &self.absent
    }

    /// What the gifts that were sealed into the last tick have come to, by giver and number; nothing of those
    /// whose giver was not there. It may be told once the tick is durable.
    #[must_use]
    pub fn gift_answers(&self) -> &[AnsweredGift] {
        &self.answers
    }

    /// Who holds what, and how many, by holder and sort: all but what [`Holder::Mint`](crate::Holder::Mint) and the like have
    /// handed out. It looks at every entity.
    #[must_use]
    pub fn holdings(&self) -> Vec<Held> {
        let mut found = Vec::new();
        for zone in self.residence.zones() {
            zone.holdings(&mut found);
        }
        value::holdings_of_absent(&self.absent, &self.lore, &mut found);
        found.sort_unstable();
        // Each entity has one purse, but several may have mail.
        found.dedup_by(|next, first| {
            let same = (next.0, next.1) == (first.0, first.1);
            if same {
                first.2 += next.2;
            }
            same
        });
        found
    }

    /// Entities per zone.
    #[must_use]
    pub fn populations(&self) -> Vec<usize> {
        (0..self.frames.map.len() as ZoneId)
            .map(|zone| self.frames.population_of(zone))
            .collect()
    }

    /// The avatars in the world, by id.
    #[must_use]
    pub fn avatars(&self) -> Vec<EntityId> {
        let mut avatars: Vec<EntityId> = self
            .wires
            .iter()
            .flat_map(|wire| wire.owned.iter().map(|own| own.id))
            .collect();
        avatars.sort_unstable();
        avatars
    }

    /// The avatars that players play: all but the scenario's scripted ones.
    #[must_use]
    pub fn players(&self) -> Vec<EntityId> {
        let mut avatars = self.avatars();
        avatars.retain(|avatar| !self.lore.cast.plays(*avatar));
        avatars
    }

    /// Where players appear, unit direction from the planet's centre.
    #[must_use]
    pub fn spawn_dir(&self) -> glam::DVec3 {
        self.lore.spawn_dir
    }

    /// Everybody, whole, by id: a copy, for whoever compares worlds.
    #[must_use]
    pub fn states(&self) -> Vec<EntityState> {
        let mut states: Vec<_> = self.residence.zones().flat_map(Zone::states).collect();
        states.sort_unstable_by_key(|state| state.identity.id);
        states
    }

    /// Copies the world as it is, to be encoded elsewhere.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_of(self.residence.zones().map(Zone::copies).collect())
    }

    /// As [`World::snapshot`], zone beside zone on the threads of `pool`.
    #[must_use]
    pub fn snapshot_on(&self, pool: &rayon::ThreadPool) -> Snapshot {
        let zones: Vec<&Zone> = self.residence.zones().collect();
        let copies = || zones.par_iter().map(|zone| zone.copies()).collect();
        self.snapshot_of(pool.install(copies))
    }

    fn snapshot_of(&self, zones: Vec<Vec<EntityState>>) -> Snapshot {
        Snapshot {
            tick: self.tick,
            digest: self.digest.digest(),
            planet: self.spec.planet.name().to_owned(),
            kinds: self.spec.scenario.kind_names.clone(),
            gate: self.gate.clone(),
            till: self.till.clone(),
            absent: self.absent.shelves().clone(),
            zones,
            past: Arc::clone(&self.past.0),
            coarse: self.coarse.clone(),
        }
    }

    /// Copies and encodes the world as it is.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        self.snapshot().encode()
    }

    /// What the scenario's scripted avatars do in the next tick: the inputs players would have sent.
    #[must_use]
    pub fn script(&self) -> PlayerInputs {
        script::inputs(&self.lore, &self.frames, &self.wires)
    }

    /// The next tick's inputs when nobody but the script plays.
    #[must_use]
    pub fn scripted_inputs(&self) -> TickInputs {
        TickInputs {
            players: self.script(),
            ..TickInputs::empty(self.tick.next(), Epoch(0))
        }
    }
}
