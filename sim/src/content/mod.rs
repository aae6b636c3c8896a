//! What designers write: kinds of creatures and scenarios, read from RON files, checked once, and
//! turned into ticks and metres that the rules can use without asking again.

mod kind;
mod scenario;

pub(crate) use kind::KindRules;
pub use kind::{Attack, Kind, KindId};
pub use scenario::{Camp, Scenario, ScenarioError, Spot, Square};
