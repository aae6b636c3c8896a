//! Everything one bot received, decoded when the run is over, and compared with the truth of the time:
//! whoever did not look while it ran is checked all the same.

use bluemarble_net::client::{ClientConfig, ClientCore, Taken};
use bluemarble_shared_protocol::codec::Schema;
use bluemarble_shared_protocol::{SessionId, Tick, TruthFrame, Welcome};
use bytes::Bytes;

use crate::verify::{Received, Rules, Strains, Tally, Verifier, ViewSample};

/// Bytes one bot keeps: a minute of the largest budget. What comes after is not kept.
const BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// Such a recording.
#[derive(Debug)]
pub struct Capture {
    bot: u32,
    config: ClientConfig,
    rules: Rules,
    datagrams: Vec<Bytes>,
    bytes: usize,
}

impl Capture {
    /// Empty, of bot `number`.
    #[must_use]
    pub fn new(number: u32, welcome: &Welcome, schema: Schema) -> Self {
        Self {
            bot: number,
            config: ClientConfig::of_welcome(welcome, schema, None),
            rules: Rules::announced(welcome),
            datagrams: Vec::new(),
            bytes: 0,
        }
    }

    /// Keeps one more, if there is room.
    pub fn keep(&mut self, datagram: Bytes) {
        if self.bytes + datagram.len() <= BYTES_MAX {
            self.bytes += datagram.len();
            // A copy: what arrived may be a part of something larger.
            self.datagrams.push(Bytes::copy_from_slice(&datagram));
        }
    }

    /// What the bot would have seen at each of these ticks, and how many datagrams did not decode.
    fn views(&self, truths: &[TruthFrame]) -> (Vec<ViewSample>, u64) {
        let mut core = ClientCore::new(self.config.clone());
        let (mut received, mut strains) = (Received::default(), Strains::default());
        let (mut since, mut views, mut undecodable) = (None, Vec::new(), 0);
        let mut last = Tick(0);
        for datagram in &self.datagrams {
            let taken = core.handle_datagram(0, datagram);
            undecodable += u64::from(taken.is_err());
            let Ok(Taken::Snapshot { tick, newest: true }) = taken else {
                continue;
            };
            if tick == last {
                views.pop_if(|view: &mut ViewSample| view.tick == tick);
            } else {
                received.note(tick, 1);
            }
            last = tick;
            strains.note(tick, core.strain());
            let since = *since.get_or_insert(tick);
            if truths
                .binary_search_by_key(&tick, |truth| truth.tick)
                .is_ok()
            {
                let settled = Tick(tick.0.saturating_sub(self.rules.settle_ticks));
                let strained = strains.since(settled);
                let view = ViewSample::of(
                    &core,
                    self.bot,
                    since,
                    (SessionId(0), false),
                    received,
                    strained,
                );
                // What it knows of itself depends on what it sent, which was not kept.
                views.push(ViewSample { own: None, ..view });
            }
        }
        (views, undecodable)
    }
}

/// What the captures show, against the truth of the time; and how many datagrams did not decode.
#[must_use]
pub fn verify(captures: &[Capture], truths: Vec<TruthFrame>, rules: Rules) -> (Tally, u64) {
    let (mut all, mut undecodable) = (Vec::new(), 0);
    for capture in captures {
        let (views, bad) = capture.views(&truths);
        all.extend(views);
        undecodable += bad;
    }
    all.sort_by_key(|view| view.tick);
    let mut verifier = Verifier::new(rules);
    let mut views = all.into_iter().peekable();
    for truth in truths {
        let tick = truth.tick;
        verifier.add_truth(truth);
        while let Some(view) = views.next_if(|view| view.tick <= tick) {
            let _counted = verifier.check(&view);
        }
    }
    (verifier.tally().clone(), undecodable)
}
