//! A [`Link`] and the session logic over it: what bots and tools use.
//!
//! Its rhythm is the server's: wait for a snapshot, answer at once with an intent, so that QUIC's
//! own acknowledgement rides along and one packet goes each way per tick.

use std::collections::BTreeMap;
use std::time::Instant;

use bluemarble_shared_protocol::limits::CARDS_PER_MESSAGE_MAX;
use bluemarble_shared_protocol::{
    AssetId, Card, ClientMessage, CloseCode, EntityId, Intent, ServerMessage, Tick, TimedEvent,
    Welcome, Wound,
};
use bytes::Bytes;

use super::ended::{ConnectError, Disconnected, GiveError};
use super::link::{ClientOptions, Link, Received, Return};
use crate::client::core::{ClientConfig, ClientCore, Predictor, Taken};
use crate::client::event_book::EventBook;
use crate::client::gift_book::{GiftBook, GiftReceipt};

/// Cards remembered; beyond, those of the lowest ids are forgotten and can be asked for again.
const CARDS_MAX: usize = 8_192;
/// Datagrams taken in one go: more are never waiting, see the receive buffer's bound.
const DATAGRAMS_AT_ONCE_MAX: usize = 64;

/// A connected client.
#[derive(Debug)]
pub struct Client {
    link: Link,
    /// How it connected, to connect again.
    options: Option<ClientOptions>,
    core: ClientCore,
    began: Instant,
    events: EventBook,
    gifts: GiftBook,
    cards: BTreeMap<EntityId, Card>,
}

impl Client {
    /// Connects, says hello, and waits for the welcome. With a predictor for the same planet it
    /// also guesses its own movement; one for another planet is not used.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn connect(
        options: ClientOptions,
        predictor: Option<Predictor>,
    ) -> Result<Self, ConnectError> {
        let again = Some(options.clone());
        let client = Self::over(Link::connect(options).await?, predictor);
        Ok(Self {
            options: again,
            ..client
        })
    }

    /// Follows the character to the world it has gone to, after a connection that ended with
    /// [`Disconnected::has_travelled`]: connects again with the same ticket. Everything known of
    /// the world before is forgotten; the new [`Client::welcome`] tells the planet, for which a
    /// predictor may be given.
    ///
    /// # Errors
    /// [`ConnectError`]; the client is then as it was. One made of a link cannot follow.
    pub async fn follow(&mut self, predictor: Option<Predictor>) -> Result<(), ConnectError> {
        let Some(options) = self.options.clone() else {
            let how = "a client made of a link has no ticket to follow with";
            return Err(ConnectError::Protocol(how.to_owned()));
        };
        let client = Self::connect(options, predictor).await?;
        let mut gifts = std::mem::take(&mut self.gifts);
        gifts.begin_connection();
        *self = Self { gifts, ..client };
        Ok(())
    }

    /// Comes back after a lost connection: the same avatar, and, if the server still knows what this
    /// client has, view and prediction go on as if nothing had been. Returns whether they do;
    /// otherwise all is learned anew, and [`Client::welcome`] is another one. Falls back to the
    /// ticket if there is nothing to resume.
    ///
    /// # Errors
    /// [`ConnectError`]; the client is then as it was and may try again. One made of a link cannot
    /// come back.
    pub async fn resume(&mut self, predictor: Option<Predictor>) -> Result<bool, ConnectError> {
        let Some(options) = self.options.clone() else {
            let how = "a client made of a link has no ticket to come back with";
            return Err(ConnectError::Protocol(how.to_owned()));
        };
        self.take_messages();
        let received = match self.link.token() {
            Some(token) => {
                let back = Return {
                    token,
                    taken: self.core.taken(),
                    events: self.events.newest(),
                };
                Some(Link::resume(options.clone(), back, self.link.welcome()).await)
            }
            None => None,
        };
        let link = match received {
            Some(Ok(Received::Resumed { link, .. })) => {
                self.core.resumed(link.welcome().tick);
                self.link = link;
                self.gifts.begin_connection();
                return Ok(true);
            }
            Some(Ok(Received::Afresh(link))) => link,
            Some(Err(ConnectError::Refused(refusal)))
                if matches!(
                    refusal.code(),
                    Some(
                        CloseCode::NothingToResume
                            | CloseCode::BadTicket
                            | CloseCode::ExpiredTicket
                            | CloseCode::WrongWorld
                    )
                ) =>
            {
                Link::connect(options.clone()).await?
            }
            Some(Err(other)) => return Err(other),
            None => Link::connect(options.clone()).await?,
        };
        self.events.begin_afresh();
        self.gifts.begin_connection();
        *self = Self {
            options: Some(options),
            events: std::mem::take(&mut self.events),
            gifts: std::mem::take(&mut self.gifts),
            ..Self::over(link, predictor)
        };
        Ok(false)
    }

    /// The server answers at another address from now on; for [`Client::resume`] and
    /// [`Client::follow`].
    pub fn server_moved(&mut self, server: std::net::SocketAddr) {
        if let Some(options) = &mut self.options {
            options.server = server;
            // A socket of the other address family would not reach it.
            options.endpoint = None;
        }
    }

    /// Takes over a link that has been welcomed.
    #[must_use]
    pub fn over(link: Link, predictor: Option<Predictor>) -> Self {
        let welcome = link.welcome();
        let predictor =
            predictor.filter(|known| known.planet.content_hash() == welcome.planet_hash);
        let config = ClientConfig::of_welcome(welcome, link.schema(), predictor);
        Self {
            core: ClientCore::new(config),
            link,
            options: None,
            began: now(),
            events: EventBook::default(),
            gifts: GiftBook::default(),
            cards: BTreeMap::new(),
        }
    }

    /// What the server said at the start.
    #[must_use]
    pub fn welcome(&self) -> &Welcome {
        self.link.welcome()
    }

    /// The view, the own avatar, and the counters.
    #[must_use]
    pub fn core(&self) -> &ClientCore {
        &self.core
    }

    /// The connection, for its statistics.
    #[must_use]
    pub fn connection(&self) -> &quinn::Connection {
        self.link.connection()
    }

    /// Waits until the view shows a newer tick than before; takes in everything that has arrived.
    /// Returns that tick. Datagrams that cannot be read are counted by the core and passed over.
    ///
    /// # Errors
    /// [`Disconnected`].
    pub async fn next_snapshot(&mut self) -> Result<Tick, Disconnected> {
        let before = self.core.stats().snapshots;
        let tick_before = self.core.tick();
        loop {
            let datagram = self.link.next_datagram().await?;
            self.take(&datagram);
            for _ in 0..DATAGRAMS_AT_ONCE_MAX {
                let Some(datagram) = self.link.waiting_datagram()? else {
                    break;
                };
                self.take(&datagram);
            }
            self.take_messages();
            if let Some(report) = self.core.take_report() {
                tracing::warn!(target: "bluemarble::divergence", "a snapshot does not add up");
                self.link.send_message(&report).await?;
            }
            self.send_gifts().await?;
            let first = before == 0 && self.core.stats().snapshots > 0;
            if first || self.core.tick() > tick_before {
                return Ok(self.core.tick());
            }
        }
    }

    /// Sends what the player wants; the intent's number is given here.
    ///
    /// # Errors
    /// [`Disconnected`].
    pub fn send_intent(&mut self, intent: Intent) -> Result<(), Disconnected> {
        let datagram = self.core.next_intent_datagram(intent);
        self.link.send_datagram(datagram.into())
    }

    /// Gives somebody coins, once, whatever becomes of the connection meanwhile; the gift's number in
    /// [`Client::receipts`]. It is sent again until there is an answer, by [`Client::next_snapshot`].
    ///
    /// # Errors
    /// [`GiveError`].
    pub async fn give(&mut self, to: EntityId, amount: u64) -> Result<u32, GiveError> {
        self.give_of(to, amount, AssetId::COINS).await
    }

    /// The same of things of one sort.
    ///
    /// # Errors
    /// [`GiveError`].
    pub async fn give_of(
        &mut self,
        to: EntityId,
        amount: u64,
        asset: AssetId,
    ) -> Result<u32, GiveError> {
        let number = self.gifts.give(to, amount, asset)?;
        self.send_gifts().await?;
        Ok(number)
    }

    /// What became of gifts since this was asked last: each is answered once, when what it says will
    /// survive whatever happens to the server.
    pub fn receipts(&mut self) -> impl Iterator<Item = GiftReceipt> + '_ {
        self.take_messages();
        self.gifts.drain_answers()
    }

    /// What the avatar has, and which gifts have no answer yet.
    #[must_use]
    pub fn gifts(&self) -> &GiftBook {
        &self.gifts
    }

    async fn send_gifts(&mut self) -> Result<(), Disconnected> {
        let now_ms = self.now_ms();
        while let Some(message) = self.gifts.next_message(now_ms) {
            self.link.send_message(&message).await?;
        }
        Ok(())
    }

    /// Asks who they are; the answers appear in [`Client::card`] some time later.
    ///
    /// # Errors
    /// [`Disconnected`].
    pub async fn request_cards(&mut self, ids: &[EntityId]) -> Result<(), Disconnected> {
        for ids in ids.chunks(CARDS_PER_MESSAGE_MAX) {
            self.link
                .send_message(&ClientMessage::Cards { ids: ids.to_vec() })
                .await?;
        }
        Ok(())
    }

    /// What is known about who an entity is.
    #[must_use]
    pub fn card(&self, id: EntityId) -> Option<&Card> {
        self.cards.get(&id)
    }

    /// What happened to the avatar since this was asked last, oldest first: none is missing or
    /// doubled, also over [`Client::resume`], but for what [`Client::events_missed`] counts.
    pub fn events(&mut self) -> impl Iterator<Item = TimedEvent> + '_ {
        self.take_messages();
        self.events.drain_events()
    }

    /// How many events are missing because the server had no room to keep them.
    #[must_use]
    pub fn events_missed(&self) -> u64 {
        self.events.missed()
    }

    /// What others in view lost since this was asked last, oldest first. In a crowd those far away are
    /// left out, and so is what happened while the line was silent.
    pub fn wounds(&mut self) -> impl Iterator<Item = (Tick, Wound)> + '_ {
        self.take_messages();
        self.events.drain_wounds()
    }

    /// Why the connection ended; waits for that.
    pub async fn ended(&self) -> Disconnected {
        self.link.ended().await
    }

    /// Says goodbye and closes.
    pub async fn close(self) {
        self.link.close().await;
    }

    fn take(&mut self, datagram: &Bytes) {
        let now_ms = self.now_ms();
        match self.core.handle_datagram(now_ms, datagram) {
            Ok(Taken::Snapshot { .. } | Taken::Ignored | Taken::Diverged) => {}
            Err(error) => tracing::debug!(%error, "unreadable snapshot"),
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(now().duration_since(self.began).as_millis()).unwrap_or(0)
    }

    fn take_messages(&mut self) {
        while let Some(message) = self.link.try_message() {
            match message {
                ServerMessage::Events { first, events } => self.events.take_events(first, &events),
                ServerMessage::Wounds {
                    tick,
                    wounds,
                    left_out,
                } => self.events.take_wounds(tick, &wounds, left_out),
                ServerMessage::Cards(cards) => {
                    for card in cards {
                        if self.cards.len() >= CARDS_MAX {
                            self.cards.pop_first();
                        }
                        self.cards.insert(card.id, card);
                    }
                }
                ServerMessage::Presence { number, count, sum } => {
                    let now_ms = self.now_ms();
                    self.core.handle_presence(now_ms, number, count, sum);
                }
                ServerMessage::Forget { number, ids } => self.core.handle_forget(number, &ids),
                ServerMessage::Gift(answer) => self.gifts.take_answer(&answer),
                ServerMessage::Purse { tick, purse } => self.gifts.take_purse(tick, purse),
                // The close frame says the same; a second welcome, or a line, means nothing now.
                ServerMessage::Closing { .. }
                | ServerMessage::Welcome(_)
                | ServerMessage::Queued { .. }
                | ServerMessage::Token { .. }
                | ServerMessage::Resumed { .. } => {}
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the client's driver owns its clock"
)]
fn now() -> Instant {
    Instant::now()
}
