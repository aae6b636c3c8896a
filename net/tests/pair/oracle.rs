//! What every client's view must be: compared with the frames of the tick each state claims.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bluemarble_net::client::ClientCore;
use bluemarble_shared_protocol::{EntityId, Tick, WireEntity, WireFrame};
use glam::DVec3;

/// Ticks of truth that are kept.
const KEPT: usize = 260;

/// The world at one tick, by id.
pub struct Truth {
    pub tick: Tick,
    pub entities: BTreeMap<EntityId, (WireEntity, DVec3, u32)>,
}

/// How late a view may be.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Ticks after which who came near must be in view and who went must not.
    pub settle_ticks: u64,
    /// Oldest state that may be shown, ticks.
    pub stale_ticks: u64,
}

/// Truth, and what was found wrong.
pub struct Oracle {
    truth: VecDeque<Truth>,
    pub enter_m: f64,
    pub exit_m: f64,
    pub patience: Patience,
    pub violations: Vec<String>,
    /// States compared.
    pub compared: u64,
    pub stalest: u64,
}

impl Oracle {
    pub fn new(enter_m: f64, exit_m: f64, patience: Patience) -> Self {
        Self {
            truth: VecDeque::new(),
            enter_m,
            exit_m,
            patience,
            violations: Vec::new(),
            compared: 0,
            stalest: 0,
        }
    }

    pub fn learn(&mut self, tick: Tick, frames: &[Arc<WireFrame>]) {
        let mut entities = BTreeMap::new();
        for frame in frames {
            for (row, id) in frame.ids.iter().enumerate() {
                let facts = (frame.states[row], frame.positions[row], frame.audience[row]);
                entities.insert(*id, facts);
            }
        }
        if self.truth.len() == KEPT {
            self.truth.pop_front();
        }
        self.truth.push_back(Truth { tick, entities });
    }

    pub fn forget(&mut self) {
        self.truth.clear();
    }

    fn at(&self, tick: Tick) -> Option<&Truth> {
        let newest = self.truth.back()?.tick;
        let back = newest.since(tick) as usize;
        let truth = self.truth.get(self.truth.len().checked_sub(back + 1)?)?;
        (truth.tick == tick).then_some(truth)
    }

    fn complain(&mut self, what: String) {
        if self.violations.len() < 50 {
            self.violations.push(what);
        }
    }

    /// Every state shown is what the frame of its tick says, and was allowed to be seen.
    pub fn check_states(&mut self, who: usize, client: &ClientCore) {
        let mut wrong = Vec::new();
        for (id, view) in client.view().iter() {
            let Some(truth) = self.at(view.updated) else {
                wrong.push(format!("client {who}: {id} shown as of {}", view.updated));
                continue;
            };
            match truth.entities.get(&id) {
                None => wrong.push(format!("client {who}: {id} never was at {}", view.updated)),
                Some((state, _, audience)) => {
                    if *state != view.state {
                        wrong.push(format!(
                            "client {who}: {id} at {}: {:?} is {state:?}",
                            view.updated, view.state
                        ));
                    }
                    if audience & 1 == 0 {
                        wrong.push(format!("client {who}: {id} is hidden at {}", view.updated));
                    }
                }
            }
            self.compared += 1;
            self.stalest = self.stalest.max(client.tick().since(view.updated));
            if client.tick().since(view.updated) > self.patience.stale_ticks {
                wrong.push(format!(
                    "client {who}: {id} is {} ticks old",
                    client.tick().since(view.updated)
                ));
            }
        }
        wrong.into_iter().for_each(|what| self.complain(what));
    }

    /// Everybody who has been near for long is in view; nobody is who has been far or gone for long.
    pub fn check_presence(&mut self, who: usize, client: &ClientCore) {
        let now = client.tick();
        let settle = self.patience.settle_ticks;
        if now.0 < settle {
            return;
        }
        let ticks: Vec<Tick> = (now.0 - settle..=now.0).map(Tick).collect();
        let window: Option<Vec<&Truth>> = ticks.iter().map(|tick| self.at(*tick)).collect();
        let Some(window) = window else { return };
        let own = |truth: &Truth| truth.entities.get(&client.avatar()).map(|facts| facts.1);
        let Some(path): Option<Vec<DVec3>> = window.iter().map(|truth| own(truth)).collect() else {
            return;
        };
        let mut wrong = Vec::new();
        let newest = window.last().expect("a window has ticks");
        for id in newest.entities.keys() {
            let near = window.iter().zip(&path).all(|(truth, own)| {
                truth.entities.get(id).is_some_and(|(_, pos, audience)| {
                    audience & 1 == 1 && pos.distance(*own) <= self.enter_m
                })
            });
            if near && *id != client.avatar() && client.view().get(*id).is_none() {
                wrong.push(format!(
                    "client {who}: {id} is near at {now} and not in view"
                ));
            }
        }
        for (id, _) in client.view().iter() {
            let away = window.iter().zip(&path).all(|(truth, own)| {
                truth.entities.get(&id).is_none_or(|(_, pos, audience)| {
                    audience & 1 == 0 || pos.distance(*own) > self.exit_m
                })
            });
            if away {
                wrong.push(format!(
                    "client {who}: {id} is in view and far or gone at {now}"
                ));
            }
        }
        wrong.into_iter().for_each(|what| self.complain(what));
    }
}
