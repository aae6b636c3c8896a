//! The line at the door of an overloaded world: who waits, who does not, who is turned away.

mod moon;

use bluemarble_net::server::event::{SessionCommand, SessionEvent, VerifiedHello};
use bluemarble_net::server::{Hub, HubConfig};
use bluemarble_shared_protocol::codec::Schema;
use bluemarble_shared_protocol::{
    ClientMessage, CloseCode, EntityId, ServerMessage, SessionId, Strain, Tick,
};

/// A hub that nobody steps a world for.
struct Door {
    config: HubConfig,
    hub: Hub,
    now_ms: u64,
    tick: Tick,
}

/// What somebody at the door hears.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Welcome(u64),
    Queued(u64, u32),
    Closed(u64, CloseCode),
}

impl Door {
    fn new(waiting_max: usize) -> Self {
        let mut config = HubConfig::new(moon::facts());
        config.limits.waiting_max = waiting_max;
        Self {
            hub: Hub::new(config.clone()),
            config,
            now_ms: 0,
            tick: Tick(0),
        }
    }

    fn limit_players(&mut self, players_max: usize) {
        let mut config = self.config.clone();
        config.limits.players_max = players_max;
        self.hub = Hub::new(config);
    }

    fn close_door(&mut self, closed: bool) {
        let level = if closed { Strain::LOGINS_QUEUE } else { 0 };
        self.hub.set_strain(Strain::new(level, 0));
    }

    fn come(&mut self, session: u64, name: &str) {
        let hello = VerifiedHello {
            name: name.into(),
            avatar: EntityId::of_character(name),
            schema: Schema::NEWEST,
        };
        let session = SessionId(session);
        self.hub
            .handle(self.now_ms, SessionEvent::Opened { session, hello });
    }

    fn end(&mut self, session: u64) {
        let session = SessionId(session);
        self.hub
            .handle(self.now_ms, SessionEvent::Closed { session });
    }

    /// A tick; how many are admitted in it.
    fn tick(&mut self) -> usize {
        self.now_ms += 50;
        self.tick = self.tick.next();
        self.hub.seal(self.now_ms, self.tick).admissions.len()
    }

    fn heard(&mut self) -> Vec<Heard> {
        let heard = |command| match command {
            SessionCommand::Send { session, message } => match message {
                ServerMessage::Welcome(_) => Some(Heard::Welcome(session.0)),
                ServerMessage::Queued { ahead } => Some(Heard::Queued(session.0, ahead)),
                _ => None,
            },
            SessionCommand::Close { session, code, .. } => Some(Heard::Closed(session.0, code)),
        };
        let commands = std::iter::from_fn(|| self.hub.poll_command());
        commands.filter_map(heard).collect()
    }
}

#[test]
fn newcomers_wait_in_order_and_go_in_one_a_tick_when_the_ladder_is_down() {
    let mut door = Door::new(8);
    door.come(1, "early");
    door.tick();
    assert_eq!(door.heard(), [Heard::Welcome(1)]);
    door.close_door(true);
    for (session, name) in [(2, "ada"), (3, "bob"), (4, "eve")] {
        door.come(session, name);
    }
    assert_eq!(
        door.heard(),
        [
            Heard::Queued(2, 0),
            Heard::Queued(3, 1),
            Heard::Queued(4, 2)
        ]
    );
    assert_eq!((0..40).map(|_| door.tick()).sum::<usize>(), 0);
    assert_eq!(door.heard(), [], "nothing has moved, so nothing is said");
    assert_eq!(door.hub.stats().waiting, 3);
    door.close_door(false);
    let admitted: Vec<usize> = (0..4).map(|_| door.tick()).collect();
    assert_eq!(admitted, [1, 1, 1, 0]);
    let heard = door.heard();
    let welcomes: Vec<&Heard> = heard
        .iter()
        .filter(|heard| matches!(heard, Heard::Welcome(_)))
        .collect();
    assert_eq!(
        welcomes,
        [&Heard::Welcome(2), &Heard::Welcome(3), &Heard::Welcome(4)]
    );
    assert_eq!((door.hub.stats().waiting, door.hub.stats().queued), (0, 3));
}

#[test]
fn who_waits_learns_once_a_second_that_the_line_has_moved() {
    let mut door = Door::new(8);
    door.close_door(true);
    for (session, name) in [(2, "ada"), (3, "bob"), (4, "eve")] {
        door.come(session, name);
    }
    door.tick();
    door.heard();
    door.end(2);
    (0..18).for_each(|_| {
        door.tick();
    });
    assert_eq!(door.heard(), []);
    door.tick();
    assert_eq!(door.heard(), [Heard::Queued(3, 0), Heard::Queued(4, 1)]);
    // While somebody still waits, nobody who comes later goes before them.
    door.close_door(false);
    door.come(5, "late");
    assert_eq!(door.heard(), [Heard::Queued(5, 2)]);
}

#[test]
fn an_owner_whose_avatar_is_in_the_world_does_not_wait() {
    let mut door = Door::new(8);
    door.come(1, "ada");
    door.tick();
    door.close_door(true);
    door.end(1);
    door.tick();
    door.heard();
    door.come(2, "ada");
    assert_eq!(door.heard(), [Heard::Welcome(2)]);
}

#[test]
fn while_nothing_can_be_saved_nobody_new_comes_in_and_those_inside_come_back() {
    let mut door = Door::new(8);
    door.come(1, "ada");
    door.close_door(true);
    door.come(2, "bob");
    door.tick();
    door.heard();
    door.close_door(false);
    door.hub.set_saves(false);
    door.come(3, "cleo");
    assert_eq!(door.heard(), [Heard::Closed(3, CloseCode::NotSaving)]);
    assert_eq!(door.tick(), 0, "bob waits on");
    door.end(1);
    door.come(4, "ada");
    assert_eq!(door.heard(), [Heard::Welcome(4)]);
    assert_eq!(door.tick(), 1, "ada takes her avatar up again");
    door.hub.set_saves(true);
    assert_eq!(door.tick(), 1);
    assert_eq!(door.heard(), [Heard::Welcome(2)]);
    door.come(5, "cleo");
    assert_eq!(door.heard(), [Heard::Welcome(5)]);
}

#[test]
fn a_full_line_turns_away_and_a_character_stands_in_it_once() {
    let mut door = Door::new(1);
    door.close_door(true);
    door.come(1, "ada");
    door.come(2, "bob");
    assert_eq!(
        door.heard(),
        [Heard::Queued(1, 0), Heard::Closed(2, CloseCode::ServerFull)]
    );
    assert_eq!(door.hub.stats().queue_full, 1);
    door.come(3, "ada");
    assert_eq!(
        door.heard(),
        [Heard::Closed(1, CloseCode::ReplacedByNewSession)]
    );
    let session = SessionId(3);
    let message = ClientMessage::Goodbye;
    door.hub
        .handle(door.now_ms, SessionEvent::Message { session, message });
    assert_eq!(door.heard(), [Heard::Closed(3, CloseCode::Normal)]);
    door.tick();
    assert_eq!(door.hub.stats().waiting, 0);
    door.close_door(false);
    assert_eq!(door.tick(), 0);
}

#[test]
fn who_said_goodbye_and_stands_in_line_again_is_known_until_sent_elsewhere() {
    let ada = EntityId::of_character("Ada");
    let mut door = Door::new(3);
    door.come(1, "Ada");
    door.tick();
    door.close_door(true);
    let (session, message) = (SessionId(1), ClientMessage::Goodbye);
    door.hub
        .handle(door.now_ms, SessionEvent::Message { session, message });
    door.come(2, "Ada");
    let leaves = door.hub.seal(100, Tick(2)).leaves;
    assert_eq!(leaves, [ada]);
    assert!(door.hub.knows(ada), "she waits");
    door.heard();
    door.hub.part(100, ada, CloseCode::Travelled);
    assert_eq!(door.heard(), [Heard::Closed(2, CloseCode::Travelled)]);
    assert!(!door.hub.knows(ada));
    door.close_door(false);
    assert_eq!((door.tick(), door.heard()), (0, vec![]));
}

#[test]
fn when_the_world_is_full_newcomers_wait_for_a_place_and_owners_do_not() {
    let mut door = Door::new(8);
    door.limit_players(2);
    for (session, name) in [(1, "ada"), (2, "bob"), (3, "eve"), (4, "gil")] {
        door.come(session, name);
    }
    assert_eq!(
        door.heard(),
        [
            Heard::Welcome(1),
            Heard::Welcome(2),
            Heard::Queued(3, 0),
            Heard::Queued(4, 1)
        ]
    );
    assert_eq!((0..30).map(|_| door.tick()).sum::<usize>(), 2);
    assert_eq!(door.heard(), []);
    // Somebody goes: the first in line comes in, the other one moves up.
    door.end(1);
    assert_eq!((0..30).map(|_| door.tick()).sum::<usize>(), 1);
    assert_eq!(door.heard(), [Heard::Welcome(3), Heard::Queued(4, 0)]);
    // The owner of an avatar that is still there does not wait, even now.
    door.come(5, "ada");
    assert_eq!(door.heard(), [Heard::Welcome(5)]);
}

#[test]
fn an_operator_ends_a_session_and_its_avatar_leaves_with_the_next_tick() {
    let mut door = Door::new(8);
    door.come(1, "ada");
    door.tick();
    door.heard();
    let avatar = EntityId::of_character("ada");
    let expel = |door: &mut Door| {
        let event = SessionEvent::Expel {
            avatar,
            code: CloseCode::Kicked,
            reason: "enough".into(),
        };
        door.hub.handle(door.now_ms, event);
    };
    expel(&mut door);
    assert_eq!(door.heard(), [Heard::Closed(1, CloseCode::Kicked)]);
    door.end(1);
    assert_eq!(door.hub.seal(100, Tick(2)).leaves, [avatar]);
    assert!(!door.hub.knows(avatar));
    assert_eq!(door.hub.stats().expelled, 1);
    // Whoever waits out the grace period goes as well, and whoever is not there is no trouble.
    door.come(2, "ada");
    door.tick();
    door.end(2);
    expel(&mut door);
    assert_eq!(door.hub.seal(200, Tick(4)).leaves, [avatar]);
    expel(&mut door);
    assert_eq!(door.hub.stats().expelled, 2);
}

#[test]
fn who_waits_gives_way_to_a_session_that_need_not() {
    let mut door = Door::new(8);
    door.close_door(true);
    door.come(2, "ada");
    door.tick();
    assert_eq!(door.heard(), [Heard::Queued(2, 0)]);
    // Its avatar comes from another world, and its player says hello once more.
    door.hub.adopt(&[EntityId::of_character("ada")]);
    door.come(3, "ada");
    let closed = Heard::Closed(2, CloseCode::ReplacedByNewSession);
    assert_eq!(door.heard(), [closed, Heard::Welcome(3)]);
    door.close_door(false);
    door.tick();
    assert_eq!(door.heard(), [], "the older session has no turn any more");
}
