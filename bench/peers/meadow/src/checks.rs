//! What clients are shown against the truth: everybody knows where everybody is at any tick.

use std::collections::VecDeque;

use super::{Meadow, Walker};

/// So many ticks back a shown state is looked for.
const BACK_TICKS: usize = 40;

/// The truth of late, and what came out of the looks at it.
#[derive(Debug)]
pub struct Checks {
    meadow: Meadow,
    radius_m: f32,
    past: VecDeque<Vec<Walker>>,
    looks: u64,
    seen: u64,
    missing: u64,
    /// Errors in centimetres, ages in ticks, of every shown state that was looked at.
    errors_cm: Vec<f32>,
    ages: Vec<u16>,
}

impl Checks {
    /// None yet.
    #[must_use]
    pub fn new(meadow: Meadow, radius_m: f32) -> Self {
        Self {
            meadow,
            radius_m,
            past: VecDeque::new(),
            looks: 0,
            seen: 0,
            missing: 0,
            errors_cm: Vec::new(),
            ages: Vec::new(),
        }
    }

    /// The world is at `tick` now.
    pub fn advance(&mut self, tick: u64) {
        while self.meadow.tick() < tick {
            self.meadow.step();
            self.past.push_front(self.meadow.walkers().to_vec());
            self.past.truncate(BACK_TICKS);
        }
    }

    /// What client `me` shows: walker and place. A state's age is that of the tick at which it was nearest to
    /// the truth, its error how far it was off then.
    pub fn look(&mut self, me: usize, shown: impl Iterator<Item = (usize, [f32; 3])>) {
        let Some(now) = self.past.front() else { return };
        self.looks += 1;
        let mut is_shown = vec![false; now.len()];
        for (walker, at) in shown.filter(|(walker, _)| *walker != me) {
            let Some(place) = is_shown.get_mut(walker) else {
                continue;
            };
            *place = true;
            self.seen += 1;
            let off = |then: &Vec<Walker>| {
                let [x, y, _] = then[walker].pos;
                (x - at[0]).hypot(y - at[1])
            };
            let nearest = self.past.iter().map(off).enumerate();
            let nearest = nearest.min_by(|(_, a), (_, b)| a.total_cmp(b));
            if let Some((age, off_m)) = nearest {
                self.errors_cm.push(off_m * 100.0);
                self.ages.push(age as u16);
            }
        }
        // Whoever has been near for a while must be there.
        let near = |then: &Vec<Walker>, other: usize| {
            let (a, b) = (then[me].pos, then[other].pos);
            (a[0] - b[0]).hypot(a[1] - b[1]) < self.radius_m - 1.0
        };
        for (other, is_shown) in is_shown.iter().enumerate() {
            if other != me && !is_shown && self.past.iter().all(|then| near(then, other)) {
                self.missing += 1;
            }
        }
    }

    /// A line of JSON for whoever runs this.
    #[must_use]
    pub fn json(mut self) -> String {
        self.errors_cm.sort_by(f32::total_cmp);
        self.ages.sort_unstable();
        let last = |len: usize| ((len as f64 - 1.0) * 0.99).max(0.0) as usize;
        let error = self.errors_cm.get(last(self.errors_cm.len()));
        let age = self.ages.get(last(self.ages.len()));
        format!(
            "{{\"looks\": {}, \"seen\": {:.2}, \"missing\": {}, \"error_cm_p99\": {:.2}, \"age_ticks_p99\": {}}}",
            self.looks,
            self.seen as f64 / self.looks.max(1) as f64,
            self.missing,
            error.copied().unwrap_or(0.0),
            age.copied().unwrap_or(0),
        )
    }
}
