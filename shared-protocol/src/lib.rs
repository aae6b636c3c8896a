//! What crosses the wire, and nothing else: identities, intents, the quantised
//! [`WireFrame`], the datagram codec, stream messages, close codes and limits.
//!
//! A leaf crate: it knows no clock, no socket, no bevy. Server, clients and tools all link it,
//! so two of them can only disagree by version.

#![warn(clippy::iter_over_hash_type)]

pub mod binary;
pub mod bits;
mod close;
pub mod codec;
mod gift;
mod hash;
mod ids;
mod intent;
pub mod limits;
mod message;
mod name_tag;
mod player_inputs;
mod strain;
mod truth;
mod wire_frame;

pub use close::{CloseCode, UnknownCloseCode, clip_reason};
pub use gift::{
    AnsweredGift, AssetId, Gift, GiftAnswer, GiftInput, GiftOutcome, LifeId, OwnPurse, Stack,
};
pub use hash::{hash_words, mix64};
pub use ids::{EntityId, Epoch, InputSeq, SessionId, Tick};
pub use intent::{Buttons, Intent, WishDir};
pub use message::{
    ALPN, ALPN_PROBE, Card, ClientMessage, GameEvent, LENGTH_PREFIX_BYTES, MessageError,
    PROTOCOL_VERSION, SeenState, ServerMessage, TimedEvent, Welcome, announced_length,
    presence_share,
};
pub use name_tag::{NAMELESS, NameTag, SEALED_NAME_BYTES, SEALED_NAME_MARK};
pub use player_inputs::{Admission, PlayerInputs};
pub use strain::Strain;
pub use truth::{TruthFrame, TruthOwned, WOUND_TICKS};
pub use wire_frame::{
    Action, BodyBits, OwnState, OwnVitals, WireEntity, WireFlags, WireFrame, Wound,
};
