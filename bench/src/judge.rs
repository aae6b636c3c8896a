//! The thread that compares views with the truth as both come in.
//!
//! Views arrive from the bots, truth from a thread that reads the admin stream; whichever is first
//! waits for the other. Queues are bounded: a view that finds no place is dropped and counted,
//! because bots must not wait; truth waits, and the server cuts off a reader that lags too far.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use anyhow::Context as _;
use bluemarble_shared_protocol::TruthFrame;

use crate::admin::TruthStream;
use crate::fate::Annals;
use crate::verify::{Recent, Rules, Tally, Verdict, Verifier, ViewSample};

/// Views and frames that may wait: one view of each of thousands of bots.
const WAITING_MAX: usize = 16 * 1024;

/// Truth frames kept at most: ten minutes of one each second, a few hundred megabytes with thousands
/// of entities. Captures of what came later stay unverified.
const KEPT_MAX: usize = 600;

/// Whether truth frames are kept beyond their comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepTruth {
    /// For captures that are verified when the run is over.
    All,
    /// Not needed.
    No,
}

enum Input {
    View(Box<ViewSample>),
    Truth(Box<TruthFrame>),
    TruthEnded(String),
    Finish,
}

/// Where bots hand their views in.
#[derive(Clone, Debug)]
pub struct Desk(SyncSender<Input>);

impl Desk {
    /// Hands a view in; `false` if there was no place for it.
    #[must_use]
    pub fn hand_in(&self, sample: ViewSample) -> bool {
        match self.0.try_send(Input::View(Box::new(sample))) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }
}

/// What the judge found.
#[derive(Debug)]
pub struct Findings {
    /// Checks and failures.
    pub tally: Tally,
    /// Truth frames received.
    pub truths: u64,
    /// Views whose truth never came.
    pub unverified: u64,
    /// Why the truth ended, if it did.
    pub truth_ended: Option<String>,
    /// The newest truth frames, if they were to be kept.
    pub kept: Vec<TruthFrame>,
    /// Everybody's wounds.
    pub annals: Annals,
}

/// A running judge.
#[derive(Debug)]
pub struct Judge {
    desk: Desk,
    recent: Recent,
    thread: JoinHandle<Findings>,
}

impl Judge {
    /// Begins reading the truth, and keeps it if that is asked for.
    ///
    /// # Errors
    /// No threads to be had.
    pub fn start(rules: Rules, stream: TruthStream, keep: KeepTruth) -> anyhow::Result<Self> {
        let (queue, inputs) = sync_channel(WAITING_MAX);
        let truth = queue.clone();
        std::thread::Builder::new()
            .name("truth".into())
            .spawn(move || read_truth(stream, &truth))
            .context("cannot start a thread")?;
        let recent = Recent::default();
        let verifier = Verifier::new(rules).telling(recent.clone());
        let thread = std::thread::Builder::new()
            .name("judge".into())
            .spawn(move || judge(verifier, &inputs, keep))
            .context("cannot start a thread")?;
        Ok(Self {
            desk: Desk(queue),
            recent,
            thread,
        })
    }

    /// Where to hand views in.
    #[must_use]
    pub fn desk(&self) -> Desk {
        self.desk.clone()
    }

    /// How good is what bots see just now.
    #[must_use]
    pub fn recent(&self) -> Recent {
        self.recent.clone()
    }

    /// Compares what can be compared, and reports.
    #[must_use]
    pub fn finish(self) -> Findings {
        let _judge_is_gone = self.desk.0.send(Input::Finish);
        self.thread.join().expect("the judge does not panic")
    }
}

fn read_truth(mut stream: TruthStream, queue: &SyncSender<Input>) {
    loop {
        let (input, ended) = match stream.next_frame() {
            Ok(frame) => (Input::Truth(Box::new(frame)), false),
            Err(error) => (Input::TruthEnded(format!("{error:#}")), true),
        };
        if queue.send(input).is_err() || ended {
            return;
        }
    }
}

fn judge(mut verifier: Verifier, inputs: &Receiver<Input>, keep: KeepTruth) -> Findings {
    let (mut kept, mut annals) = (Vec::new(), Annals::default());
    let mut early: VecDeque<Box<ViewSample>> = VecDeque::new();
    let (mut truths, mut unverified, mut truth_ended) = (0, 0, None);
    for input in inputs {
        match input {
            Input::View(sample) => match verifier.check(&sample) {
                Verdict::Compared => {}
                Verdict::Missed => unverified += 1,
                Verdict::Early if early.len() < WAITING_MAX => early.push_back(sample),
                Verdict::Early => unverified += 1,
            },
            Input::Truth(frame) => {
                truths += 1;
                annals.add(&frame);
                if keep == KeepTruth::All && kept.len() < KEPT_MAX {
                    kept.push((*frame).clone());
                }
                verifier.add_truth(*frame);
                early.retain(|sample| match verifier.check(sample) {
                    Verdict::Compared => false,
                    Verdict::Early => true,
                    Verdict::Missed => {
                        unverified += 1;
                        false
                    }
                });
            }
            Input::TruthEnded(reason) => truth_ended = Some(reason),
            Input::Finish => break,
        }
    }
    unverified += early.len() as u64;
    Findings {
        tally: verifier.tally().clone(),
        truths,
        unverified,
        truth_ended,
        kept,
        annals,
    }
}
