//! What each kind does in one attempt, from connecting to its fate.

use std::collections::VecDeque;
use std::time::Duration;

use bluemarble_shared_protocol::codec::{Acks, IntentDatagram};
use bluemarble_shared_protocol::limits::{
    CARDS_PER_MESSAGE_MAX, DATAGRAM_BYTES_MAX, MESSAGE_BYTES_MAX,
};
use bluemarble_shared_protocol::{
    ALPN, ClientMessage, EntityId, InputSeq, Intent, Tick, WishDir, hash_words,
};
use bytes::Bytes;
use glam::DVec3;
use tokio::time::{Instant, sleep, timeout_at};

use super::forged;
use super::kind::{Fate, Kind};
use super::stranger::{Inside, Target, Wire, fate_of, hello, resume};
use crate::run::{now, unix_now};

/// How long those play who are not to be closed.
const STAY: Duration = Duration::from_secs(6);
/// Of that, how long a client that acknowledges nothing is served as usual, generously.
const SERVED_ON: Duration = Duration::from_millis(2_500);
/// Most snapshots a second then; the protocol says 4, and a timer may be late.
const QUIET_PER_S_MAX: f64 = 6.0;
/// Datagrams remembered by those who send old ones again.
const REMEMBERED: usize = 64;
/// Between two datagrams of noise.
const NOISE_PERIOD: Duration = Duration::from_millis(10);
/// Between two handfuls of a flood, and how many are in each.
const FLOOD_PERIOD: Duration = Duration::from_millis(1);
const FLOOD_AT_ONCE: usize = 8;
/// Between two questions whose answers are not read: as often as is allowed in the long run.
const ASK_PERIOD: Duration = Duration::from_millis(60);
/// Until what was sent has been heard: a few ticks.
const HEARD: Duration = Duration::from_millis(400);

/// Who attacks: a character with a good ticket, and one that was good.
#[derive(Debug)]
pub struct Attacker {
    /// Where.
    pub target: Target,
    /// The socket of its own.
    pub socket: quinn::Endpoint,
    /// A good one.
    pub ticket: String,
    /// One that has expired.
    pub expired: String,
    /// What its choices are drawn from.
    pub seed: u64,
}

impl Attacker {
    /// Once.
    pub async fn attempt(&self, kind: Kind) -> Fate {
        let fate = match kind {
            Kind::Garbled => {
                self.write_inside(&[8, 0, 0, 0, 255, 255, 255, 255, 1, 2, 3, 4])
                    .await
            }
            Kind::Oversized => {
                let length = MESSAGE_BYTES_MAX as u32 + 1;
                self.write_inside(&length.to_le_bytes()).await
            }
            Kind::HelloAgain => self.write_inside(&hello(&self.ticket).to_frame()).await,
            Kind::Noisy => self.noise().await,
            Kind::Wide => self.wide().await,
            Kind::Replaying | Kind::Reordering | Kind::FutureDated => self.play(kind).await,
            Kind::FloodingDatagrams => self.flood_datagrams().await,
            Kind::FloodingMessages => self.flood_messages().await,
            Kind::NeverAcking => self.take_and_be_silent().await,
            Kind::SlowReading => self.ask_and_not_read().await,
            Kind::HalfOpen => self.write_first(&hello(&self.ticket).to_frame()[..9]).await,
            Kind::Amplifying => forged::seek(&self.target, &self.socket, self.seed).await,
            Kind::GuessingTickets => self.write_first(&hello(&self.guess()).to_frame()).await,
            Kind::GuessingTokens => self.write_first(&resume(&self.guess()).to_frame()).await,
            Kind::ReplayingTokens => self.replay_a_token().await,
            Kind::Expired => self.write_first(&hello(&self.expired).to_frame()).await,
            Kind::TooEarly => {
                let cards = ClientMessage::Cards { ids: Vec::new() };
                self.write_first(&cards.to_frame()).await
            }
            Kind::SideStream => self.side_stream().await,
            Kind::Foreign => self.foreign().await,
        };
        fate.unwrap_or_else(|fate| fate)
    }

    async fn enter(&self) -> Result<Inside, Fate> {
        self.target.enter(&self.socket, &self.ticket).await
    }

    /// Instead of the hello.
    async fn write_first(&self, bytes: &[u8]) -> Result<Fate, Fate> {
        let mut wire = self.target.connect(&self.socket).await?;
        wire.write(bytes).await?;
        Ok(wire.end().await)
    }

    /// After the welcome.
    async fn write_inside(&self, bytes: &[u8]) -> Result<Fate, Fate> {
        let mut inside = self.enter().await?;
        inside.wire.write(bytes).await?;
        Ok(inside.wire.end().await)
    }

    async fn foreign(&self) -> Result<Fate, Fate> {
        let mut message = hello(&self.ticket);
        if let ClientMessage::Hello { protocol, .. } = &mut message {
            *protocol += 1;
        }
        self.write_first(&message.to_frame()).await
    }

    async fn side_stream(&self) -> Result<Fate, Fate> {
        let inside = self.enter().await?;
        let stream = inside.wire.connection.open_uni().await;
        if let Ok(mut stream) = stream {
            // Whether it gets that far or is closed before: the end says why.
            let _sent = stream.write_all(ALPN).await;
        }
        Ok(inside.wire.end().await)
    }

    async fn noise(&self) -> Result<Fate, Fate> {
        let wire = self.enter().await?.wire;
        while wire.connection.close_reason().is_none() {
            send(&wire, Bytes::from_static(&[0xff; 40]));
            sleep(NOISE_PERIOD).await;
        }
        Ok(wire.end().await)
    }

    /// Datagrams may be lost, so it tries until it is closed.
    async fn wide(&self) -> Result<Fate, Fate> {
        let wire = self.enter().await?.wire;
        while wire.connection.close_reason().is_none() {
            send(&wire, vec![0x21; DATAGRAM_BYTES_MAX + 1].into());
            sleep(NOISE_PERIOD).await;
        }
        Ok(wire.end().await)
    }

    /// Good datagrams, far too many.
    async fn flood_datagrams(&self) -> Result<Fate, Fate> {
        let inside = self.enter().await?;
        let datagram = Bytes::from(inside.core.ack_datagram());
        while inside.wire.connection.close_reason().is_none() {
            (0..FLOOD_AT_ONCE).for_each(|_| send(&inside.wire, datagram.clone()));
            sleep(FLOOD_PERIOD).await;
        }
        Ok(inside.wire.end().await)
    }

    async fn flood_messages(&self) -> Result<Fate, Fate> {
        let mut wire = self.enter().await?.wire;
        loop {
            wire.say(&ClientMessage::Cards {
                ids: vec![EntityId(1)],
            })
            .await?;
            tokio::task::yield_now().await;
        }
    }

    /// As large answers as there are, and none is read.
    async fn ask_and_not_read(&self) -> Result<Fate, Fate> {
        let narrow = self.target.narrow().map_err(|_| Fate::Lost)?;
        let inside = narrow.enter(&self.socket, &self.ticket).await?;
        let ids = vec![inside.core.avatar(); CARDS_PER_MESSAGE_MAX];
        let mut wire = inside.wire;
        loop {
            wire.say(&ClientMessage::Cards { ids: ids.clone() }).await?;
            sleep(ASK_PERIOD).await;
        }
    }

    async fn take_and_be_silent(&self) -> Result<Fate, Fate> {
        let wire = self.enter().await?.wire;
        let quiet_from = after(SERVED_ON);
        let end = after(STAY);
        let mut fed = 0_u32;
        while let Ok(datagram) = timeout_at(end, wire.connection.read_datagram()).await {
            datagram.map_err(|error| fate_of(&error))?;
            fed += u32::from(Instant::now() > quiet_from);
        }
        let most = QUIET_PER_S_MAX * (STAY - SERVED_ON).as_secs_f64();
        Ok(match f64::from(fed) <= most {
            true => Fate::StayedQuiet,
            false => Fate::Fed,
        })
    }

    /// Plays, with datagrams bent in the way of its kind.
    async fn play(&self, kind: Kind) -> Result<Fate, Fate> {
        let Inside { wire, mut core, .. } = self.enter().await?;
        let end = after(STAY);
        let mut sent: VecDeque<Bytes> = VecDeque::new();
        while let Ok(datagram) = timeout_at(end, wire.connection.read_datagram()).await {
            let datagram = datagram.map_err(|error| fate_of(&error))?;
            // What it cannot read it answers all the same.
            let _read = core.handle_datagram(0, &datagram);
            let turn = hash_words([self.seed, core.tick().0, 1]) as f64 / u64::MAX as f64;
            let intent = Intent {
                view_tick: core.tick(),
                wish: WishDir::from_dir(DVec3::new(turn - 0.5, 0.3, 0.5 - turn)),
                pace: 15,
                ..Intent::default()
            };
            sent.push_back(core.next_intent_datagram(intent).into());
            match kind {
                Kind::FutureDated => {
                    send(&wire, of_the_future(core.tick(), core.newest_datagram()))
                }
                Kind::Reordering if sent.len() < 4 => {}
                Kind::Reordering => sent.drain(..).rev().for_each(|bytes| send(&wire, bytes)),
                _ => {
                    let newest = sent.back().cloned();
                    newest
                        .iter()
                        .cycle()
                        .take(3)
                        .for_each(|bytes| send(&wire, bytes.clone()));
                    let old = hash_words([self.seed, core.tick().0, 2]) as usize % sent.len();
                    send(&wire, sent[old].clone());
                }
            }
            if sent.len() > REMEMBERED {
                sent.pop_front();
            }
        }
        Ok(Fate::Stayed)
    }

    /// A token is taken up, and shown again when its successor has been used.
    async fn replay_a_token(&self) -> Result<Fate, Fate> {
        let first = self.enter().await?;
        sleep(HEARD).await;
        first.wire.connection.close(0_u32.into(), b"");
        let token = resume(&first.token);
        let mut wire = self.target.connect(&self.socket).await?;
        wire.say(&token).await?;
        let again = wire.answer(Some(first.core)).await?;
        send(&again.wire, again.core.ack_datagram().into());
        sleep(HEARD).await;
        again.wire.connection.close(0_u32.into(), b"");
        self.write_first(&token.to_frame()).await
    }

    /// A good ticket of which a letter is another, or letters and dots.
    fn guess(&self) -> String {
        let draw = |n| hash_words([self.seed, now_ns(), n]);
        let mut guess = self.ticket.clone().into_bytes();
        if draw(1).is_multiple_of(2) {
            // The last letter carries bits that are not part of the signature.
            let at = draw(2) as usize % (guess.len() - 1);
            guess[at] = if guess[at] == b'A' { b'Q' } else { b'A' };
        } else {
            let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
            for (n, byte) in (3..).zip(&mut guess) {
                *byte = letters[draw(n) as usize % letters.len()];
            }
        }
        String::from_utf8_lossy(&guess).into_owned()
    }
}

/// Intents and acknowledgements from an hour ahead.
fn of_the_future(tick: Tick, newest: u64) -> Bytes {
    let intents: Vec<Intent> = (0..8)
        .map(|n| Intent {
            seq: InputSeq(tick.0 as u32 + 1_000_000 + n),
            view_tick: Tick(tick.0 + 72_000 + u64::from(n)),
            pace: 15,
            ..Intent::default()
        })
        .collect();
    let acks = Acks {
        newest: newest as u16 + 1_000,
        before: u32::MAX,
    };
    IntentDatagram::encode(Some(acks), &intents).into()
}

fn send(wire: &Wire, bytes: Bytes) {
    // Too large for the path, or closed meanwhile: the end says which.
    let _sent = wire.connection.send_datagram(bytes);
}

fn after(time: Duration) -> Instant {
    Instant::from_std(now() + time)
}

/// Something that never comes twice.
pub(super) fn now_ns() -> u64 {
    u64::try_from(unix_now().as_nanos()).unwrap_or(u64::MAX)
}
