//! Every bound of the protocol, with its reason. A peer that exceeds one is closed with a code.

/// Longest character name, bytes of UTF-8: fits a card and a name plate.
pub const NAME_BYTES_MAX: usize = 32;
/// Largest datagram either side sends, bytes: below the smallest path MTU QUIC starts with (1,200)
/// minus its header and tag, so that a datagram never waits for path discovery.
pub const DATAGRAM_BYTES_MAX: usize = 1_100;
/// Largest stream message, bytes.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Most intents in one datagram: the newest and the few before it, for redundancy.
pub const INTENTS_PER_DATAGRAM_MAX: usize = 8;
/// Longest session ticket, bytes: a JWT with our claims takes about 300.
pub const TICKET_BYTES_MAX: usize = 1_024;
/// Longest self-description of a client program, bytes.
pub const CLIENT_BYTES_MAX: usize = 64;
/// Longest reason in a close frame, bytes: fits one packet beside everything else in it.
pub const CLOSE_REASON_BYTES_MAX: usize = 256;
/// Most cards asked for, or answered, in one message: everyone a crowded square shows at once.
pub const CARDS_PER_MESSAGE_MAX: usize = 256;
/// Most states in one report of a divergence: what a full datagram of a busy square holds.
pub const REPORTED_STATES_MAX: usize = 256;
/// Most attackers of one target that a tick's wounds name: more than find room around anybody. What
/// others took is added up without a name.
pub const WOUNDS_NAMED_MAX: usize = 32;
/// Most events of a player in one message: what a line that was dead for a while owes.
pub const EVENTS_PER_MESSAGE_MAX: usize = 64;
/// Most wounds of others in one message, which is one tick's: more than anybody can follow.
pub const WOUNDS_PER_MESSAGE_MAX: usize = 32;
/// Most ids in one report of who is in view: what fits a message.
pub const HELD_IDS_MAX: usize = 2_000;
/// Most ids that a client is told to forget in one message: ghosts are few.
pub const FORGOTTEN_IDS_MAX: usize = 256;
/// Numbers of gifts whose outcome an avatar remembers, and gifts that a client may have asked for without
/// an answer: more than anybody hands out in a second. One more is a client that does not keep count, and
/// is closed with `Flooding`.
pub const GIFTS_REMEMBERED: usize = 16;
/// Gifts of one player that are carried out in one tick; the others wait for the next. With the limit above
/// nobody waits longer than four ticks.
pub const GIFTS_PER_TICK_MAX: usize = 4;
/// Most kinds a world announces.
pub const KINDS_MAX: usize = 128;
/// Longest name of a kind or planet, bytes.
pub const KIND_BYTES_MAX: usize = 64;
/// Most field versions that a hello or a welcome lists: a few schemas of some ten fields.
pub const FIELDS_MAX: usize = 64;
/// Longest name of a field, bytes.
pub const FIELD_NAME_BYTES_MAX: usize = 16;
/// Largest truth frame a verifier accepts from its own server, bytes: 500,000 entities.
pub const TRUTH_BYTES_MAX: usize = 64 * 1024 * 1024;

const _: () = {
    let card = 8 + 4 + 2 + 1 + 8 + NAME_BYTES_MAX;
    assert!(CARDS_PER_MESSAGE_MAX * card + 64 <= MESSAGE_BYTES_MAX);
    let body = 1 + 1 + 3 * 2;
    let state = 8 + 8 + 3 * 4 + 3 * 2 + 1 + body + 1 + 4 + 1 + 2 + 2;
    assert!(REPORTED_STATES_MAX * state + 64 <= MESSAGE_BYTES_MAX);
    let event = 8 + 4 + 9 + 2 + 1;
    assert!(EVENTS_PER_MESSAGE_MAX * event + 64 <= MESSAGE_BYTES_MAX);
    let wound = 8 + 9 + 2 + 1;
    assert!(WOUNDS_PER_MESSAGE_MAX * wound + 64 <= MESSAGE_BYTES_MAX);
    assert!(HELD_IDS_MAX * 8 + 64 <= MESSAGE_BYTES_MAX);
    let fields = FIELDS_MAX * (8 + FIELD_NAME_BYTES_MAX + 3);
    assert!(TICKET_BYTES_MAX + CLIENT_BYTES_MAX + fields + 64 <= MESSAGE_BYTES_MAX);
    assert!(KINDS_MAX * (8 + KIND_BYTES_MAX) + fields + 256 <= MESSAGE_BYTES_MAX);
};
