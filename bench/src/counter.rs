//! A bot that costs little: it answers every tick as a player does, acknowledges what arrives, and
//! counts; what it sees it does not look at. Some keep all they received, to be verified when the run
//! is over.
//!
//! It knows where it stands from the exact own states that come once a second, and reckons in between.

use std::sync::atomic::Ordering;

use bluemarble_net::client::{
    AckWindow, ClientOptions, Disconnected, Link, PredictionErrors, Received, Return,
};
use bluemarble_shared_protocol::codec::{
    DecodeError, IntentDatagram, OwnUpdate, SnapshotReader, input_near, nearest, snapshot_tick_near,
};
use bluemarble_shared_protocol::limits::INTENTS_PER_DATAGRAM_MAX;
use bluemarble_shared_protocol::{InputSeq, Intent, ServerMessage, Tick, WishDir};
use bytes::Bytes;
use glam::DVec3;

use crate::arriving::{Arriving, Storm};
use crate::bot::DROPPER_PAUSE;
use crate::capture::Capture;
use crate::outcome::{Counters, Outcome};
use crate::run::{Phase, Run};
use crate::scene::Actor;

/// A walker's pace, metres per second.
const PACE_MPS: f64 = 5.0;
/// Datagrams taken in one go: more never wait.
const AT_ONCE_MAX: usize = 64;

/// Why a bot stops playing.
enum Pause {
    /// The run is over.
    Over,
    /// Everybody loses the connection.
    Storm,
}

/// Such a bot in the world.
pub struct Counter<'a> {
    number: u32,
    link: Link,
    actor: &'a mut Actor,
    run: &'a Run,
    outcome: &'a mut Outcome,
    acks: AckWindow,
    recent: Vec<Intent>,
    next_seq: u32,
    applied: InputSeq,
    tick: Tick,
    place: Option<DVec3>,
    /// Number of the newest event it was told.
    events: u64,
    received: u64,
    undecodable: u64,
    capture: Option<Capture>,
    last_us: Option<u64>,
    window: Option<Counters>,
    /// Since when it has been on its way in.
    pub arriving: Arriving,
    storm: Storm,
}

impl<'a> Counter<'a> {
    /// Bot `number` over a link that has been welcomed.
    pub fn new(
        number: u32,
        keeps: bool,
        link: Link,
        actor: &'a mut Actor,
        run: &'a Run,
        outcome: &'a mut Outcome,
    ) -> Self {
        Self {
            number,
            actor,
            run,
            outcome,
            acks: AckWindow::default(),
            recent: Vec::new(),
            next_seq: 1,
            applied: InputSeq(0),
            tick: link.welcome().tick,
            place: None,
            events: 0,
            received: 0,
            undecodable: 0,
            capture: keeps.then(|| Capture::new(number, link.welcome(), link.schema())),
            link,
            last_us: None,
            window: None,
            arriving: Arriving::default(),
            storm: Storm::default(),
        }
    }

    /// Plays until the run is over, and leaves. Whoever loses the connection with everybody else comes back
    /// with these options, after so many tries at most.
    ///
    /// # Errors
    /// Why it could not stay.
    pub async fn visit(mut self, options: &ClientOptions, tries: u32) -> Result<(), String> {
        let end = loop {
            match self.play().await {
                Ok(Pause::Over) => break Ok(()),
                Err(lost) => break Err(lost.to_string()),
                Ok(Pause::Storm) => {
                    if let Err(reason) = self.come_back(options, tries).await {
                        break Err(reason);
                    }
                }
            }
        };
        self.run.timings.gone(self.number);
        self.close_window();
        if self.place.is_some() {
            self.run.inside.fetch_sub(1, Ordering::Relaxed);
        }
        self.outcome.capture = self.capture.take();
        self.link.close().await;
        end
    }

    fn close_window(&mut self) {
        if let Some(before) = self.window.take() {
            let after = self.counters(self.run.now_us());
            self.outcome.add(&before, &after);
        }
    }

    /// The connection breaks, and the session goes on over another.
    async fn come_back(&mut self, options: &ClientOptions, tries: u32) -> Result<(), String> {
        self.close_window();
        self.run.timings.gone(self.number);
        self.last_us = None;
        let token = self.link.token().ok_or("it was never given a token")?;
        self.link.connection().close(0_u32.into(), b"");
        tokio::time::sleep(DROPPER_PAUSE).await;
        self.arriving = Arriving::Returns(self.run.now_us());
        let before = self.acks.to_acks().map_or(0, |acks| acks.before);
        let mut tried = 0;
        self.link = loop {
            let back = Return {
                token: token.clone(),
                taken: (self.acks.newest(), before),
                events: self.events,
            };
            tried += 1;
            match Link::resume(options.clone(), back, self.link.welcome()).await {
                Ok(Received::Resumed { link, .. }) => break link,
                Ok(Received::Afresh(_)) => return Err("its session was not there any more".into()),
                Err(error) if tried >= tries => return Err(error.to_string()),
                Err(_) => {}
            }
        };
        self.outcome.resumed += 1;
        Ok(())
    }

    async fn play(&mut self) -> Result<Pause, Disconnected> {
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
            while let Some(message) = self.link.try_message() {
                if let ServerMessage::Events { first, events } = message {
                    self.events = self.events.max(first + events.len() as u64 - 1);
                }
            }
            let phase = self.run.phase();
            if phase == Phase::Leaving {
                self.end_wait();
                return Ok(Pause::Over);
            }
            if self.storm.breaks(self.run, self.run.now_us()) {
                return Ok(Pause::Storm);
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
        let last_us = self.last_us.replace(now_us);
        self.run.timings.snapshot(self.number, now_us, last_us);
    }

    /// A wait for a snapshot that began while it was measured is over.
    fn end_wait(&mut self) {
        if let Some(last_us) = self.last_us.take() {
            let now_us = self.run.now_us();
            let timings = &self.run.timings;
            timings.snapshot(self.number, now_us, Some(last_us));
        }
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
        if self.place.is_some() {
            self.arriving.arrived(self.run.now_us(), self.outcome);
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
            let wish = self.actor.decide(self.tick, place, middle);
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
