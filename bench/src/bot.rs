//! One bot: a character with a ticket that connects, walks, strikes, looks, and keeps count.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bluemarble_net::client::{Client, ClientOptions, Disconnected, Link, Predictor, View};
use bluemarble_net::tickets::CharacterName;
use bluemarble_shared_protocol::codec::quantise;
use bluemarble_shared_protocol::{
    Action, Buttons, EntityId, Epoch, InputSeq, Intent, OwnVitals, Tick, WireEntity, WishDir,
};
use bluemarble_spatial::{CellId, FrameAxes};
use glam::DVec3;

use crate::arriving::{Arriving, Storm};
use crate::behaviour::{BLOW_TICKS_MAX, Ground, Mind, Situation, Wish};
use crate::cli::LoadArgs;
use crate::counter::Counter;
use crate::fate::Chapter;
use crate::moves::{Mover, Watch};
use crate::outcome::{Counters, Outcome};
use crate::run::{Phase, Run, unix_now};
use crate::scene::Actor;
use crate::verify::{Received, Rules, Strains, ViewSample};

/// Only one bot in so many times the blows of others: each look costs a pass over its view.
const BLOW_WATCHERS: u32 = 4;
/// How often a bot on a bad line tries to join, as its player would: a handshake has five seconds, and
/// one of a few packets of which a burst takes the first three has none of them left.
const TRIES_BAD_LINE: u32 = 4;
/// One bot in so many loses its connection now and then, if that is asked for.
pub const DROPPER_ONE_IN: u32 = 10;
/// How long it is away.
pub const DROPPER_PAUSE: Duration = Duration::from_millis(700);
/// One bot in so many is a guest.
const GUEST_ONE_IN: u32 = 20;
/// How long a guest stays, seconds.
const GUEST_STAY_S: u64 = 6;
/// How long it is away: longer than its avatar may linger in anybody's view.
const GUEST_PAUSE: Duration = Duration::from_secs(3);

/// A bot that has not joined yet.
#[derive(Debug)]
pub struct Bot {
    number: u32,
    /// The character.
    pub name: CharacterName,
    /// Its ticket.
    pub ticket: String,
    reach_m: f64,
    part: Part,
    manner: Manner,
    /// How often it tries to join.
    tries: u32,
}

/// What a bot does with what it receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Decodes everything, and hands its view in to be compared with the truth.
    Verifies,
    /// Acknowledges and counts; keeps all that it received, to be verified when the run is over.
    Keeps,
    /// Acknowledges and counts.
    Counts,
}

/// How a bot moves.
#[derive(Clone, Debug)]
pub enum Manner {
    /// About a square, striking whoever comes near.
    Roams(Mind),
    /// In a scene.
    Plays(Actor),
}

impl Bot {
    /// Bot `number` of a run around a square.
    #[must_use]
    pub fn new(args: &LoadArgs, number: u32, name: CharacterName, ticket: String) -> Self {
        let ground = Ground {
            square_m: args.square_m,
            around_m: args.around_m,
        };
        Self {
            number,
            name,
            ticket,
            reach_m: args.reach_m,
            part: Part::Verifies,
            manner: Manner::Roams(Mind::new(args.seed, number, ground)),
            tries: if args.link.is_some() {
                TRIES_BAD_LINE
            } else {
                1
            },
        }
    }

    /// The same bot, in a scene.
    #[must_use]
    pub fn playing(self, actor: Actor, part: Part) -> Self {
        Self {
            part,
            manner: Manner::Plays(actor),
            ..self
        }
    }

    /// For which army it fights, if it does.
    pub fn army(&self) -> Option<u8> {
        match &self.manner {
            Manner::Plays(actor) => actor.army(),
            Manner::Roams(_) => None,
        }
    }

    /// Plays until the run is over. A guest leaves and comes back now and then.
    pub async fn live(
        mut self,
        options: ClientOptions,
        predictor: Option<Predictor>,
        run: Arc<Run>,
    ) -> Outcome {
        let mut outcome = Outcome::new();
        loop {
            let visit = self.visit(&options, &predictor, &run, &mut outcome).await;
            if let Err(reason) = visit {
                if !outcome.was_inside && outcome.joined_again + 1 < u64::from(self.tries) {
                    outcome.joined_again += 1;
                    continue;
                }
                outcome.lost = Some(format!("{}: {reason}", self.name.as_str()));
                return outcome;
            }
            if run.phase() == Phase::Leaving {
                return outcome;
            }
            tokio::time::sleep(GUEST_PAUSE).await;
        }
    }

    /// Joins, plays, and leaves, once.
    async fn visit(
        &mut self,
        options: &ClientOptions,
        predictor: &Option<Predictor>,
        run: &Arc<Run>,
        outcome: &mut Outcome,
    ) -> Result<(), String> {
        let began_us = run.now_us();
        if let (Manner::Plays(actor), Part::Keeps | Part::Counts) = (&mut self.manner, self.part) {
            let link = Link::connect(options.clone()).await;
            let link = link.map_err(|error| error.to_string())?;
            outcome.was_inside = true;
            let keeps = self.part == Part::Keeps;
            let mut counter = Counter::new(self.number, keeps, link, actor, run, outcome);
            counter.arriving = Arriving::Joins(began_us);
            return counter.visit(options, self.tries).await;
        }
        let client = Client::connect(options.clone(), predictor.clone()).await;
        let client = client.map_err(|error| error.to_string())?;
        let came_back = std::mem::replace(&mut outcome.was_inside, true);
        outcome.verifies = true;
        let mut player = Player::new(client, self, run, outcome);
        player.came_back = came_back;
        player.arriving = Arriving::Joins(began_us);
        let end = player.play().await;
        player.run.timings.gone(player.bot.number);
        player.close_window();
        player.end_chapter();
        if player.is_inside {
            run.inside.fetch_sub(1, Ordering::Relaxed);
        }
        player.client.close().await;
        end
    }

    /// Guests come and go, so that others see somebody vanish and appear.
    fn is_guest(&self) -> bool {
        matches!(self.manner, Manner::Roams(_)) && self.number % GUEST_ONE_IN == GUEST_ONE_IN - 1
    }
}

/// A bot in the world.
struct Player<'a> {
    client: Client,
    bot: &'a mut Bot,
    run: &'a Run,
    outcome: &'a mut Outcome,
    avatar: EntityId,
    axes: Axes,
    /// Of the first snapshot that spoke of the avatar, on this connection.
    first_tick: Option<Tick>,
    /// Whether the avatar may still have stood there: a goodbye can be lost.
    came_back: bool,
    /// Whether it counts among those inside.
    is_inside: bool,
    /// What it was told happened.
    chapter: Option<Chapter>,
    /// Which snapshots came.
    received: Received,
    /// Where the server's overload ladder stood.
    strains: Strains,
    /// How many snapshots so far.
    snapshots: u64,
    /// What headers said last.
    header: Header,
    /// Its moves on their way to others, and theirs on their way to it.
    mover: Mover,
    watch: Watch,
    /// When the last snapshot came, while measured.
    last_us: Option<u64>,
    /// The counters when the measurement began.
    window: Option<Counters>,
    /// Since when it has been on its way in.
    arriving: Arriving,
    /// Whether it has lost its connection with everybody else.
    storm: Storm,
    /// When it struck last, as a soldier.
    struck: Option<Tick>,
}

/// What may only go forward.
#[derive(Clone, Copy, Debug, Default)]
struct Header {
    epoch: Epoch,
    tick: Tick,
    durable: Tick,
    applied: InputSeq,
}

impl<'a> Player<'a> {
    fn new(client: Client, bot: &'a mut Bot, run: &'a Run, outcome: &'a mut Outcome) -> Self {
        Self {
            avatar: run.joined(client.welcome().avatar, bot.army()),
            axes: Axes::new(client.welcome().radius_m),
            client,
            bot,
            run,
            outcome,
            first_tick: None,
            came_back: false,
            is_inside: false,
            chapter: None,
            received: Received::default(),
            strains: Strains::default(),
            snapshots: 0,
            header: Header::default(),
            mover: Mover::default(),
            watch: Watch::default(),
            last_us: None,
            window: None,
            arriving: Arriving::default(),
            storm: Storm::default(),
            struck: None,
        }
    }

    /// Answers every snapshot with an intent, until the run is over.
    async fn play(&mut self) -> Result<(), String> {
        let lost = |end: Disconnected| end.to_string();
        loop {
            let tick = self.client.next_snapshot().await.map_err(lost)?;
            let now_us = self.run.now_us();
            let phase = self.run.phase();
            self.arrive(tick);
            let applied = self.client.core().own().applied;
            self.mover
                .applied(&self.run.moves, self.avatar, tick, applied);
            if phase == Phase::Leaving && self.last_us.is_some() {
                // It began to wait while it was measured.
                self.run
                    .timings
                    .snapshot(self.bot.number, now_us, self.last_us.take());
            }
            if phase == Phase::Leaving || self.has_stayed_long(phase, tick) {
                return Ok(());
            }
            if self.is_dropped(phase, tick) || self.storm.breaks(self.run, now_us) {
                self.drop_out().await?;
                continue;
            }
            self.answer(tick, now_us).map_err(lost)?;
            if phase == Phase::Measuring {
                self.open_window(now_us);
                let last_us = self.last_us.replace(now_us);
                self.run.timings.snapshot(self.bot.number, now_us, last_us);
                self.check_header(tick);
                if self.bot.number.is_multiple_of(BLOW_WATCHERS) {
                    let view = self.client.core().view();
                    self.watch.look(view, tick, now_us, self.run);
                }
                if tick.0.is_multiple_of(self.run.truth_every) {
                    self.hand_in_view(tick);
                }
            }
        }
    }

    /// Whether a guest should be off; guests stay until the measurement begins.
    fn has_stayed_long(&self, phase: Phase, tick: Tick) -> bool {
        let stay_ticks = GUEST_STAY_S * u64::from(self.client.welcome().tick_hz);
        phase == Phase::Measuring
            && self.bot.is_guest()
            && self
                .first_tick
                .is_some_and(|first| tick.since(first) >= stay_ticks)
    }

    /// Once a visit: where the bot appeared, that it is inside, and which snapshots come.
    fn arrive(&mut self, tick: Tick) {
        let snapshots = self.client.core().stats().snapshots;
        self.received.note(tick, snapshots - self.snapshots);
        self.strains.note(tick, self.client.core().strain());
        self.snapshots = snapshots;
        if self.first_tick.is_none()
            && let Some(place) = self.place()
        {
            self.first_tick = Some(tick);
            self.arriving.arrived(self.run.now_us(), self.outcome);
            let tick_hz = self.client.welcome().tick_hz;
            let chapter = || Chapter::begin(self.avatar, tick, tick_hz);
            self.chapter.get_or_insert_with(chapter);
            if !self.is_inside {
                self.is_inside = true;
                self.run.appeared_at(place);
                self.run.inside.fetch_add(1, Ordering::Relaxed);
            }
        }
        if let Some(chapter) = &mut self.chapter {
            chapter.reach(tick);
        }
        self.listen();
    }

    /// What happened of late.
    fn listen(&mut self) {
        let Some(chapter) = &mut self.chapter else {
            return;
        };
        chapter.events.extend(self.client.events());
        chapter.hear(self.client.wounds());
        chapter.missed = self.client.events_missed();
    }

    /// What came to its end is to be judged.
    fn end_chapter(&mut self) {
        self.listen();
        self.outcome.chapters.extend(self.chapter.take());
    }

    /// Whether a bot that loses its connection now and then does so now.
    fn is_dropped(&self, phase: Phase, tick: Tick) -> bool {
        let (Some(every_s), Some(first)) = (self.run.drop_every_s, self.first_tick) else {
            return false;
        };
        let every_ticks = every_s * u64::from(self.client.welcome().tick_hz);
        phase == Phase::Measuring
            && self.bot.number % DROPPER_ONE_IN == DROPPER_ONE_IN - 3
            && tick.since(first) >= every_ticks
    }

    /// The connection breaks, and the bot comes back. Nobody who comes back stands in line, and whoever
    /// finds nothing to come back to begins anew.
    async fn drop_out(&mut self) -> Result<(), String> {
        self.close_window();
        self.listen();
        if let Some(chapter) = &mut self.chapter {
            chapter.disconnected();
        }
        self.run.timings.gone(self.bot.number);
        self.client.connection().close(0_u32.into(), b"");
        tokio::time::sleep(DROPPER_PAUSE).await;
        self.arriving = Arriving::Returns(self.run.now_us());
        let mut tries = 1;
        let goes_on = loop {
            match self.client.resume(None).await {
                Ok(goes_on) => break goes_on,
                Err(error) if tries >= self.bot.tries => return Err(error.to_string()),
                Err(_) => tries += 1,
            }
        };
        self.first_tick = None;
        self.last_us = None;
        if goes_on {
            self.outcome.resumed += 1;
        } else {
            // What is there to be heard now may be of the new session already.
            self.outcome.chapters.extend(self.chapter.take());
            self.came_back = true;
            self.received = Received::default();
            self.snapshots = 0;
            self.header = Header::default();
            (self.mover, self.watch) = Default::default();
        }
        Ok(())
    }

    /// Where the avatar is: predicted, or else as the server said.
    fn place(&self) -> Option<DVec3> {
        let own = self.client.core().own();
        let [x, y, z, ..] = match (own.predicted, own.confirmed) {
            (Some(body), _) => return Some(body.pos),
            (None, Some(confirmed)) => confirmed.body.values,
            (None, None) => return None,
        };
        Some(DVec3::new(x, y, z))
    }

    fn answer(&mut self, tick: Tick, now_us: u64) -> Result<(), Disconnected> {
        let wish = self.decide(tick);
        if wish.is_some_and(|wish| wish.attack.is_some()) {
            self.run.blows.order(self.avatar, now_us);
        }
        let vitals = self.client.core().own().vitals;
        let lives = vitals.is_some_and(|vitals| vitals.health > 0);
        let moves = lives && wish.is_some_and(|wish| wish.pace > 0 && wish.dir != DVec3::ZERO);
        self.mover.sent(now_us, moves);
        let stand = Intent {
            view_tick: tick,
            ..Intent::default()
        };
        self.client.send_intent(wish.map_or(stand, |wish| Intent {
            wish: WishDir::from_dir(wish.dir),
            pace: wish.pace,
            buttons: Buttons { jump: wish.jump },
            attack: wish.attack,
            ..stand
        }))
    }

    /// `None` while too little is known to want anything.
    fn decide(&mut self, tick: Tick) -> Option<Wish> {
        let (me, middle) = (self.place()?, self.run.middle()?);
        let mind = match &mut self.bot.manner {
            Manner::Roams(mind) => mind,
            Manner::Plays(actor) => {
                let wish = actor.decide(tick, me, middle);
                return Some(match actor.army() {
                    Some(army) => self.strike(tick, me, wish, army),
                    None => wish,
                });
            }
        };
        let vitals = self.client.core().own().vitals?;
        let situation = Situation {
            tick,
            me,
            middle,
            alive: vitals.health > 0,
            ready: vitals.ready_in_ticks == 0,
        };
        let (view, axes) = (self.client.core().view(), &mut self.axes);
        let reach_m = self.bot.reach_m;
        Some(mind.decide(situation, || {
            nearest_living(view, axes, (me, reach_m), |_| true)
        }))
    }

    /// The same wish, and a blow at the nearest of the other army, if there is one within reach.
    fn strike(&mut self, tick: Tick, me: DVec3, wish: Wish, army: u8) -> Wish {
        let core = self.client.core();
        let ready = |vitals: OwnVitals| vitals.health > 0 && vitals.ready_in_ticks == 0;
        let rested = self
            .struck
            .is_none_or(|at| tick.since(at) >= BLOW_TICKS_MAX);
        if !rested || !core.own().vitals.is_some_and(ready) {
            return wish;
        }
        let foe = |id| self.run.armies.of(id).is_some_and(|other| other != army);
        let within = (me, self.bot.reach_m);
        let attack = nearest_living(core.view(), &mut self.axes, within, foe);
        if attack.is_some() {
            self.struck = Some(tick);
        }
        Wish { attack, ..wish }
    }

    fn check_header(&mut self, tick: Tick) {
        let core = self.client.core();
        let next = Header {
            epoch: core.epoch(),
            tick,
            durable: core.durable(),
            applied: core.own().applied,
        };
        let last = std::mem::replace(&mut self.header, next);
        let forward = next.epoch == self.client.welcome().epoch
            && next.tick > last.tick
            && next.durable >= last.durable
            && next.durable <= next.tick
            && next.applied >= last.applied;
        self.outcome.headers.judge(forward, || {
            format!("bot {}: {next:?} after {last:?}", self.bot.number)
        });
    }

    fn hand_in_view(&mut self, tick: Tick) {
        let Some(since) = self.first_tick else { return };
        let core = self.client.core();
        let window = Rules::announced(self.client.welcome()).settle_ticks;
        let strained = self.strains.since(Tick(tick.0.saturating_sub(window)));
        let session = (self.client.welcome().session, self.came_back);
        let bot = self.bot.number;
        let sample = ViewSample::of(core, bot, since, session, self.received, strained);
        if !self.run.desk.hand_in(sample) {
            self.run.dropped_views.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes the counters when the measurement begins, or when a guest comes during it.
    fn open_window(&mut self, now_us: u64) {
        if self.window.is_none() {
            self.window = Some(self.counters(now_us));
        }
    }

    /// Adds what the counters gained.
    fn close_window(&mut self) {
        if let Some(before) = self.window.take() {
            let after = self.counters(self.run.now_us());
            self.outcome.add(&before, &after);
        }
    }

    fn counters(&self, at_us: u64) -> Counters {
        let core = self.client.core();
        let udp = self.client.connection().stats();
        Counters {
            at_us,
            down_bytes: udp.udp_rx.bytes,
            up_bytes: udp.udp_tx.bytes,
            down_packets: udp.udp_rx.datagrams,
            up_packets: udp.udp_tx.datagrams,
            received: core.stats().snapshots,
            numbered: core.newest_datagram(),
            undecodable: core.stats().refused,
            confirmed: core.own().confirmations,
            diverged: core.own().divergences,
            errors: *core.own().errors,
            bent: core.stats().diverged,
        }
    }
}

/// The nearest living other within reach, of those whom one may strike.
fn nearest_living(
    view: &View,
    axes: &mut Axes,
    (me, reach_m): (DVec3, f64),
    may: impl Fn(EntityId) -> bool,
) -> Option<EntityId> {
    let mut nearest = None;
    let mut nearest2 = reach_m * reach_m;
    for (id, seen) in view
        .iter()
        .filter(|(_, seen)| seen.state.action != Action::Dead)
    {
        let away2 = axes.position(&seen.state).distance_squared(me);
        if away2 < nearest2 && may(id) {
            (nearest, nearest2) = (Some(id), away2);
        }
    }
    nearest
}

/// Axes of the frame cells met so far: a few.
struct Axes {
    radius_m: f64,
    known: HashMap<u64, FrameAxes>,
}

impl Axes {
    fn new(radius_m: f64) -> Self {
        Self {
            radius_m,
            known: HashMap::new(),
        }
    }

    fn position(&mut self, state: &WireEntity) -> DVec3 {
        let axes = self
            .known
            .entry(state.cell)
            .or_insert_with(|| FrameAxes::of(CellId(state.cell), self.radius_m));
        axes.to_planet(quantise::position_m(state.pos_cm))
    }
}

/// Wall time, for tickets.
pub fn unix_now_s() -> u64 {
    unix_now().as_secs()
}
