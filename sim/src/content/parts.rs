//! Which kind may play which part in a scenario: what can be shot, left, camped or played.

use super::role::{Find, Role};
use super::scenario::Scenario;
use crate::shots::HEADROOM_M;

impl Scenario {
    /// How far above its feet the tallest creature can be met, metres.
    pub(crate) fn tallest_m(&self) -> f64 {
        let creatures = self.kinds.iter().filter(|kind| kind.role == Role::Creature);
        creatures.fold(0.0, |tallest: f64, kind| {
            let height_m = kind.mover.eye_m + HEADROOM_M;
            if height_m > tallest {
                height_m
            } else {
                tallest
            }
        })
    }

    /// A kind that gives a sort of things another number, or a number another name, than an earlier one.
    fn two_names(&self) -> Option<(String, String)> {
        let mut known: Vec<&Find> = Vec::new();
        for (name, kind) in self.kind_names.iter().zip(&self.kinds) {
            let Some(find) = kind.find() else { continue };
            let differs = |other: &&&Find| (other.asset == find.asset) != (other.name == find.name);
            if let Some(other) = known.iter().find(differs) {
                let problem = format!(
                    "things.asset {} is '{}', and elsewhere {} is '{}': one number, one name",
                    find.asset, find.name, other.asset, other.name
                );
                return Some((name.clone(), problem));
            }
            known.push(find);
        }
        None
    }

    /// A kind in a part it cannot play, and why.
    pub(super) fn miscast(&self) -> Option<(String, String)> {
        let named = |name: &str| {
            let number = self.kind_names.iter().position(|known| known == name)?;
            self.kinds.get(number)
        };
        for (name, kind) in self.kind_names.iter().zip(&self.kinds) {
            let too_tall = || kind.too_short_sighted(self.tallest_m(), self.interaction_radius_m);
            if let Some(problem) = kind.mismatch(named).or_else(too_tall) {
                return Some((name.clone(), problem));
            }
        }
        if let Some(problem) = self.two_names() {
            return Some(problem);
        }
        let plays = |name: &str, fits: fn(&Role) -> bool, what: &str| {
            let role = &named(name)?.role;
            let problem = format!(
                "the scenario has it as {what}, but its role is {}",
                role.name()
            );
            (!fits(role)).then(|| (name.to_owned(), problem))
        };
        let avatar = self.kind_names.first()?;
        plays(avatar, |role| matches!(role, Role::Creature), "the avatar").or_else(|| {
            self.camps.iter().find_map(|camp| {
                let fits = |role: &Role| matches!(role, Role::Creature | Role::Item { .. });
                plays(&camp.kind, fits, "a camp")
            })
        })
    }
}
