//! The server's storage under trial: a small world is run, its disk and its database fail, it is killed
//! at any operation, and what the next start brings back is compared with what was told before.
//!
//! Everything between the tick and the disk is the real thing: the log, the checkpoints, the books,
//! the recovery, on a SQLite database and a journal on a disk in memory
//! ([`Machine`](bluemarble_persistence::faults::Machine)). Only the threads and tasks are missing: what
//! they do is done one piece at a time, in an order that is drawn. So a run is repeated by its seed.
//!
//! - `dice` draws, `gifts` is what players give each other and are told of it, `shop` what a shop deals in, `life` starts a world and does one thing at a time to it, `oracle` is what an outside
//!   observer knows and expects, `run` is lives after lives and their totals
//! - [`Bug`]s show that the oracle finds what it is there to find

mod dice;
mod gifts;
mod life;
mod oracle;
mod run;
mod shop;

use run::{Bug, Run};

/// What CI does in the ordinary tests.
#[test]
fn whatever_fails_and_whenever_it_is_killed_nothing_told_is_lost() {
    let run = Run::of(1, 60, None);
    println!("{run}");
    assert_eq!(run.problem, None);
    assert_eq!(run.doubts(), Vec::<String>::new());
}

/// `cargo xtask crash --in-process N --seed S`.
#[test]
#[ignore = "as long as one likes: cargo xtask crash --in-process N"]
fn as_many_kills_as_wished() {
    let wish = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
    };
    let run = Run::of(
        wish("BLUEMARBLE_TRIAL_SEED", 1),
        wish("BLUEMARBLE_TRIAL_KILLS", 450),
        None,
    );
    println!("{run}");
    assert_eq!(run.problem, None);
    assert_eq!(run.doubts(), Vec::<String>::new());
}

/// The same seed, the same run: a failure can be looked at again.
#[test]
fn a_seed_gives_the_same_run_again() {
    let told = || Run::of(5, 12, None).to_string();
    assert_eq!(told(), told());
}

/// A bug is found within so many kills, by what it does and not by how it is done.
fn found(bug: Bug, by: &[&str]) {
    let run = Run::of(1, 150, Some(bug));
    let problem = run
        .problem
        .unwrap_or_else(|| panic!("{bug:?} was not found"));
    println!("{bug:?} after {} kills: {problem}", run.kills);
    assert!(by.iter().any(|words| problem.contains(words)), "{problem}");
}

#[test]
fn ticks_told_durable_before_the_disk_has_them_are_found_out() {
    found(Bug::TellsWhatIsOnlyWritten, &["told that tick"]);
}

#[test]
fn a_disk_that_lies_about_a_sync_is_found_out() {
    found(Bug::SyncsLie, &["told that tick", "refused"]);
}

#[test]
fn a_directory_that_is_not_synced_is_found_out() {
    found(Bug::NamesAreNotSynced, &["told that tick", "refused"]);
}

#[test]
fn a_journal_pruned_before_its_checkpoint_is_stored_is_found_out() {
    found(Bug::PrunesEarly, &["refused", "told that tick"]);
}

#[test]
fn a_ledger_that_runs_ahead_of_the_disk_is_found_out() {
    found(Bug::EntersWhatIsOnlyWritten, &["taken back"]);
}

#[test]
fn a_batch_entered_twice_is_found_out() {
    found(Bug::EntersTwice, &["the ledger", "corrected"]);
}

#[test]
fn a_checkpoint_that_overtakes_the_ledger_is_found_out() {
    found(
        Bug::CheckpointsOvertakeTheLedger,
        &["corrected", "the ledger"],
    );
}

#[test]
fn ticks_told_durable_before_the_database_has_them_are_found_out() {
    found(Bug::TellsWhatIsNotShipped, &["told that tick"]);
}

#[test]
fn a_copy_pruned_before_its_checkpoint_is_stored_is_found_out() {
    found(Bug::PrunesTheCopyEarly, &["refused", "told that tick"]);
}

#[test]
fn a_deal_told_before_it_is_durable_is_found_out() {
    found(Bug::AcknowledgesDealsEarly, &["the shop was told"]);
}

#[test]
fn a_deal_whose_key_is_not_looked_for_in_the_ledger_is_found_out() {
    found(
        Bug::DealsWithoutALook,
        &["the shop was told", "the ledger", "refused"],
    );
}
