//! What happens to a case's world from outside: characters who come, go, return and do what they
//! like, honest or not, and an operator. A function of the case, the tick and the reference world.

use bluemarble_shared_protocol::{
    Admission, Buttons, EntityId, Epoch, InputSeq, Intent, PlayerInputs, Tick, WishDir,
};
use bluemarble_sim::{AdminCommand, Role, TickInputs, World};
use glam::DVec3;

use crate::dice::Dice;
use crate::kinds::{EventKind, Events};
use crate::places::awkward;

/// Most characters beside the scripted ones.
const GUESTS_MAX: u64 = 40;
/// So many ticks the overload ladder's step stays.
const STEP_TICKS: u64 = 30;
/// No avatar, no creature: what a mistaken or lying client may name.
const NOBODY: EntityId = EntityId(0xdead_beef);

/// How lively a case's people are.
pub struct People {
    case: Dice,
    events: Events,
    guests: Vec<(EntityId, String)>,
    come_permille: u64,
    go_permille: u64,
    act_permille: u64,
    lie_permille: u64,
    summon_permille: u64,
    is_strained: bool,
}

/// What the inputs bring and take, as far as it can be known without the rules.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Creatures the operator summons.
    pub summoned: usize,
    /// Commands that must be refused.
    pub refused: u64,
}

impl People {
    /// The people of a case.
    #[must_use]
    pub fn new(case: &Dice, events: Events) -> Self {
        let mut dice = case.fork(PURPOSE, 0);
        let guests = (0..dice.up_to(GUESTS_MAX))
            .map(|n| format!("guest-{n}"))
            .map(|name| (EntityId::of_character(&name), name))
            .collect();
        Self {
            case: case.clone(),
            events,
            guests,
            come_permille: dice.magnitude(5.0, 300.0) as u64,
            go_permille: dice.magnitude(1.0, 100.0) as u64,
            act_permille: dice.up_to(1_000),
            lie_permille: dice.magnitude(1.0, 300.0) as u64,
            summon_permille: dice.magnitude(1.0, 50.0) as u64,
            is_strained: dice.chance(400),
        }
    }

    /// The characters who come, go and travel; those of another world may have the same names.
    pub fn guests(&self) -> impl Iterator<Item = EntityId> {
        self.guests.iter().map(|(avatar, _)| *avatar)
    }

    /// The sealed inputs of the next tick of `world`. `somebody` is everybody in it, by id.
    #[must_use]
    pub fn inputs(
        &self,
        world: &World,
        somebody: &[EntityId],
        epoch: Epoch,
    ) -> (TickInputs, Traffic) {
        let tick = world.tick().next();
        let mut inputs = TickInputs::empty(tick, epoch);
        if self.events.has(EventKind::Puppets) {
            inputs.players = world.script();
        }
        self.come_and_go(&mut inputs.players, tick, world);
        self.act(&mut inputs.players, tick, somebody);
        let traffic = self.command(&mut inputs, world);
        if self.is_strained && self.events.has(EventKind::Overload) {
            let step = self
                .stream(EventKind::Overload, tick.0 / STEP_TICKS)
                .up_to(7);
            inputs.overload = if step > 6 { 0 } else { step as u8 };
        }
        let players = &mut inputs.players;
        players.admissions.sort_by_key(|admission| admission.avatar);
        players.leaves.sort_unstable();
        players.leaves.dedup();
        players.intents.sort_by_key(|(avatar, _)| *avatar);
        (inputs, traffic)
    }

    fn stream(&self, kind: EventKind, n: u64) -> Dice {
        self.case.fork(PURPOSE + 1 + kind as u64, n)
    }

    fn come_and_go(&self, players: &mut PlayerInputs, tick: Tick, world: &World) {
        let mut coming = self.stream(EventKind::Joins, tick.0);
        let mut going = self.stream(EventKind::Leaves, tick.0);
        for (avatar, name) in &self.guests {
            let comes = coming.chance(self.come_permille);
            // Also whoever is not there; and in the same tick as it comes, so that it begins anew.
            let goes = going.chance(self.go_permille);
            if comes && self.events.has(EventKind::Joins) {
                let name = name.clone();
                players.admissions.push(Admission {
                    avatar: *avatar,
                    name: name.into(),
                });
            }
            if goes && self.events.has(EventKind::Leaves) {
                players.leaves.push(*avatar);
            }
        }
        if self.events.has(EventKind::Leaves) && going.chance(20) {
            // Anybody goes, perhaps a scripted avatar that its script will bring back.
            let there = world.avatars();
            if let Some(&avatar) = there.get(going.up_to(there.len() as u64) as usize) {
                players.leaves.push(avatar);
            }
        }
    }

    fn act(&self, players: &mut PlayerInputs, tick: Tick, somebody: &[EntityId]) {
        let mut honest = self.stream(EventKind::Intents, tick.0);
        let mut lying = self.stream(EventKind::Hostility, tick.0);
        for (avatar, _) in &self.guests {
            let acts = honest.chance(self.act_permille);
            let intent = honest_intent(&mut honest, tick, somebody);
            let lies = lying.chance(self.lie_permille);
            let lie = lie(&mut lying, intent, tick);
            if lies && self.events.has(EventKind::Hostility) {
                players.intents.push((*avatar, lie));
            } else if acts && self.events.has(EventKind::Intents) {
                players.intents.push((*avatar, intent));
            }
        }
        if self.events.has(EventKind::Hostility) && lying.chance(self.lie_permille) {
            // For nobody, for a creature, twice for one avatar.
            let intent = honest_intent(&mut lying, tick, somebody);
            players.intents.push((NOBODY, intent));
            if let Some(&anybody) = somebody.get(lying.up_to(somebody.len() as u64) as usize) {
                players.intents.push((anybody, intent));
            }
        }
    }

    fn command(&self, inputs: &mut TickInputs, world: &World) -> Traffic {
        let mut dice = self.stream(EventKind::Commands, inputs.tick.0);
        let mut traffic = Traffic::default();
        let commanded = dice.chance(self.summon_permille);
        if !commanded || !self.events.has(EventKind::Commands) {
            return traffic;
        }
        for _ in 0..=dice.up_to(2) {
            let (lat_deg, lng_deg) = awkward(&mut dice);
            let scenario = &world.spec().scenario;
            let number = dice.up_to(scenario.kinds.len() as u64 - 1) as usize;
            let mut spawn = Spawn {
                kind: scenario.kind_names[number].clone(),
                at: (lat_deg, lng_deg),
                spread_m: dice.magnitude(0.1, 200.0),
                count: dice.up_to(12) as u32,
            };
            // What flies or burns comes from somebody.
            let role = &scenario.kinds[number].role;
            let comes_alone = matches!(role, Role::Creature | Role::Item { .. });
            if !comes_alone {
                traffic.refused += 1;
            } else if dice.chance(200) {
                match dice.up_to(3) {
                    0 => spawn.kind = "unheard-of".into(),
                    1 => spawn.at.0 = 90.000_1,
                    2 => spawn.spread_m = f64::INFINITY,
                    _ => spawn.count = AdminCommand::SPAWN_MAX + 1,
                }
                traffic.refused += 1;
            } else {
                traffic.summoned += spawn.count as usize;
            }
            inputs.commands.push(spawn.command());
        }
        traffic
    }
}

const PURPOSE: u64 = 0x1000;

struct Spawn {
    kind: String,
    at: (f64, f64),
    spread_m: f64,
    count: u32,
}

impl Spawn {
    fn command(self) -> AdminCommand {
        AdminCommand::Spawn {
            kind: self.kind,
            lat_deg: self.at.0,
            lng_deg: self.at.1,
            spread_m: self.spread_m,
            count: self.count,
        }
    }
}

fn anybody(dice: &mut Dice, somebody: &[EntityId]) -> Option<EntityId> {
    let at = dice.up_to(somebody.len() as u64) as usize;
    somebody.get(at).copied()
}

fn honest_intent(dice: &mut Dice, tick: Tick, somebody: &[EntityId]) -> Intent {
    let mut axis = || dice.between(-1.0, 1.0);
    let wish = WishDir::from_dir(DVec3::new(axis(), axis(), axis()));
    Intent {
        seq: InputSeq(tick.0 as u32),
        view_tick: Tick(tick.0.saturating_sub(1 + dice.up_to(8))),
        wish,
        pace: dice.up_to(u64::from(Intent::PACE_MAX)) as u8,
        buttons: Buttons {
            jump: dice.chance(100),
        },
        attack: anybody(dice, somebody),
    }
}

/// What the door would have refused, or a log of another program might say.
fn lie(dice: &mut Dice, intent: Intent, tick: Tick) -> Intent {
    let most = WishDir::AXIS_MAX;
    let extremes = [-most, -1, 0, 1, most];
    let mut lie = intent;
    match dice.up_to(7) {
        0 => lie.view_tick = Tick(u64::MAX),
        1 => lie.view_tick = Tick(0),
        2 => lie.view_tick = Tick(tick.0 + dice.up_to(1_000)),
        3 => lie.seq = InputSeq(dice.up_to(tick.0 + 5) as u32),
        4 => lie.seq = InputSeq(u32::MAX - dice.up_to(1) as u32),
        5 => lie.pace = dice.up_to(255) as u8,
        6 => lie.attack = Some(NOBODY),
        _ => {
            let (u, v) = (*dice.pick(&extremes), *dice.pick(&extremes));
            lie.wish = WishDir::from_axes(u, v).unwrap_or_default();
        }
    }
    lie
}
