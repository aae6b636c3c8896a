//! The client's session logic, sans IO: snapshot datagrams in, a view of the world out; intents in,
//! datagrams out. Time is whatever the caller's ticks are; nothing here reads a clock.
//!
//! A snapshot is taken whole or not at all, and acknowledged only if it was taken: every state the
//! server may use as a baseline is one this client has. Datagrams that come late, twice or from an
//! older epoch are dropped and counted.

mod ack_window;
mod divergence;
mod own;
mod prediction_errors;
mod presence;
mod view;

#[cfg(feature = "testing")]
use bluemarble_shared_protocol::WireEntity;
use bluemarble_shared_protocol::codec::{
    Baseline, DecodeError, EPOCH_BITS, IntentDatagram, Record, Schema, SnapshotReader, nearest,
    snapshot_tick_near,
};
use bluemarble_shared_protocol::{ClientMessage, EntityId, Epoch, Intent, Strain, Tick, Welcome};

pub use self::ack_window::AckWindow;
use self::divergence::Alarm;
use self::own::OwnCore;
pub use self::own::{ConfirmedOwn, OwnView, Predictor};
pub use self::prediction_errors::PredictionErrors;
use self::presence::Presence;
pub use self::view::{EntityView, RemovedEntity, View};

/// The bits of an epoch that a snapshot carries.
const EPOCH_MASK: u32 = (1 << EPOCH_BITS) - 1;

/// What a client must know before its first datagram.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The own avatar.
    pub avatar: EntityId,
    /// The world's epoch.
    pub epoch: Epoch,
    /// A tick near the present.
    pub tick: Tick,
    /// Ticks per second.
    pub tick_hz: u32,
    /// How the server writes snapshots for this client.
    pub schema: Schema,
    /// Planet and body, if the client wants to predict its own movement.
    pub predictor: Option<Predictor>,
}

impl ClientConfig {
    /// From the server's welcome, and the schema it names ([`Schema::of_welcome`]).
    #[must_use]
    pub fn of_welcome(welcome: &Welcome, schema: Schema, predictor: Option<Predictor>) -> Self {
        Self {
            avatar: welcome.avatar,
            epoch: welcome.epoch,
            tick: welcome.tick,
            tick_hz: welcome.tick_hz,
            schema,
            predictor,
        }
    }
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is part of the view now.
    Snapshot {
        /// The tick it shows.
        tick: Tick,
        /// Whether it is the newest one so far.
        newest: bool,
    },
    /// It came twice, too late to be of use, or is of an older epoch.
    Ignored,
    /// Its states do not add up to what it says they should: it is dropped, and the server will be told
    /// ([`ClientCore::take_report`]).
    Diverged,
}

/// Counters of one client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientStats {
    /// Snapshot datagrams taken.
    pub snapshots: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Datagrams that came twice, too late, or from an older epoch.
    pub ignored: u64,
    /// Datagrams that did not decode.
    pub refused: u64,
    /// Update records taken.
    pub updates: u64,
    /// Enter records taken, repetitions included.
    pub enters: u64,
    /// Remove records taken, repetitions included.
    pub removes: u64,
    /// How often the epoch changed.
    pub epochs: u64,
    /// Datagrams that said what their states add up to.
    pub checked: u64,
    /// Those of them whose states did not, and which were dropped.
    pub diverged: u64,
    /// How often others were in view than the server said.
    pub misplaced: u64,
}

/// One client's knowledge of the world.
#[derive(Debug)]
pub struct ClientCore {
    avatar: EntityId,
    tick_hz: u32,
    schema: Schema,
    epoch: Epoch,
    /// Newest tick seen.
    tick: Tick,
    /// A tick near the present, to make low bits whole with.
    near: Tick,
    /// Newest tick known to be durable.
    durable: Tick,
    /// Where the server's overload ladder stood at the newest tick.
    strain: Strain,
    /// First datagram of this epoch.
    epoch_from: u64,
    acks: AckWindow,
    view: View,
    own: OwnCore,
    /// Records of the datagram being read.
    records: Vec<Record>,
    /// Which index it refers to as of which datagram, and what that was.
    referred: Vec<(u16, u64, Baseline)>,
    alarm: Alarm,
    presence: Presence,
    /// A report about who is in view.
    held: Option<ClientMessage>,
    stats: ClientStats,
}

impl ClientCore {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(config: ClientConfig) -> Self {
        Self {
            avatar: config.avatar,
            tick_hz: config.tick_hz.max(1),
            schema: config.schema,
            epoch: config.epoch,
            tick: config.tick,
            near: config.tick,
            durable: Tick(0),
            strain: Strain::NONE,
            epoch_from: 0,
            acks: AckWindow::default(),
            view: View::default(),
            own: OwnCore::new(config.predictor, config.tick_hz.max(1)),
            records: Vec::new(),
            referred: Vec::new(),
            alarm: Alarm::default(),
            presence: Presence::default(),
            held: None,
            stats: ClientStats::default(),
        }
    }

    /// Takes one datagram from the server.
    ///
    /// # Errors
    /// [`DecodeError`]: it is not a snapshot this client can read; nothing has changed but a counter.
    pub fn handle_datagram(&mut self, now_ms: u64, bytes: &[u8]) -> Result<Taken, DecodeError> {
        let taken = self.take(now_ms, bytes);
        match taken {
            Ok(Taken::Ignored) => self.stats.ignored += 1,
            Ok(Taken::Diverged) => self.stats.diverged += 1,
            Ok(Taken::Snapshot { .. }) => {
                self.stats.snapshots += 1;
                self.stats.bytes += bytes.len() as u64;
            }
            Err(_) => self.stats.refused += 1,
        }
        taken
    }

    fn take(&mut self, now_ms: u64, bytes: &[u8]) -> Result<Taken, DecodeError> {
        let mut reader = SnapshotReader::open(bytes, self.schema.tables(), self.tick_hz)?;
        let header = *reader.header();
        let number = nearest(u64::from(header.number), 16, self.acks.newest());
        let tick = snapshot_tick_near(header.tick, self.near);
        let other_epoch = header.epoch != (self.epoch.0 & EPOCH_MASK) as u8;
        if other_epoch && number <= self.acks.newest() || number < self.epoch_from {
            return Ok(Taken::Ignored);
        }
        if !self.acks.is_news(number) {
            return Ok(Taken::Ignored);
        }
        let mut records = std::mem::take(&mut self.records);
        records.clear();
        self.referred.clear();
        let read = loop {
            // No baseline survives a change of epoch.
            let baseline = |index, back: u8| {
                if other_epoch {
                    return None;
                }
                let against = number.checked_sub(u64::from(back))?;
                let baseline = self.view.baseline(index, against, tick)?;
                self.referred.push((index, against, baseline));
                Some(baseline)
            };
            match reader.next_record(baseline) {
                Ok(Some(record)) => records.push(record),
                Ok(None) => break Ok(()),
                // Newer ones came before it and were against newer states; the older are let go of.
                Err(DecodeError::UnknownBaseline { .. }) if number < self.acks.newest() => {
                    self.records = records;
                    return Ok(Taken::Ignored);
                }
                Err(error) => break Err(error),
            }
        };
        if let (Ok(()), Some(check)) = (&read, header.check) {
            self.stats.checked += 1;
            let states = self.view.seen(&records);
            if !self.alarm.adds_up(check, number, states, now_ms) {
                self.records = records;
                return Ok(Taken::Diverged);
            }
        }
        if read.is_ok() {
            if other_epoch {
                self.begin_epoch(header.epoch, number);
            }
            let newest = number > self.acks.newest();
            self.acks.take(number);
            if newest {
                self.tick = tick;
                self.near = tick;
                self.strain = header.strain;
                self.view.forget_before(number);
            }
            if header.durable_age < u8::MAX {
                let durable = Tick(tick.0.saturating_sub(u64::from(header.durable_age)));
                self.durable = self.durable.max(durable);
            }
            for (index, baseline, _) in &self.referred {
                self.view.referred(*index, *baseline);
            }
            self.own.take(reader.own(), tick, header.applied);
            let mut referred = self.referred.drain(..);
            for record in &records {
                // Updates and what they refer to come in the same order.
                let against = match record {
                    Record::Update { .. } => referred.next(),
                    Record::Enter { .. } | Record::Remove { .. } => None,
                };
                let against = against.as_ref().map(|(.., baseline)| baseline);
                self.view
                    .take(record, against, number, tick, &mut self.stats);
            }
            drop(referred);
            if newest && self.presence.saw(number, self.view.presence()) {
                self.misplaced(now_ms);
            }
        }
        self.records = records;
        read.map(|()| Taken::Snapshot {
            tick,
            newest: number == self.acks.newest(),
        })
    }

    /// The session goes on, on another connection, and the world is at this tick: it may have run on for
    /// longer than the low bits in a header can tell.
    pub fn resumed(&mut self, tick: Tick) {
        self.near = self.near.max(tick);
    }

    /// The server says who is in view after a datagram ([`ServerMessage::Presence`]).
    ///
    /// [`ServerMessage::Presence`]: bluemarble_shared_protocol::ServerMessage::Presence
    pub fn handle_presence(&mut self, now_ms: u64, number: u64, count: u32, sum: u64) {
        if self.presence.is_told(number, (count, sum)) {
            self.misplaced(now_ms);
        }
    }

    /// The server says who is not ([`ServerMessage::Forget`]).
    ///
    /// [`ServerMessage::Forget`]: bluemarble_shared_protocol::ServerMessage::Forget
    pub fn handle_forget(&mut self, number: u64, ids: &[EntityId]) {
        for id in ids {
            self.view.forget(*id, number, self.tick);
        }
    }

    /// What was noted of earlier datagrams says nothing more: one report is enough.
    fn misplaced(&mut self, now_ms: u64) {
        self.stats.misplaced += 1;
        self.presence.forget();
        let everybody = self.view.iter().map(|(id, _)| id);
        let report = self.presence.report(now_ms, self.acks.newest(), everybody);
        self.held = report.or(self.held.take());
    }

    fn begin_epoch(&mut self, low: u8, number: u64) {
        let ahead = u32::from(low).wrapping_sub(self.epoch.0) & EPOCH_MASK;
        self.epoch = Epoch(self.epoch.0.wrapping_add(ahead));
        self.epoch_from = number;
        self.acks = AckWindow::default();
        self.view = View::default();
        self.presence.forget();
        self.own.forget_confirmed();
        self.durable = Tick(0);
        self.stats.epochs += 1;
    }

    /// Numbers the intent (whatever its `seq` says), predicts with it, and makes the datagram for
    /// it: acknowledgements, and the last few intents again.
    pub fn next_intent_datagram(&mut self, intent: Intent) -> Vec<u8> {
        let intents = self.own.push(intent);
        IntentDatagram::encode(self.acks.to_acks(), intents)
    }

    /// A datagram with acknowledgements alone, for a client that only watches.
    #[must_use]
    pub fn ack_datagram(&self) -> Vec<u8> {
        IntentDatagram::encode(self.acks.to_acks(), &[])
    }

    /// What to tell the server on the control stream, if a datagram, or who is in view, did not add up. Ask
    /// after every datagram; there are two a second at most.
    pub fn take_report(&mut self) -> Option<ClientMessage> {
        self.alarm.take_report().or_else(|| self.held.take())
    }

    /// Bends what a client has of an entity, as a fault of its memory or decoder might; for tests of the
    /// divergence alarm. Returns whether it knows the entity.
    #[cfg(feature = "testing")]
    pub fn bend(&mut self, id: EntityId, bend: impl FnMut(&mut WireEntity)) -> bool {
        self.view.bend(id, bend)
    }

    /// Has somebody in view whom no datagram brought, for tests.
    #[cfg(feature = "testing")]
    pub fn conjure(&mut self, id: EntityId) {
        self.view.conjure(id, self.tick);
    }

    /// Loses somebody whom no datagram removed, for tests.
    #[cfg(feature = "testing")]
    pub fn lose(&mut self, id: EntityId) {
        self.view.lose(id);
    }

    /// Who is in view.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Who left the view since this was asked last, oldest first; bounded, the oldest forgotten.
    pub fn take_removed(&mut self) -> impl Iterator<Item = RemovedEntity> + '_ {
        self.view.take_removed()
    }

    /// The own avatar, confirmed and predicted.
    #[must_use]
    pub fn own(&self) -> OwnView<'_> {
        self.own.view()
    }

    /// Who the own avatar is. It is never part of [`ClientCore::view`].
    #[must_use]
    pub fn avatar(&self) -> EntityId {
        self.avatar
    }

    /// The newest tick seen.
    #[must_use]
    pub fn tick(&self) -> Tick {
        self.tick
    }

    /// The newest tick known to be durable in this epoch.
    #[must_use]
    pub fn durable(&self) -> Tick {
        self.durable
    }

    /// Where the server's overload ladder stood at the newest tick: how far this client sees, and how
    /// long a tick takes.
    #[must_use]
    pub fn strain(&self) -> Strain {
        self.strain
    }

    /// The world's epoch, as far as known.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// How the server writes snapshots for this client.
    #[must_use]
    pub fn schema(&self) -> Schema {
        self.schema
    }

    /// Ticks per second.
    #[must_use]
    pub fn tick_hz(&self) -> u32 {
        self.tick_hz
    }

    /// Number of the newest snapshot datagram of this epoch: so many were sent.
    #[must_use]
    pub fn newest_datagram(&self) -> u64 {
        self.acks.newest()
    }

    /// What to name when coming back: the newest datagram taken, 0 if none, and which of the 32
    /// before it.
    #[must_use]
    pub fn taken(&self) -> (u64, u32) {
        let before = self.acks.to_acks().map_or(0, |acks| acks.before);
        (self.acks.newest(), before)
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> &ClientStats {
        &self.stats
    }
}

#[cfg(test)]
mod tests {
    use bluemarble_shared_protocol::codec::{OwnUpdate, SnapshotHeader, SnapshotWriter};
    use bluemarble_shared_protocol::limits::DATAGRAM_BYTES_MAX;

    use super::*;

    fn empty_datagram(number: u16, tick: u64) -> Vec<u8> {
        let mut writer = SnapshotWriter::default();
        let header = SnapshotHeader {
            number,
            tick: tick as u16,
            ..SnapshotHeader::default()
        };
        writer.begin(&header, &OwnUpdate::None, DATAGRAM_BYTES_MAX, 0);
        writer.finish()
    }

    #[test]
    fn who_was_away_for_longer_than_a_header_can_tell_learns_the_tick_when_coming_back() {
        for away in [1, 30_000, 40_000, 65_536, 200_000] {
            let mut core = ClientCore::new(ClientConfig {
                avatar: EntityId(1),
                epoch: Epoch(0),
                tick: Tick(100_000),
                tick_hz: 20,
                schema: Schema::NEWEST,
                predictor: None,
            });
            core.handle_datagram(0, &empty_datagram(1, 100_010))
                .unwrap();
            let back = 100_010 + away;
            core.resumed(Tick(back));
            assert_eq!(core.tick(), Tick(100_010), "nothing newer was seen");
            core.handle_datagram(0, &empty_datagram(2, back + 3))
                .unwrap();
            assert_eq!(core.tick(), Tick(back + 3));
        }
    }
}
