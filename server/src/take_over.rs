//! Taking a world over: the claim that fences whoever wrote it before, then its first checkpoint and
//! the first segment of its journal.
//!
//! ```text
//! read, replay ──► claim ──► checkpoint stored since the read? ──► checkpoint ──► first segment
//!      ▲                           │ yes: the other server went on meanwhile
//!      └───── once more ───────────┘
//! ```
//!
//! Every epoch begins with a checkpoint of its own. A crash between any two of these steps leaves a
//! world that the next start brings back: from the old checkpoint and journal, or from the new one.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bluemarble_persistence::{
    CheckpointWorker, Claim, ContentStamp, JournalError, JournalOptions, JournalWriter, Ledger,
    SegmentHeader, ShipError, Shipment, Store, StoreError, WorkerOptions, settle_journal,
    ship_what_was_left,
};
use bluemarble_shared_protocol::{Epoch, Tick};
use bluemarble_sim::{Provenance, World};
use tokio::runtime::Runtime;

use crate::books::Books;
use crate::books::begin::{Begun, begin};
use crate::checkpointer::{Checkpointer, Label};
use crate::cli::ServeArgs;
use crate::clock::unix_ms;
use crate::config::Durability;
use crate::deals::{Counter, DealDesk};
use crate::exit::{Failure, chain};
use crate::recovery;
use crate::recovery::Movements;
use crate::replica::Replica;
use crate::start::{Ground, ledger_failure, store_failure};
use crate::world_log::WorldLog;

/// Becomes the world's only writer.
///
/// # Errors
/// The store does not answer, or refuses.
pub fn claim(
    ground: &Ground<'_>,
    store: &Store,
    databases: &Runtime,
    content_hash: u64,
    args: &ServeArgs,
) -> Result<Claim, Failure> {
    wait_as_told(args);
    let stamp = ContentStamp {
        content_hash,
        build: ground.build.to_owned(),
    };
    let claim = ground.steps.step("claiming the world", || {
        let claim = databases
            .block_on(store.claim(&ground.config.world.name, &stamp))
            .map_err(store_failure)?;
        let found = format!("epoch {}", claim.epoch.0);
        Ok::<_, Failure>((claim, found))
    })?;
    crash_as_told(args, "claim");
    Ok(claim)
}

/// The newest checkpoint, and epoch, first tick and length of the newest segment of the journal.
pub type Newest = (Option<(Epoch, Tick)>, Option<(Epoch, Tick, u64)>);

/// What is in the store and was not when it was `seen`, for people: a checkpoint, or more of the journal
/// if that counts. Once the world is claimed nobody else can store anything: asked then, the answer
/// stays.
///
/// # Errors
/// The store does not answer, or refuses.
pub fn newer(
    store: &Store,
    databases: &Runtime,
    world: &str,
    (checkpoint, segment): Newest,
    journal: bool,
) -> Result<Option<String>, Failure> {
    let (entries, shipped) = databases
        .block_on(async {
            let entries = store.checkpoints(world).await?;
            Ok::<_, StoreError>((entries, store.shipped(world).await?))
        })
        .map_err(store_failure)?;
    let newest = entries.first().map(|entry| (entry.epoch, entry.tick));
    if let Some((_, tick)) = newest.filter(|_| newest != checkpoint) {
        return Ok(Some(format!("the checkpoint of tick {tick}")));
    }
    let newest = shipped
        .last()
        .map(|&(epoch, first, ends, _)| (epoch, first, ends));
    let more = journal && newest.is_some() && newest != segment;
    Ok(more.then(|| "more of its journal".to_owned()))
}

/// Brings the ledger to where the world is; `movements` are those of the replayed ticks. Before the
/// epoch's first checkpoint, behind which they could not be computed again; and behind a sync of the
/// journal they were replayed from, which the process before may have left in the page cache only: the
/// ledger holds nothing that a power cut can take from the journal; nor, with `replicated`, anything that the
/// loss of the disk can take, so what was not shipped of it is shipped first.
///
/// # Errors
/// The journal cannot be synced or shipped; the store does not answer, or refuses.
pub fn bring_books_up_to_date(
    ground: &Ground<'_>,
    store: &Store,
    databases: &Runtime,
    claim: &Claim,
    world: &World,
    movements: &Movements,
    args: &ServeArgs,
) -> Result<(Ledger, Begun), Failure> {
    // What is given up may be unreadable, and nothing came from it.
    if !args.discard_journal_tail {
        settle_journal(&ground.data.journal()).map_err(|error| no_journal(&error))?;
        if ground.config.journal.durability == Durability::Replicated {
            ship_the_rest(ground, store, databases, claim, world.tick())?;
        }
    }
    let ledger = Ledger::new(store.clone(), &claim.world);
    let begun = ground.steps.step("bringing the ledger up to date", || {
        let begun = databases
            .block_on(begin(&ledger, claim, world, movements))
            .map_err(ledger_failure)?;
        let told = begun.told();
        Ok::<_, Failure>((begun, told))
    })?;
    Ok((ledger, begun))
}

/// Ships what the process before had not.
fn ship_the_rest(
    ground: &Ground<'_>,
    store: &Store,
    databases: &Runtime,
    claim: &Claim,
    through: Tick,
) -> Result<(), Failure> {
    let journal = ground.data.journal();
    if !holds_anything(&journal) {
        return Ok(());
    }
    ground.steps.step("shipping the rest of the journal", || {
        let shipped = databases.block_on(async {
            let stored = store.checkpoints(&claim.world).await?;
            let covered = stored.first().map(|newest| newest.tick);
            ship_what_was_left(store, claim, &journal, through, covered).await
        });
        match shipped {
            // These files have just been read: damage that counts would have been refused, or given up as
            // told. So the world is in front of it (the log had broken there), and all of that is shipped.
            Err(ShipError::Journal(error @ JournalError::Corrupt { .. })) => {
                tracing::warn!("not all of the journal is shipped: {}", chain(&error));
            }
            Err(ShipError::Journal(error)) => return Err(no_journal(&error)),
            Err(ShipError::Store(error)) => return Err(store_failure(error)),
            Ok(()) => {}
        }
        Ok(((), format!("through tick {through}")))
    })
}

/// The same, and the books that go on from there.
///
/// # Errors
/// As [`bring_books_up_to_date`].
pub fn begin_books(
    ground: &Ground<'_>,
    store: &Store,
    databases: &Runtime,
    claim: &Claim,
    world: &World,
    movements: &Movements,
    args: &ServeArgs,
) -> Result<(Books, Begun), Failure> {
    let (ledger, begun) =
        bring_books_up_to_date(ground, store, databases, claim, world, movements, args)?;
    let books = Books::go_on(databases.handle(), ledger, claim.clone(), world.tick());
    Ok((books, begun))
}

/// Opens the desk for deals with the outside: which of the till's keys the ledger has is known before the
/// first tick.
///
/// # Errors
/// The store does not answer, or refuses.
pub fn open_counter(
    ground: &Ground<'_>,
    store: &Store,
    databases: &Runtime,
    world: &World,
    desk: &Arc<DealDesk>,
) -> Result<Counter, Failure> {
    let ledger = Ledger::new(store.clone(), &ground.config.world.name);
    let mut in_ledger = BTreeSet::new();
    for (key, ..) in world.till().deals() {
        let found = databases.block_on(ledger.of_key(&key.to_string()));
        if found.map_err(ledger_failure)?.is_some() {
            in_ledger.insert(key);
        }
    }
    desk.open(databases.handle(), ledger);
    Ok(Counter::new(Arc::clone(desk), world.tick(), in_ledger))
}

/// What an epoch's journal and checkpoints are written under.
pub struct Founded {
    /// The checkpoints'.
    pub label: Label,
    /// The first segment's.
    pub header: SegmentHeader,
    /// How it is written.
    pub options: JournalOptions,
}

/// Makes what was brought back durable under the new epoch. If it is to be put `aside`, what the
/// journal holds is given up. Nothing is in the way of the epoch's journal then.
///
/// # Errors
/// The store or the data directory cannot be written.
pub fn found_epoch(
    ground: &Ground<'_>,
    store: &Store,
    databases: &Runtime,
    claim: &Claim,
    world: &World,
    aside: bool,
    args: &ServeArgs,
) -> Result<Founded, Failure> {
    let name = &ground.config.world.name;
    let content_hash = world.spec().content_hash();
    let provenance = Provenance::of(world.spec()).to_string();
    let label = Label {
        world: name.clone(),
        epoch: claim.epoch,
        content_hash,
        provenance: provenance.clone(),
        journal: ground.data.journal(),
    };
    ground.steps.step("storing the epoch's checkpoint", || {
        let image = recovery::image(world.checkpoint(), &label, unix_ms());
        databases
            .block_on(store.save_checkpoint(claim, &image))
            .map_err(store_failure)?;
        Ok::<_, Failure>(((), format!("tick {}", image.tick)))
    })?;
    crash_as_told(args, "checkpoint");
    if aside && holds_anything(&label.journal) {
        let aside = ground.data.set_journal_aside(claim.epoch.0)?;
        tracing::warn!(
            "going back to tick {} as asked; the journal's segments are kept in {}",
            world.tick(),
            aside.display()
        );
    }
    let header = SegmentHeader {
        world: name.clone(),
        epoch: claim.epoch,
        first_tick: world.tick().next(),
        content_hash,
        provenance,
        build: ground.build.to_owned(),
    };
    let options = JournalOptions {
        group_commit: ground.config.journal.group_commit,
        queue_records: ground.config.journal.queue_records,
    };
    Ok(Founded {
        label,
        header,
        options,
    })
}

/// Founds the epoch and begins its journal behind it.
///
/// # Errors
/// The store or the data directory cannot be written.
pub fn begin_log(
    ground: &Ground<'_>,
    store: Store,
    databases: Runtime,
    (claim, books): (&Claim, Books),
    world: &World,
    aside: bool,
    args: &ServeArgs,
) -> Result<WorldLog, Failure> {
    let Founded {
        label,
        header,
        options,
    } = found_epoch(ground, &store, &databases, claim, world, aside, args)?;
    let writer = JournalWriter::create(&label.journal, header, options)
        .map_err(|error| no_journal(&error))?;
    let handle = databases.handle().clone();
    let shipped_to = store.clone();
    let worker = CheckpointWorker::start(&handle, store, claim.clone(), WorkerOptions::default());
    let replica = ground.config.ships().then(|| {
        let shipment = Shipment {
            store: shipped_to,
            claim: claim.clone(),
            dir: label.journal.clone(),
            journal: writer.monitor(),
            checkpoints: worker.monitor(),
            from: world.tick(),
        };
        Replica::begin(&handle, shipment, &ground.config.journal)
    });
    let checkpoints = Checkpointer::start(worker, databases, label, books.monitor())?;
    let interval = ground.config.store.checkpoint_interval;
    let now = ground.clock.elapsed();
    Ok(WorldLog::new(
        (writer, replica),
        checkpoints,
        books,
        interval,
        now,
    ))
}

/// The epoch's first segment cannot be made.
pub fn no_journal(error: &JournalError) -> Failure {
    Failure::environment(chain(error)).advise("check the data directory's disk and rights")
}

fn holds_anything(journal: &Path) -> bool {
    std::fs::read_dir(journal).is_ok_and(|mut entries| entries.next().is_some())
}

/// Gives a test the time to let another server write.
#[cfg(feature = "sabotage")]
fn wait_as_told(args: &ServeArgs) {
    const POLL: std::time::Duration = std::time::Duration::from_millis(10);
    while args.claim_after.as_ref().is_some_and(|file| !file.exists()) {
        std::thread::sleep(POLL);
    }
}

#[cfg(not(feature = "sabotage"))]
fn wait_as_told(_args: &ServeArgs) {}

/// Ends the process as `kill -9` would, where a test wants it.
#[cfg(feature = "sabotage")]
fn crash_as_told(args: &ServeArgs, here: &str) {
    if args.crash_after.as_deref() == Some(here) {
        std::process::abort();
    }
}

#[cfg(not(feature = "sabotage"))]
fn crash_as_told(_args: &ServeArgs, _here: &str) {}
