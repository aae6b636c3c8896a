//! One player: a book of gifts, a view to acknowledge, and lines that deliver late or, when they break,
//! not at all.

use std::collections::VecDeque;

use bluemarble_net::client::{ClientConfig, ClientCore, GiftBook, GiftReceipt};
use bluemarble_shared_protocol::codec::Schema;
use bluemarble_shared_protocol::{
    AssetId, ClientMessage, EntityId, Intent, OwnPurse, ServerMessage, SessionId, Tick, Welcome,
};
use bytes::Bytes;

/// A connection.
pub struct Line {
    pub session: SessionId,
    /// To the server and back, with the tick of arrival: in order, as on a stream.
    pub up: VecDeque<(u64, ClientMessage)>,
    pub down: VecDeque<(u64, ServerMessage)>,
    pub datagrams: Vec<Bytes>,
}

pub struct Player {
    pub name: String,
    pub avatar: EntityId,
    pub book: GiftBook,
    pub core: Option<ClientCore>,
    pub line: Option<Line>,
    /// The session to come back to.
    pub last: Option<SessionId>,
    /// The tick of coming back.
    pub back_at: u64,
    /// Gifts so far; each is of another amount.
    pub asked: u32,
    pub receipts: Vec<GiftReceipt>,
}

impl Player {
    pub fn new(n: usize) -> Self {
        let name = format!("giver {n}");
        Self {
            avatar: EntityId::of_character(&name),
            name,
            book: GiftBook::default(),
            core: None,
            line: None,
            last: None,
            back_at: 0,
            asked: 0,
            receipts: Vec::new(),
        }
    }

    /// A gift of an amount that this player has not given before.
    pub fn give(&mut self, to: EntityId) {
        let amount = u64::from(self.asked) + 1;
        if self.book.give(to, amount, AssetId::COINS).is_ok() {
            self.asked += 1;
        }
    }

    /// The connection ends, and with it whatever was under way.
    pub fn lose(&mut self, back_at: u64) -> Option<SessionId> {
        self.back_at = back_at;
        let line = self.line.take()?;
        self.last = Some(line.session);
        Some(line.session)
    }

    pub fn connected(&mut self, session: SessionId) {
        self.book.begin_connection();
        self.line = Some(Line {
            session,
            up: VecDeque::new(),
            down: VecDeque::new(),
            datagrams: Vec::new(),
        });
    }

    fn welcomed(&mut self, welcome: &Welcome) {
        let schema = Schema::of_welcome(&welcome.fields).unwrap();
        let config = ClientConfig::of_welcome(welcome, schema, None);
        self.core = Some(ClientCore::new(config));
    }

    /// Reads what has arrived by `now`; `durable` is what the server's disk holds just then.
    pub fn read(&mut self, now: u64, durable: Tick) {
        let Some(line) = &mut self.line else {
            return;
        };
        let mut arrived = Vec::new();
        while line.down.front().is_some_and(|(at, _)| *at <= now) {
            arrived.extend(line.down.pop_front());
        }
        for (_, message) in arrived {
            match message {
                ServerMessage::Welcome(welcome) => self.welcomed(&welcome),
                ServerMessage::Resumed { tick, .. } => {
                    self.core.as_mut().unwrap().resumed(tick);
                }
                ServerMessage::Purse { tick, purse } => self.take_purse(tick, purse),
                ServerMessage::Gift(answer) => {
                    let told = answer.outcome.is_final();
                    assert!(!told || answer.tick <= durable, "{answer:?} too early");
                    self.book.take_answer(&answer);
                }
                _ => {}
            }
        }
        self.receipts.extend(self.book.drain_answers());
    }

    fn take_purse(&mut self, tick: Tick, purse: OwnPurse) {
        self.book.take_purse(tick, purse);
    }

    /// Takes this tick's datagrams; the answer, if there is a line to send it over.
    pub fn see(&mut self, now_ms: u64) -> Option<(SessionId, Bytes)> {
        let line = self.line.as_mut()?;
        let core = self.core.as_mut()?;
        for bytes in line.datagrams.drain(..) {
            let _ = core.handle_datagram(now_ms, &bytes);
        }
        let intent = core.next_intent_datagram(Intent::default());
        Some((line.session, Bytes::from(intent)))
    }

    /// Writes what there is to ask for.
    pub fn write(&mut self, now_ms: u64, at: impl Fn(usize) -> u64) {
        if let Some(line) = &mut self.line {
            while let Some(message) = self.book.next_message(now_ms) {
                // In order, whatever each takes.
                let after = line.up.back().map_or(0, |(at, _)| *at);
                line.up.push_back((at(line.up.len()).max(after), message));
            }
        }
    }
}
