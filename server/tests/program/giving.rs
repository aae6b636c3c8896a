//! Gifts against the real program: the answer comes when the disk has it, and is the same after a `kill -9`.

use bluemarble_net::client::Link;
use bluemarble_shared_protocol::{
    AssetId, ClientMessage, EntityId, Gift, GiftAnswer, GiftOutcome, OwnPurse, ServerMessage,
};
use tempfile::tempdir;

use super::clients::{Door, client_runtime};
use super::harness::Server;

async fn purse(link: &mut Link) -> OwnPurse {
    loop {
        if let ServerMessage::Purse { purse, .. } = link.next_message().await.unwrap() {
            return purse;
        }
    }
}

async fn answer(link: &mut Link) -> GiftAnswer {
    loop {
        if let ServerMessage::Gift(answer) = link.next_message().await.unwrap() {
            return answer;
        }
    }
}

fn to_nobody(purse: &OwnPurse, number: u32) -> Gift {
    Gift {
        life: purse.life,
        number,
        to: EntityId::of_character("nobody at all"),
        amount: 1,
        asset: AssetId::COINS,
    }
}

#[test]
fn an_answer_is_the_same_after_a_kill_and_numbers_go_on() {
    let dir = tempdir().unwrap();
    let runtime = client_runtime();
    let server = Server::start(dir.path(), &[]);
    let door = Door::of(&server);
    let (gift, first) = runtime.block_on(async {
        let mut link = door.enter("Ada").await.unwrap();
        let purse = purse(&mut link).await;
        assert_eq!((purse.newest, purse.coins), (0, 0));
        let gift = to_nobody(&purse, 3);
        link.send_message(&ClientMessage::Give(gift)).await.unwrap();
        (gift, answer(&mut link).await)
    });
    assert_eq!(first.outcome, GiftOutcome::Nobody);
    server.kill();
    let server = Server::start(dir.path(), &[]);
    let door = Door::of(&server);
    runtime.block_on(async {
        let mut link = door.enter("Ada").await.unwrap();
        let purse = purse(&mut link).await;
        assert_eq!((purse.life, purse.newest), (gift.life, 3), "the same life");
        link.send_message(&ClientMessage::Give(gift)).await.unwrap();
        assert_eq!(answer(&mut link).await, first);
        let other = Gift { amount: 2, ..gift };
        link.send_message(&ClientMessage::Give(other))
            .await
            .unwrap();
        assert_eq!(answer(&mut link).await.outcome, GiftOutcome::OtherGift);
        let next = to_nobody(&purse, 4);
        link.send_message(&ClientMessage::Give(next)).await.unwrap();
        let second = answer(&mut link).await;
        assert_eq!(second.outcome, GiftOutcome::Nobody);
        assert!(second.tick > first.tick);
    });
    server.stop();
}
