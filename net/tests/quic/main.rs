//! The QUIC driver against real clients on loopback: who is let in, and what becomes of everybody
//! else. Each refusal has its close code, is counted, and disturbs nobody.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic, helpers too"
)]

mod harness;
mod packets;
mod pressing;
mod roaming;
mod web;

use std::time::Duration;

use bluemarble_net::bans::BanList;
use bluemarble_net::certs::ServerIdentity;
use bluemarble_net::client::{ConnectError, Dialect, Disconnected, Link, Trust};
use bluemarble_net::resume_tokens::ResumeTokens;
use bluemarble_net::server::event::{SessionCommand, SessionEvent};
use bluemarble_net::server::quic::{BindError, QuicConfig, QuicLimits, QuicServer};
use bluemarble_net::tickets::{CharacterName, TicketIssuer, TicketKeys, TicketVerifier};
use bluemarble_shared_protocol::codec::Schema;
use bluemarble_shared_protocol::limits::{DATAGRAM_BYTES_MAX, MESSAGE_BYTES_MAX};
use bluemarble_shared_protocol::{ClientMessage, CloseCode, EntityId, ServerMessage, SessionId};
use bytes::Bytes;

use harness::{World, eventually, is_undisturbed, unix_now_s, within};

fn small() -> QuicLimits {
    QuicLimits {
        hello_timeout: Duration::from_millis(400),
        ..QuicLimits::default()
    }
}

/// The code a refused client was told.
fn refusal(result: Result<Link, ConnectError>) -> CloseCode {
    match result.expect_err("this client must not get in") {
        ConnectError::Refused(Disconnected::ByServer { code, reason }) => {
            assert!(!reason.is_empty());
            code
        }
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_hello_opens_a_session_and_goodbye_ends_it() {
    let world = World::with(QuicLimits::default());
    let mut link = world.enter("Ada").await.unwrap();
    assert_eq!(link.welcome().avatar, EntityId::of_character("Ada"));
    assert_eq!(world.saw("opened").await, "opened 1 Ada");
    is_undisturbed(&mut link).await;
    assert_eq!(world.server.sessions(), 1);
    link.close().await;
    world.saw("Goodbye").await;
    world.saw("closed 1").await;
    let stats = world.server.stats();
    assert_eq!((stats.opened.value(), stats.ended.value()), (1, 1));
    assert_eq!(world.server.sessions(), 0);
    let traffic = world.server.traffic();
    assert!(
        traffic.rx_bytes > 1_200 && traffic.tx_bytes > 1_200,
        "{traffic:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_alpn_is_told_which_version_the_server_speaks() {
    let world = World::with(QuicLimits::default());
    let mut bystander = world.enter("Bea").await.unwrap();
    let mut options = world.options(world.ticket("Ada"));
    options.dialect = Dialect {
        alpn: b"bluemarble/99".to_vec(),
        protocol: 99,
        ..Dialect::default()
    };
    let error = Link::connect(options).await.unwrap_err();
    assert!(matches!(error, ConnectError::Version { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("bluemarble/99") && text.contains("bluemarble/2"),
        "{text}"
    );
    let stats = world.server.stats();
    eventually("the count", || stats.wrong_alpn.value() == 1).await;
    eventually("the probe", || {
        stats.closed(CloseCode::ProtocolVersion) == 1
    })
    .await;
    is_undisturbed(&mut bystander).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hello_of_another_protocol_is_told_which_version_the_server_speaks() {
    let world = World::with(QuicLimits::default());
    let mut options = world.options(world.ticket("Ada"));
    options.dialect.protocol = 7;
    let error = Link::connect(options).await.unwrap_err();
    assert!(matches!(error, ConnectError::Version { .. }), "{error}");
    assert!(error.to_string().contains("bluemarble/2"), "{error}");
    assert_eq!(world.server.stats().closed(CloseCode::ProtocolVersion), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_client_and_a_new_one_are_each_welcomed_in_the_schema_they_know() {
    let world = World::with(QuicLimits::default());
    let new = world.enter("Ada").await.unwrap();
    assert_eq!(new.schema(), Schema::NEWEST);
    let mut options = world.options(world.ticket("Bea"));
    options.dialect.knows = Schema::PREVIOUS.fields().to_vec();
    let old = Link::connect(options).await.unwrap();
    assert_eq!(old.schema(), Schema::PREVIOUS);
    assert_eq!(old.welcome().fields, Schema::PREVIOUS.named_fields());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_cannot_read_a_field_is_told_which() {
    let world = World::with(QuicLimits::default());
    let mut options = world.options(world.ticket("Ada"));
    options.dialect.knows.retain(|field| field.id != 5);
    let error = Link::connect(options).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("the field velocity"), "{text}");
    let stats = world.server.stats();
    assert_eq!(stats.closed(CloseCode::SchemaMismatch), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_tickets_are_refused_each_with_its_code() {
    let world = World::with(QuicLimits::default());
    let mut bystander = world.enter("Bea").await.unwrap();
    let ada = CharacterName::parse("Ada").unwrap();
    let other = TicketKeys::generate().unwrap();
    let forger = TicketIssuer::from_pem(&other.private_pem, harness::WORLD).unwrap();
    let keys = TicketKeys::load_or_create(world.folder.path()).unwrap();
    let elsewhere = TicketIssuer::from_pem(&keys.private_pem, "elsewhere").unwrap();
    let now_s = unix_now_s();
    let cases = [
        (
            world.issuer.issue(&ada, now_s - 100, 50),
            CloseCode::ExpiredTicket,
        ),
        (forger.issue(&ada, now_s, 600), CloseCode::BadTicket),
        ("garbage".to_owned(), CloseCode::BadTicket),
        (elsewhere.issue(&ada, now_s, 600), CloseCode::WrongWorld),
    ];
    for (ticket, code) in cases {
        assert_eq!(refusal(Link::connect(world.options(ticket)).await), code);
    }
    let stats = world.server.stats();
    assert_eq!(stats.closed(CloseCode::ExpiredTicket), 1);
    assert_eq!(stats.closed(CloseCode::BadTicket), 2);
    assert_eq!(stats.closed(CloseCode::WrongWorld), 1);
    assert_eq!(stats.opened.value(), 1);
    is_undisturbed(&mut bystander).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_says_nothing_is_closed_after_a_while() {
    let world = World::with(small());
    let mut bystander = world.enter("Bea").await.unwrap();
    let silent = world.silent().await;
    let half = world.silent().await;
    let (mut send, _recv) = half.open_bi().await.unwrap();
    send.write_all(&[200, 0]).await.unwrap();
    for connection in [silent, half] {
        let end = within("the close", connection.closed()).await;
        let code = Disconnected::from(end).code();
        assert_eq!(code, Some(CloseCode::HandshakeTimeout));
    }
    assert_eq!(world.server.stats().closed(CloseCode::HandshakeTimeout), 2);
    is_undisturbed(&mut bystander).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_message_that_is_no_hello_is_refused() {
    let world = World::with(QuicLimits::default());
    let cases: [(Vec<u8>, CloseCode); 4] = [
        (ClientMessage::Goodbye.to_frame(), CloseCode::Unexpected),
        (vec![4, 0, 0, 0, 9, 9, 9, 9], CloseCode::Malformed),
        (vec![0, 0, 0, 0], CloseCode::Malformed),
        (u32::MAX.to_le_bytes().to_vec(), CloseCode::Oversized),
    ];
    for (bytes, code) in cases {
        let connection = world.silent().await;
        let (mut send, _recv) = connection.open_bi().await.unwrap();
        send.write_all(&bytes).await.unwrap();
        let end = within("the close", connection.closed()).await;
        assert_eq!(Disconnected::from(end).code(), Some(code));
        assert!(world.server.stats().closed(code) >= 1);
    }
    assert_eq!(world.server.stats().opened.value(), 0);
}

/// Lets a welcomed client misbehave on its stream, and returns how it was closed.
async fn misbehave(world: &World, bytes: &[u8]) -> CloseCode {
    let mut bystander = world.enter("Bea").await.unwrap();
    let mut link = world.enter("Mallory").await.unwrap();
    let session = link.welcome().session;
    let _ = link.send_raw(bytes).await;
    let mut announced = None;
    let end = loop {
        match within("the end", link.next_message()).await {
            Ok(ServerMessage::Closing { code, reason }) => {
                assert!(!reason.is_empty());
                announced = Some(code);
            }
            Ok(_) => {}
            Err(end) => break end,
        }
    };
    let code = end.code().unwrap_or_else(|| panic!("{end}"));
    assert!(
        announced.is_none_or(|announced| announced == code),
        "{announced:?} {code}"
    );
    world.saw(&format!("closed {}", session.0)).await;
    assert_eq!(world.server.stats().closed(code), 1, "{code}");
    is_undisturbed(&mut bystander).await;
    code
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oversized_message_closes_its_sender() {
    let world = World::with(QuicLimits::default());
    let length = u32::try_from(MESSAGE_BYTES_MAX + 1).unwrap();
    assert_eq!(
        misbehave(&world, &length.to_le_bytes()).await,
        CloseCode::Oversized
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_message_closes_its_sender() {
    let world = World::with(QuicLimits::default());
    let code = misbehave(&world, &[5, 0, 0, 0, 1, 2, 3, 4, 5]).await;
    assert_eq!(code, CloseCode::Malformed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_hello_closes_its_sender() {
    let world = World::with(QuicLimits::default());
    let hello = ClientMessage::Hello {
        protocol: 2,
        ticket: "x".into(),
        client: "x".into(),
        knows: Vec::new(),
    };
    assert_eq!(
        misbehave(&world, &hello.to_frame()).await,
        CloseCode::Unexpected
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_messages_closes_its_sender() {
    let world = World::with(QuicLimits::default());
    let flood = ClientMessage::Cards {
        ids: vec![EntityId(1)],
    }
    .to_frame()
    .repeat(200);
    assert_eq!(misbehave(&world, &flood).await, CloseCode::Flooding);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_datagrams_closes_its_sender() {
    let limits = QuicLimits {
        datagrams_per_s: 1,
        datagrams_burst: 5,
        ..QuicLimits::default()
    };
    let world = World::with(limits);
    let link = world.enter("Mallory").await.unwrap();
    let flood = async {
        loop {
            if let Err(end) = link.send_datagram(Bytes::from_static(b"x")) {
                return end;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    assert_eq!(
        within("the close", flood).await.code(),
        Some(CloseCode::Flooding)
    );
    assert_eq!(world.server.stats().closed(CloseCode::Flooding), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oversized_datagram_closes_its_sender() {
    let world = World::with(QuicLimits::default());
    let link = world.enter("Mallory").await.unwrap();
    let large = Bytes::from(vec![0; DATAGRAM_BYTES_MAX + 1]);
    let resend = async {
        loop {
            if let Err(end) = link.send_datagram(large.clone()) {
                return end;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert_eq!(
        within("the close", resend).await.code(),
        Some(CloseCode::Oversized)
    );
    assert_eq!(world.server.stats().closed(CloseCode::Oversized), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn further_streams_are_not_to_be_had() {
    let world = World::with(QuicLimits::default());
    let mut link = world.enter("Ada").await.unwrap();
    let patience = Duration::from_millis(200);
    let bidi = tokio::time::timeout(patience, link.connection().open_bi()).await;
    assert!(bidi.is_err());
    is_undisturbed(&mut link).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_only_browsers_need_ends_a_native_session() {
    let world = World::with(QuicLimits::default());
    let mut bystander = world.enter("Bea").await.unwrap();
    let link = world.enter("Mallory").await.unwrap();
    let mut stream = link.connection().open_uni().await.unwrap();
    stream.write_all(&[0]).await.unwrap();
    let end = within("the close", link.connection().closed()).await;
    assert_eq!(Disconnected::from(end).code(), Some(CloseCode::Unexpected));
    assert_eq!(world.server.stats().closed(CloseCode::Unexpected), 1);
    is_undisturbed(&mut bystander).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_says_so_and_has_room_again_when_somebody_leaves() {
    let world = World::with(QuicLimits {
        sessions_max: 1,
        ..QuicLimits::default()
    });
    let mut first = world.enter("Ada").await.unwrap();
    assert_eq!(refusal(world.enter("Bea").await), CloseCode::ServerFull);
    assert_eq!(world.server.stats().closed(CloseCode::ServerFull), 1);
    is_undisturbed(&mut first).await;
    first.close().await;
    world.saw("closed").await;
    is_undisturbed(&mut world.enter("Bea").await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_beyond_the_doorway_are_turned_away_before_tls() {
    let limits = QuicLimits {
        handshakes_max: 2,
        ..QuicLimits::default()
    };
    let world = World::with(limits);
    let mut inside = world.enter("Bea").await.unwrap();
    let (_one, _other) = (world.silent().await, world.silent().await);
    let error = world.enter("Ada").await.unwrap_err();
    assert!(
        matches!(error, ConnectError::Refused(Disconnected::Lost(_))),
        "{error}"
    );
    assert_eq!(world.server.stats().refused_busy.value(), 1);
    is_undisturbed(&mut inside).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_session_logic_can_close_a_session_with_a_reason() {
    let world = World::with(QuicLimits::default());
    let mut link = world.enter("Ada").await.unwrap();
    let code = CloseCode::ReplacedByNewSession;
    let session = link.welcome().session;
    world.server.send_tick(
        vec![],
        vec![SessionCommand::Close {
            session,
            code,
            reason: "elsewhere".into(),
        }],
    );
    let announced = within("the announcement", link.next_message())
        .await
        .unwrap();
    assert_eq!(
        announced,
        ServerMessage::Closing {
            code,
            reason: "elsewhere".into()
        }
    );
    let end = within("the close", link.next_message()).await.unwrap_err();
    assert_eq!(
        end,
        Disconnected::ByServer {
            code,
            reason: "elsewhere".into()
        }
    );
    assert_eq!(world.server.stats().closed(code), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_tells_everybody_and_ends() {
    let world = World::with(QuicLimits::default());
    let mut links = Vec::new();
    for name in ["Ada", "Bea", "Cleo"] {
        links.push(world.enter(name).await.unwrap());
    }
    within("the shutdown", world.server.shutdown("back at noon")).await;
    for mut link in links {
        let announced = within("the announcement", link.next_message())
            .await
            .unwrap();
        let code = CloseCode::ServerShutdown;
        let reason = "back at noon".to_owned();
        assert_eq!(
            announced,
            ServerMessage::Closing {
                code,
                reason: reason.clone()
            }
        );
        assert_eq!(link.ended().await, Disconnected::ByServer { code, reason });
    }
    assert_eq!(world.server.sessions(), 0);
    assert_eq!(world.server.stats().closed(CloseCode::ServerShutdown), 3);
    let mut late = world.options(world.ticket("Dora"));
    late.connect_timeout = Duration::from_millis(500);
    assert!(Link::connect(late).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_in_use_is_an_error_that_says_what_to_do() {
    let world = World::with(QuicLimits::default());
    let keys = TicketKeys::generate().unwrap();
    let config = QuicConfig {
        addr: world.addr,
        identity: ServerIdentity::load_or_create_development(world.folder.path(), unix_now_s())
            .unwrap(),
        tickets: TicketVerifier::from_pem(&keys.public_pem, harness::WORLD).unwrap(),
        resume: ResumeTokens::ephemeral().unwrap(),
        bans: BanList::default(),
        limits: QuicLimits::default(),
    };
    let error = QuicServer::bind(config).err().unwrap();
    assert!(matches!(error, BindError::InUse { .. }), "{error}");
    assert!(
        error.to_string().contains(&world.addr.to_string()),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_trusts_another_certificate_does_not_connect() {
    let world = World::with(QuicLimits::default());
    let elsewhere = tempfile::tempdir().unwrap();
    ServerIdentity::load_or_create_development(elsewhere.path(), unix_now_s()).unwrap();
    let mut options = world.options(world.ticket("Ada"));
    options.trust = Trust::file(&ServerIdentity::paths(elsewhere.path()).0).unwrap();
    let error = Link::connect(options).await.unwrap_err();
    assert!(matches!(error, ConnectError::Tls(_)), "{error}");
    eventually("the count", || {
        world.server.stats().handshake_failed.value() == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_listening_is_said_plainly() {
    let world = World::with(QuicLimits::default());
    let mut options = world.options(world.ticket("Ada"));
    // Bound, so that nobody else gets it, and never read.
    let mute = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    options.server = mute.local_addr().unwrap();
    options.connect_timeout = Duration::from_millis(300);
    let error = Link::connect(options).await.unwrap_err();
    assert!(matches!(error, ConnectError::NoAnswer { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_event_queue_drops_datagrams_refuses_hellos_and_never_loses_a_close() {
    let limits = QuicLimits {
        events_max: 3,
        ..QuicLimits::default()
    };
    let (world, events) = World::without_logic(limits);
    let options = world.options(world.ticket("Ada"));
    let entering = tokio::spawn(Link::connect(options));
    let opened = tokio::task::block_in_place(|| events.recv().unwrap());
    assert!(matches!(
        opened,
        SessionEvent::Opened {
            session: SessionId(1),
            ..
        }
    ));
    harness::welcome_in(&world.server, &opened);
    let link = entering.await.unwrap().unwrap();
    let stats = world.server.stats();
    within("drops", async {
        while stats.dropped_in.value() == 0 {
            link.send_datagram(Bytes::from_static(b"x")).unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    assert_eq!(refusal(world.enter("Bea").await), CloseCode::Overloaded);
    link.close().await;
    let mut seen = Vec::new();
    eventually("the close", || {
        seen.extend(events.try_iter());
        matches!(
            seen.last(),
            Some(SessionEvent::Closed {
                session: SessionId(1)
            })
        )
    })
    .await;
    assert_eq!(stats.opened.value(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_overtaken_is_dropped_and_counted() {
    let limits = QuicLimits {
        batches_max: 2,
        ..QuicLimits::default()
    };
    let world = World::with(limits);
    let link = world.enter("Ada").await.unwrap();
    let session = link.welcome().session;
    let stats = world.server.stats();
    let stale = Bytes::from_static(b"snapshot");
    within("drops", async {
        while stats.dropped_out.value() == 0 {
            for _ in 0..1_000 {
                world
                    .server
                    .send_tick(vec![(session, stale.clone())], vec![]);
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(
        &within("a datagram", link.next_datagram()).await.unwrap()[..],
        b"snapshot"
    );
}
