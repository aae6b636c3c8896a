//! Worlds in lockstep.

use std::collections::BTreeMap;

use bluemarble_shared_protocol::{
    Admission, AssetId, EntityId, Epoch, InputSeq, Intent, OwnState, WishDir, Wound, mix64,
};
use bluemarble_sim::{Audit, EntityState, Holder, Scenario, Tally, TickInputs, TickReport, World};
use glam::DVec3;

use crate::scene;

/// Who hurt whom in the tick that was stepped last, in the order of the targets.
pub fn wounds(world: &World) -> Vec<Wound> {
    let frames = world.wire_frames().iter();
    let mut wounds: Vec<Wound> = frames.flat_map(|frame| frame.wounds.clone()).collect();
    wounds.sort_by_key(Wound::order);
    wounds
}

/// The same scene, cut in different ways.
pub struct Twins {
    /// The first is whole.
    worlds: Vec<World>,
    /// What each counted.
    pub tallies: Vec<Tally>,
    pool: rayon::ThreadPool,
    audit: Audit,
    /// What everybody holds, as the movements of all ticks so far say.
    book: BTreeMap<(Holder, AssetId), i128>,
}

impl Twins {
    /// In one zone, in 6, in 24, and with a zone for every cell around the square.
    pub fn new(scenario: &Scenario) -> Self {
        let near = scene::middle(scenario.squares[0].near);
        Self::cut_at(scenario, &[near])
    }

    /// The same; in the last of them every cell in and around these places is a zone.
    pub fn cut_at(scenario: &Scenario, places: &[(f64, f64)]) -> Self {
        let worlds = vec![
            scene::world(scenario, 1),
            scene::world(scenario, 6),
            scene::world(scenario, 24),
            scene::diced(scenario, places),
        ];
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(2)
            .build()
            .unwrap();
        Self {
            tallies: vec![Tally::default(); worlds.len()],
            audit: worlds[0].audit(),
            book: worlds[0]
                .holdings()
                .into_iter()
                .map(|(holder, asset, amount)| ((holder, asset), i128::from(amount)))
                .collect(),
            worlds,
            pool,
        }
    }

    /// The world that is not cut.
    pub fn whole(&self) -> &World {
        &self.worlds[0]
    }

    /// The one with six zones.
    pub fn of_six(&self) -> &World {
        &self.worlds[1]
    }

    /// The one in which every cell is a zone.
    pub fn diced(&self) -> &World {
        &self.worlds[3]
    }

    /// What all of them counted that knows no borders.
    pub fn tally(&self) -> Tally {
        self.tallies[0]
    }

    /// Inputs of a tick in which nobody does anything.
    pub fn quiet(&self) -> TickInputs {
        TickInputs::empty(self.whole().tick().next(), Epoch(1))
    }

    /// One tick for all, compared; the report of the whole one.
    #[track_caller]
    pub fn step(&mut self, inputs: &TickInputs) -> TickReport {
        let mut reports = Vec::new();
        for (world, tally) in self.worlds.iter_mut().zip(&mut self.tallies) {
            let report = world.step(inputs, &self.pool).unwrap();
            tally.add(&report.tally);
            reports.push(report);
        }
        let first = reports[0];
        for (report, world) in reports.iter().zip(&self.worlds) {
            assert_eq!(
                report.digest,
                first.digest,
                "tick {} in {} zones",
                report.tick,
                world.zones()
            );
            assert_eq!(report.entities, first.entities);
        }
        let wounds = wounds(&self.worlds[0]);
        for world in &self.worlds[1..] {
            assert_eq!(self::wounds(world), wounds, "{} zones", world.zones());
        }
        self.balance(&first.tally);
        self.keep_book();
        self.forget(first.tick.0);
        first
    }

    /// Every coin is where it was, has changed hands, was minted or has left.
    #[track_caller]
    fn balance(&mut self, tally: &Tally) {
        let before = self.audit.total();
        self.audit = self.worlds[0].audit();
        assert_eq!(
            self.audit.total() + tally.coins_left,
            before + tally.minted,
            "{:?} {tally:?}",
            self.audit
        );
        for world in &self.worlds {
            assert_eq!(world.audit(), self.audit, "{} zones", world.zones());
        }
    }

    /// The movements lead from what everybody held to what everybody holds, and know no borders.
    #[track_caller]
    fn keep_book(&mut self) {
        let movements = self.worlds[0].movements();
        assert!(movements.is_sorted_by_key(|moved| (moved.entity, moved.n)));
        for moved in movements {
            assert!(moved.amount > 0, "{moved:?}");
            let amount = i128::from(moved.amount);
            *self.book.entry((moved.from, moved.asset)).or_default() -= amount;
            *self.book.entry((moved.to, moved.asset)).or_default() += amount;
        }
        let held = |(of, amount): (&(Holder, AssetId), &i128)| {
            let (holder, asset) = *of;
            let inside = holder >= Holder::Mail;
            assert!(
                !inside || *amount >= 0,
                "{holder:?} holds {amount} of {asset:?}"
            );
            (inside && *amount > 0).then_some((holder, asset, amount.unsigned_abs() as u64))
        };
        let book: Vec<_> = self.book.iter().filter_map(held).collect();
        for world in &self.worlds {
            assert_eq!(world.movements(), movements, "{} zones", world.zones());
            assert_eq!(world.holdings(), book, "{} zones", world.zones());
        }
    }

    /// Amnesia for one, a checkpoint's way out and back for another, strays for the last.
    fn forget(&mut self, tick: u64) {
        if mix64(tick).is_multiple_of(5) {
            self.worlds[1].rebuild_zones();
        }
        if mix64(tick ^ 99).is_multiple_of(11) {
            let stored = self.worlds[2].checkpoint();
            let mut spec = self.worlds[2].spec().clone();
            spec.zones = 2 + (mix64(tick ^ 7) % 30) as usize;
            self.worlds[2] = World::restore(spec, &stored).unwrap();
        }
        if mix64(tick ^ 3).is_multiple_of(7) {
            self.worlds[3].scatter_residence(tick);
        }
        assert_eq!(self.worlds[3].fault(), None);
    }

    /// Lets these characters in; their avatars.
    pub fn admit(&mut self, names: &[String]) -> Vec<EntityId> {
        let mut inputs = self.quiet();
        inputs.players.admissions = names.iter().map(|name| admission(name)).collect();
        inputs.players.admissions.sort_by_key(|a| a.avatar);
        self.step(&inputs);
        names
            .iter()
            .map(|name| EntityId::of_character(name))
            .collect()
    }

    /// One tick in which each of these does something.
    #[track_caller]
    pub fn act(&mut self, mut intents: Vec<(EntityId, Intent)>) -> TickReport {
        let mut inputs = self.quiet();
        intents.sort_by_key(|(avatar, _)| *avatar);
        for (_, intent) in &mut intents {
            intent.seq = InputSeq(inputs.tick.0 as u32);
            intent.view_tick = self.whole().tick();
        }
        inputs.players.intents = intents;
        self.step(&inputs)
    }

    /// Everybody, by id.
    pub fn states(&self) -> Vec<EntityState> {
        let world = self.whole();
        let kinds = &world.spec().scenario.kind_names;
        world
            .checkpoint()
            .entities(&world.spec().planet, kinds)
            .unwrap()
    }

    /// Everybody of a kind.
    pub fn of_kind(&self, name: &str) -> Vec<EntityState> {
        let kinds = &self.whole().spec().scenario.kind_names;
        let kind = kinds.iter().position(|known| known == name).unwrap();
        let mut states = self.states();
        states.retain(|state| usize::from(state.identity.kind.0) == kind);
        states
    }

    /// One of them.
    pub fn state(&self, id: EntityId) -> EntityState {
        let states = self.states();
        states.into_iter().find(|s| s.identity.id == id).unwrap()
    }

    /// What a player knows of its avatar.
    pub fn own(&self, avatar: EntityId) -> OwnState {
        let wires = self.whole().wire_frames();
        let mut owned = wires.iter().flat_map(|wire| &wire.owned);
        owned.find(|own| own.id == avatar).unwrap().clone()
    }
}

/// A character's admission.
pub fn admission(name: &str) -> Admission {
    Admission {
        avatar: EntityId::of_character(name),
        name: name.into(),
    }
}

/// An intent to attack.
pub fn attack(target: EntityId) -> Intent {
    Intent {
        attack: Some(target),
        ..Intent::default()
    }
}

/// An intent to run somewhere.
pub fn run(way: DVec3) -> Intent {
    Intent {
        wish: WishDir::from_dir(way),
        pace: Intent::PACE_MAX,
        ..Intent::default()
    }
}
