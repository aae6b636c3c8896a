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
