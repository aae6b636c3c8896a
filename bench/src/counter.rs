//! A bot that costs little: it answers every tick as a player does, acknowledges what arrives, and
//! counts; what it sees it does not look at. Some keep all they received, to be verified when the run
//! is over.
//!
//! It knows where it stands from the exact own states that come once a second, and reckons in between.

use std::sync::atomic::Ordering;

use bluemarble_net::client::{AckWindow, Disconnected, Link, PredictionErrors};
use bluemarble_shared_protocol::codec::{
    DecodeError, IntentDatagram, OwnUpdate, SnapshotReader, input_near, nearest, snapshot_tick_near,
};
use bluemarble_shared_protocol::limits::INTENTS_PER_DATAGRAM_MAX;
use bluemarble_shared_protocol::{InputSeq, Intent, Tick, WishDir};
use bytes::Bytes;
use glam::DVec3;

use crate::capture::Capture;
use crate::outcome::{Counters, Outcome};
use crate::run::{Phase, Run};
use crate::scene::Walker;

/// A walker's pace, metres per second.
const PACE_MPS: f64 = 5.0;
/// Datagrams taken in one go: more never wait.
const AT_ONCE_MAX: usize = 64;

/// Such a bot in the world.
pub struct Counter<'a> {
    link: Link,
    walker: &'a mut Walker,
    run: &'a Run,
    outcome: &'a mut Outcome,
    acks: AckWindow,
    recent: Vec<Intent>,
    next_seq: u32,
    applied: InputSeq,
    tick: Tick,
    place: Option<DVec3>,
    received: u64,
    undecodable: u64,
    capture: Option<Capture>,
    last_us: Option<u64>,
    window: Option<Counters>,
}

impl<'a> Counter<'a> {
    /// Bot `number` over a link that has been welcomed.
    pub fn new(
        number: u32,
        keeps: bool,
        link: Link,
        walker: &'a mut Walker,
        run: &'a Run,
        outcome: &'a mut Outcome,
    ) -> Self {
        Self {
            walker,
            run,
            outcome,
            acks: AckWindow::default(),
            recent: Vec::new(),
            next_seq: 1,
            applied: InputSeq(0),
            tick: link.welcome().tick,
            place: None,
            received: 0,
            undecodable: 0,
            capture: keeps.then(|| Capture::new(number, link.welcome(), link.schema())),
            link,
            last_us: None,
            window: None,
        }
    }

    /// Plays until the run is over, and leaves.
    ///
    /// # Errors
    /// [`Disconnected`].
    pub async fn visit(mut self) -> Result<(), Disconnected> {
        let end = self.play().await;
        if let Some(before) = self.window.take() {
            let after = self.counters(self.run.now_us());
            self.outcome.add(&before, &after);
        }
        if self.place.is_some() {
            self.run.inside.fetch_sub(1, Ordering::Relaxed);
        }
        self.outcome.capture = self.capture.take();
        self.link.close().await;
        end
    }

    async fn play(&mut self) -> Result<(), Disconnected> {
        loop {
            let before = self.tick;
            let datagram = self.link.next_datagram().await?;
            self.take(datagram);
            for _ in 0..AT_ONCE_MAX {
                let Some(datagram) = self.link.waiting_datagram()? else {
                    break;
                };
                self.take(datagram);
            }
            // Nobody reads them, but unread they would stop the stream.
            while self.link.try_message().is_some() {}
            let phase = self.run.phase();
            if phase == Phase::Leaving {
                return Ok(());
            }
            if self.tick == before && self.received != 1 {
                continue;
            }
            self.answer()?;
            if phase == Phase::Measuring {
                self.measure(self.run.now_us());
            }
        }
    }

    fn measure(&mut self, now_us: u64) {
        if self.window.is_none() {
            self.window = Some(self.counters(now_us));
        }
        let last_us = self.last_us.replace(now_us).unwrap_or(now_us);
        self.outcome
            .gaps_us
            .saturating_record(now_us.saturating_sub(last_us));
    }

    fn take(&mut self, datagram: Bytes) {
        match self.read(&datagram) {
            Ok(()) => {
                if let Some(capture) = &mut self.capture {
                    capture.keep(datagram);
                }
            }
            Err(_) => self.undecodable += 1,
        }
    }

    fn read(&mut self, datagram: &[u8]) -> Result<(), DecodeError> {
        let tables = self.link.schema().tables();
        let reader = SnapshotReader::open(datagram, tables, self.link.welcome().tick_hz)?;
        let header = *reader.header();
        let number = nearest(u64::from(header.number), 16, self.acks.newest());
        if !self.acks.is_news(number) {
            return Ok(());
        }
        self.acks.take(number);
        self.received += 1;
        self.tick = self.tick.max(snapshot_tick_near(header.tick, self.tick));
        if *reader.own() != OwnUpdate::None {
            let sent = InputSeq(self.next_seq - 1);
            let applied = input_near(header.applied, sent).min(sent);
            self.applied = self.applied.max(applied);
        }
        if let OwnUpdate::Full { body, .. } = reader.own() {
            let [x, y, z, ..] = body.values;
            let here = DVec3::new(x, y, z);
            if self.place.replace(here).is_none() {
                self.run.appeared_at(here);
                self.run.inside.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn answer(&mut self) -> Result<(), Disconnected> {
        let mut intent = Intent {
            seq: InputSeq(self.next_seq),
            view_tick: self.tick,
            ..Intent::default()
        };
        self.next_seq += 1;
        if let (Some(place), Some(middle)) = (self.place, self.run.middle()) {
            let wish = self.walker.decide(self.tick, place, middle);
            let step_m = PACE_MPS / f64::from(self.link.welcome().tick_hz);
            let next = (place + wish.dir * step_m).normalize() * place.length();
            self.place = Some(next);
            (intent.wish, intent.pace) = (WishDir::from_dir(wish.dir), wish.pace);
        }
        // As the client library does.
        self.recent.retain(|sent| sent.seq > self.applied);
        if self.recent.len() == INTENTS_PER_DATAGRAM_MAX {
            self.recent.remove(0);
        }
        self.recent.push(intent);
        let datagram = IntentDatagram::encode(self.acks.to_acks(), &self.recent);
        self.link.send_datagram(datagram.into())
    }

    fn counters(&self, at_us: u64) -> Counters {
        let udp = self.link.connection().stats();
        Counters {
            at_us,
            down_bytes: udp.udp_rx.bytes,
            up_bytes: udp.udp_tx.bytes,
            down_packets: udp.udp_rx.datagrams,
            up_packets: udp.udp_tx.datagrams,
            received: self.received,
            numbered: self.acks.newest(),
            undecodable: self.undecodable,
            confirmed: 0,
            diverged: 0,
            errors: PredictionErrors::default(),
            bent: 0,
        }
    }
}
