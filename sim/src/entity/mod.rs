//! An entity: its components, and the one plain struct that holds all of them.
//!
//! Whatever leaves a zone's ECS (a departure, a checkpoint, an amnesia test) leaves as an
//! [`EntityState`], and whatever enters was one. Hence a zone has no state outside its entities: if
//! something is not in `EntityState`, it does not survive a tick.

mod bodies;
mod components;
pub(crate) mod digest;
pub(crate) mod state;
mod words;

pub(crate) use bodies::Bodies;
pub use components::{Arms, Body, Flight, Hazard, Home, Identity, Life, Mail, Mind, Player, Purse};
pub(crate) use components::{Heard, Inert, News, Order, Place, Touched, Within};
pub(crate) use digest::Unchanging;
pub use digest::{DigestPart, DigestParts};
pub use state::EntityState;
