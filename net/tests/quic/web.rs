//! Clients as browsers are: WebTransport on the same port, and then stream and datagrams as ever.

use std::time::Duration;

use bluemarble_net::server::event::SessionCommand;
use bluemarble_net::server::quic::QuicLimits;
use bluemarble_shared_protocol::codec::Schema;
use bluemarble_shared_protocol::{
    ClientMessage, CloseCode, EntityId, LENGTH_PREFIX_BYTES, PROTOCOL_VERSION, ServerMessage,
    SessionId, announced_length,
};
use bytes::Bytes;
use web_transport_quinn::{RecvStream, SendStream, Session, SessionError, WebTransportError};

use super::harness::{World, card, eventually, is_undisturbed, within};
use super::small;

struct Browser {
    session: Session,
    send: SendStream,
    recv: RecvStream,
}

impl Browser {
    async fn say(world: &World, first: &ClientMessage) -> Self {
        let session = world.browse().await;
        let (mut send, recv) = session.open_bi().await.unwrap();
        send.write_all(&first.to_frame()).await.unwrap();
        Self {
            session,
            send,
            recv,
        }
    }

    async fn hello(world: &World, character: &str) -> Self {
        let hello = ClientMessage::Hello {
            protocol: PROTOCOL_VERSION,
            ticket: world.ticket(character),
            client: "browser".into(),
            knows: Schema::known(),
        };
        Self::say(world, &hello).await
    }

    async fn next(&mut self) -> Option<ServerMessage> {
        let mut prefix = [0; LENGTH_PREFIX_BYTES];
        within("a message", self.recv.read_exact(&mut prefix))
            .await
            .ok()?;
        let mut body = vec![0; announced_length(prefix).unwrap()];
        within("its body", self.recv.read_exact(&mut body))
            .await
            .ok()?;
        Some(ServerMessage::decode(&body).unwrap())
    }

    /// The welcome; the token goes before it.
    async fn welcome(&mut self) -> SessionId {
        let token = self.next().await;
        assert!(
            matches!(token, Some(ServerMessage::Token { .. })),
            "{token:?}"
        );
        match self.next().await {
            Some(ServerMessage::Welcome(welcome)) => welcome.session,
            other => panic!("{other:?}"),
        }
    }

    /// The code and reason that a browser sees in `WebTransport.closed`.
    async fn closed(&self) -> (u32, String) {
        match within("the close", self.session.closed()).await {
            SessionError::WebTransportError(WebTransportError::Closed(code, reason)) => {
                (code, reason)
            }
            other => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_plays_on_the_same_port_as_everybody() {
    let world = World::with(QuicLimits::default());
    let mut native = world.enter("Bea").await.unwrap();
    let mut browser = Browser::hello(&world, "Ada").await;
    assert_eq!(browser.welcome().await, SessionId(2));
    assert_eq!(world.saw("opened 2").await, "opened 2 Ada");
    let id = EntityId(9);
    let ask = ClientMessage::Cards { ids: vec![id] };
    browser.send.write_all(&ask.to_frame()).await.unwrap();
    assert_eq!(
        browser.next().await,
        Some(ServerMessage::Cards(vec![card(id)]))
    );
    // The largest datagram there is, both ways.
    let large = Bytes::from(vec![7; 1_100]);
    let echo = async {
        loop {
            browser.session.send_datagram(large.clone()).unwrap();
            let wait = Duration::from_millis(500);
            let echo = tokio::time::timeout(wait, browser.session.read_datagram()).await;
            if let Ok(bytes) = echo {
                return bytes.unwrap();
            }
        }
    };
    assert_eq!(within("an echo", echo).await, large);
    let goodbye = ClientMessage::Goodbye.to_frame();
    browser.send.write_all(&goodbye).await.unwrap();
    world.saw("Goodbye").await;
    browser.session.close(0, b"goodbye");
    world.saw("closed 2").await;
    let stats = world.server.stats();
    assert_eq!((stats.web_opened.value(), stats.opened.value()), (1, 2));
    is_undisturbed(&mut native).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_is_told_why_it_is_closed() {
    let world = World::with(QuicLimits::default());
    let mut browser = Browser::hello(&world, "Ada").await;
    let session = browser.welcome().await;
    let code = CloseCode::ReplacedByNewSession;
    let reason = "elsewhere".to_owned();
    world.server.send_tick(
        vec![],
        vec![SessionCommand::Close {
            session,
            code,
            reason: reason.clone(),
        }],
    );
    let closing = ServerMessage::Closing {
        code,
        reason: reason.clone(),
    };
    assert_eq!(browser.next().await, Some(closing));
    assert_eq!(browser.closed().await, (code.number(), reason));
    assert_eq!(world.server.stats().closed(code), 1);
    let forged = ClientMessage::Hello {
        protocol: PROTOCOL_VERSION,
        ticket: "x.y.z".into(),
        client: "browser".into(),
        knows: Schema::known(),
    };
    let refused = Browser::say(&world, &forged).await;
    let (code, _) = refused.closed().await;
    assert_eq!(code, CloseCode::BadTicket.number());
    let old = ClientMessage::Hello {
        protocol: 1,
        ticket: world.ticket("Ada"),
        client: "browser".into(),
        knows: Schema::known(),
    };
    let (code, reason) = Browser::say(&world, &old).await.closed().await;
    assert_eq!(code, CloseCode::ProtocolVersion.number());
    assert!(reason.contains("bluemarble/2"), "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_web_transport_is_closed_after_a_while() {
    let world = World::with(small());
    let mut native = world.enter("Bea").await.unwrap();
    // One that never asks, one that asks and says nothing, one that speaks something else.
    let silent = world.connection_of(b"h3").await;
    let session = world.browse().await;
    let odd = world.connection_of(b"h3").await;
    // The server grants streams once it knows what it speaks with.
    let mut stream = within("a stream", odd.open_uni()).await.unwrap();
    stream.write_all(&[0xff; 4_000]).await.unwrap();
    within("the end", silent.closed()).await;
    within("the end", odd.closed()).await;
    within("the end", session.closed()).await;
    let stats = world.server.stats();
    eventually("the counts", || {
        let timeouts = stats.closed(CloseCode::HandshakeTimeout);
        timeouts + stats.web_failed.value() == 3 && timeouts >= 2
    })
    .await;
    assert_eq!(stats.opened.value(), 1);
    is_undisturbed(&mut native).await;
}
