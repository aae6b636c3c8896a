//! Clients whose network changes or breaks: they go on, or come back, as the same session or avatar.

use bluemarble_net::client::{ClientEndpoint, ConnectError, Link, Received, Return};
use bluemarble_net::server::quic::QuicLimits;
use bluemarble_shared_protocol::CloseCode;

use super::harness::{World, is_undisturbed, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_whose_address_changes_goes_on_in_the_same_session() {
    let world = World::with(QuicLimits::default());
    let mut options = world.options(world.ticket("Ada"));
    let endpoint = ClientEndpoint::towards(world.addr).unwrap();
    options.endpoint = Some(endpoint.clone());
    let mut link = Link::connect(options).await.unwrap();
    is_undisturbed(&mut link).await;
    for _ in 0..3 {
        endpoint.rebind().unwrap();
        is_undisturbed(&mut link).await;
    }
    let stats = world.server.stats();
    assert_eq!((stats.opened.value(), stats.ended.value()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_comes_back_with_its_token_and_says_what_it_has() {
    let world = World::with(QuicLimits::default());
    let link = world.enter("Ada").await.unwrap();
    let (welcome, token) = (link.welcome().clone(), link.token().unwrap());
    drop(link);
    world.saw("closed 1").await;
    let back = Return {
        token: token.clone(),
        taken: (40, 7),
        events: 0,
    };
    // The ticket is not looked at.
    let options = world.options("expired".to_owned());
    let received = within("the answer", Link::resume(options, back, &welcome)).await;
    let Received::Resumed { mut link, next } = received.unwrap() else {
        panic!("a new welcome");
    };
    assert_eq!(next, 41);
    let told = world.saw("resumed").await;
    assert_eq!(told, "resumed 2 Ada of 1 after 40");
    assert_eq!(link.welcome().avatar, welcome.avatar);
    assert_eq!(link.welcome().session.0, 2);
    assert_ne!(
        link.token().unwrap(),
        token,
        "a new one for the new session"
    );
    is_undisturbed(&mut link).await;
    assert_eq!(world.server.stats().tokens_in.value(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_takes_back_whoever_holds_a_place_by_a_dead_connection() {
    for limits in [
        QuicLimits {
            sessions_max: 1,
            ..QuicLimits::default()
        },
        QuicLimits {
            sessions_per_address_max: 1,
            ..QuicLimits::default()
        },
    ] {
        let world = World::with(limits);
        // Nobody has noticed yet that nothing comes from here any more.
        let dead = world.enter("Ada").await.unwrap();
        let (welcome, token) = (dead.welcome().clone(), dead.token().unwrap());
        assert!(world.enter("Bea").await.is_err(), "it is full");
        let back = Return {
            token,
            taken: (1, 0),
            events: 0,
        };
        let options = world.options("none".to_owned());
        let received = within("the answer", Link::resume(options, back, &welcome)).await;
        let Ok(Received::Resumed { mut link, .. }) = received else {
            panic!("{received:?}");
        };
        is_undisturbed(&mut link).await;
        let end = within("the end", dead.ended()).await;
        assert_eq!(end.code(), Some(CloseCode::ReplacedByNewSession));
        assert!(world.enter("Bea").await.is_err(), "it is full again");
        assert_eq!(world.server.sessions(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_no_token_and_a_token_is_no_ticket() {
    let world = World::with(QuicLimits::default());
    let link = world.enter("Ada").await.unwrap();
    let welcome = link.welcome().clone();
    let back = |token| Return {
        token,
        taken: (0, 0),
        events: 0,
    };
    let refused = |error: ConnectError| match error {
        ConnectError::Refused(end) => end.code(),
        other => panic!("{other}"),
    };
    let ticket = world.ticket("Ada");
    let options = world.options(ticket.clone());
    let error = Link::resume(options, back(ticket), &welcome).await;
    assert_eq!(refused(error.unwrap_err()), Some(CloseCode::BadTicket));
    let error = Link::connect(world.options(link.token().unwrap())).await;
    assert_eq!(refused(error.unwrap_err()), Some(CloseCode::BadTicket));
}
