//! What designers write: kinds of creatures and scenarios, read from RON files, checked once, and
//! turned into ticks and metres that the rules can use without asking again.

mod kind;
mod kind_rules;
mod parts;
mod recording;
mod role;
mod scenario;
mod troop;

pub use kind::{Attack, Kind, KindId};
pub(crate) use kind_rules::{BurstRules, KindRules, ProjectileRules, ShotRules};
pub use recording::{Recording, RecordingError};
pub use role::{Burst, Find, Role, Shot};
pub use scenario::{Camp, Scenario, ScenarioError, Spot, Square};
pub use troop::{Script, Stress, Troop};
