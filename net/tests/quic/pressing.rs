//! A crowd at the door, operators' bans, and keys that change while people play.

use std::time::Duration;

use bluemarble_net::bans::Ban;
use bluemarble_net::certs::ServerIdentity;
use bluemarble_net::client::{Client, ConnectError, Disconnected, Link, Trust};
use bluemarble_net::server::quic::QuicLimits;
use bluemarble_net::tickets::{CharacterName, TicketIssuer, TicketKeys, TicketVerifier};
use bluemarble_shared_protocol::CloseCode;
use bluemarble_shared_protocol::limits::MESSAGE_BYTES_MAX;

use super::harness::{WORLD, World, eventually, is_undisturbed, unix_now_s, within};
use super::refusal;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_pressure_an_address_has_to_prove_itself_and_honest_clients_get_in() {
    let world = World::with(QuicLimits {
        retry_from: 2,
        ..QuicLimits::default()
    });
    let mut calm = world.enter("Bea").await.unwrap();
    assert_eq!(world.server.stats().retries.value(), 0);
    let _strangers = (world.silent().await, world.silent().await);
    let mut pressed = world.enter("Ada").await.unwrap();
    assert_eq!(world.server.stats().retries.value(), 1);
    is_undisturbed(&mut pressed).await;
    is_undisturbed(&mut calm).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_does_not_take_the_doorway_alone() {
    let world = World::with(QuicLimits {
        handshakes_per_address_max: 2,
        hello_timeout: Duration::from_secs(20),
        ..QuicLimits::default()
    });
    let (_one, two) = (world.silent().await, world.silent().await);
    let error = world.enter("Ada").await.unwrap_err();
    let refused = matches!(error, ConnectError::Refused(Disconnected::Lost(_)));
    assert!(refused, "{error}");
    assert_eq!(world.server.stats().refused_address.value(), 1);
    two.close(0_u32.into(), b"");
    eventually("a place", || world.server.stats().abandoned.value() == 1).await;
    is_undisturbed(&mut world.enter("Ada").await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_not_said_hello_gets_rid_of_few_bytes_and_only_for_a_while() {
    let world = World::with(QuicLimits {
        hello_timeout: Duration::from_secs(2),
        ..QuicLimits::default()
    });
    let stranger = world.silent().await;
    let (mut hello, _recv) = stranger.open_bi().await.unwrap();
    // The longest message there is, but for its last byte.
    let length = MESSAGE_BYTES_MAX as u32;
    hello.write_all(&length.to_le_bytes()).await.unwrap();
    let almost = vec![0; MESSAGE_BYTES_MAX - 1];
    hello.write_all(&almost).await.unwrap();
    // And as much as goes on the streams that only a browser has a use for.
    for _ in 0..3 {
        let mut side = stranger.open_uni().await.unwrap();
        tokio::spawn(async move { side.write_all(&vec![0; 1 << 20]).await });
    }
    let end = within("the end", stranger.closed()).await;
    let quinn::ConnectionError::ApplicationClosed(close) = end else {
        panic!("{end}");
    };
    let code = u64::from(CloseCode::HandshakeTimeout.number());
    assert_eq!(close.error_code.into_inner(), code);
    // QUIC takes two messages' worth beyond what has been read, which is one; the rest is handshake,
    // headers, and probes of how large packets may be.
    let sent = stranger.stats().udp_tx.bytes;
    assert!(sent < 4 * MESSAGE_BYTES_MAX as u64, "{sent} bytes");
    assert_eq!(world.server.sessions(), 0);
    assert!(
        world.log.is_empty(),
        "the session logic knows nothing of it"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_does_not_take_all_places() {
    let world = World::with(QuicLimits {
        sessions_per_address_max: 1,
        ..QuicLimits::default()
    });
    let first = world.enter("Ada").await.unwrap();
    assert_eq!(refusal(world.enter("Bea").await), CloseCode::TooMany);
    first.close().await;
    world.saw("closed 1").await;
    is_undisturbed(&mut world.enter("Bea").await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_account_does_not_play_more_characters_at_once_than_it_may() {
    let world = World::with(QuicLimits {
        sessions_per_account_max: 1,
        ..QuicLimits::default()
    });
    let enter = async |name: &str| {
        let name = CharacterName::parse(name).unwrap();
        let ticket = world
            .issuer
            .issue_of(&name, Some("smith"), unix_now_s(), 600);
        Link::connect(world.options(ticket)).await
    };
    let ada = enter("Ada").await.unwrap();
    assert_eq!(refusal(enter("Bea").await), CloseCode::TooMany);
    let mut again = enter("Ada").await.unwrap();
    is_undisturbed(&mut world.enter("Cleo").await.unwrap()).await;
    // Who comes back by a token is of the same account.
    let (welcome, token) = (again.welcome().clone(), again.token().unwrap());
    is_undisturbed(&mut again).await;
    drop((ada, again));
    let back = bluemarble_net::client::Return {
        token,
        taken: (1, 0),
        events: 0,
    };
    let options = world.options(String::new());
    let received = within("the answer", Link::resume(options, back, &welcome)).await;
    let _back = received.unwrap();
    assert_eq!(refusal(enter("Bea").await), CloseCode::TooMany);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_character_that_says_hello_too_often_has_to_wait() {
    let world = World::with(QuicLimits {
        hellos_per_s: 0,
        hellos_burst: 2,
        ..QuicLimits::default()
    });
    let _links = (
        world.enter("Ada").await.unwrap(),
        world.enter("Ada").await.unwrap(),
    );
    assert_eq!(refusal(world.enter("Ada").await), CloseCode::Flooding);
    is_undisturbed(&mut world.enter("Bea").await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_banned_character_is_told_why_whatever_it_comes_with() {
    let world = World::with(QuicLimits::default());
    let link = world.enter("Ada").await.unwrap();
    let (welcome, token) = (link.welcome().clone(), link.token().unwrap());
    drop(link);
    let ban = Ban {
        reason: "spoiled the fun".into(),
        until_s: None,
    };
    world.server.bans().set([("Ada".to_owned(), ban)].into());
    let code_and_reason = |error: ConnectError| match error {
        ConnectError::Refused(Disconnected::ByServer { code, reason }) => (code, reason),
        other => panic!("{other}"),
    };
    let told = (CloseCode::Banned, "spoiled the fun".to_owned());
    let error = world.enter("Ada").await.unwrap_err();
    assert_eq!(code_and_reason(error), told);
    let back = bluemarble_net::client::Return {
        token,
        taken: (1, 0),
        events: 0,
    };
    let error = Link::resume(world.options(String::new()), back, &welcome).await;
    assert_eq!(code_and_reason(error.unwrap_err()), told);
    is_undisturbed(&mut world.enter("Bea").await.unwrap()).await;
    world.server.bans().set([].into());
    is_undisturbed(&mut world.enter("Ada").await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificate_and_keys_change_and_nobody_is_dropped() {
    let world = World::with(QuicLimits::default());
    let mut before = world.enter("Ada").await.unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let now_s = unix_now_s();
    let identity = ServerIdentity::load_or_create_development(elsewhere.path(), now_s).unwrap();
    let old = TicketKeys::load_or_create(world.folder.path()).unwrap();
    let new = TicketKeys::generate().unwrap();
    let both = format!("{}{}", old.public_pem, new.public_pem);
    let tickets = TicketVerifier::from_pem(&both, WORLD).unwrap();
    world.server.reload(&identity, tickets).unwrap();
    is_undisturbed(&mut before).await;
    assert!(matches!(
        world.enter("Bea").await,
        Err(ConnectError::Tls(_))
    ));
    let trust = Trust::file(&ServerIdentity::paths(elsewhere.path()).0).unwrap();
    let issuer = TicketIssuer::from_pem(&new.private_pem, WORLD).unwrap();
    let of_new = issuer.issue(&CharacterName::parse("Cleo").unwrap(), now_s, 600);
    for ticket in [world.ticket("Bea"), of_new.clone()] {
        let mut options = world.options(ticket);
        options.trust = trust.clone();
        let client = within("a client", Client::connect(options, None)).await;
        client.unwrap();
    }
    // And when the old key has gone, its tickets are forged.
    let tickets = TicketVerifier::from_pem(&new.public_pem, WORLD).unwrap();
    world.server.reload(&identity, tickets).unwrap();
    let mut options = world.options(world.ticket("Bea"));
    options.trust = trust.clone();
    assert_eq!(refusal(Link::connect(options).await), CloseCode::BadTicket);
    is_undisturbed(&mut before).await;
    assert_eq!(world.server.stats().reloads.value(), 2);
}
