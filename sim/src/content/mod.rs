//! What designers write: kinds of creatures and scenarios, read from RON files, checked once, and
//! turned into ticks and metres that the rules can use without asking again.

mod kind;
mod recording;
mod scenario;
mod troop;

pub(crate) use kind::KindRules;
pub use kind::{Attack, Kind, KindId};
pub use recording::{Recording, RecordingError};
pub use scenario::{Camp, Scenario, ScenarioError, Spot, Square};
pub use troop::{Script, Stress, Troop};
