//! `bluemarble-server recover`: what a start would do, and a branch of the world as it was.

use bluemarble_persistence::Store;

use super::inspection::Desk;
use super::{found, image_of};
use crate::cli::RecoverArgs;
use crate::data_dir::DataDir;
use crate::exit::Failure;
use crate::journal_copy;
use crate::live::digest_hex;
use crate::recovery::{Quarantine, Recovered};
use crate::remains::{Remains, Until};
use crate::start::store_failure;
use crate::when::{parse_rfc3339, rfc3339};

/// Runs the command.
///
/// # Errors
/// What is asked for makes no sense, or a start would be refused.
pub fn recover(args: &RecoverArgs) -> Result<(), Failure> {
    let until = until(args)?;
    let desk = Desk::set(&args.config)?;
    let _lock = desk.keep_servers_away()?;
    match &args.branch {
        Some(branch) => make_branch(&desk, until, &DataDir::at(branch)),
        None => say_what_a_start_does(&desk, until),
    }
}

fn until(args: &RecoverArgs) -> Result<Until, Failure> {
    if let Some(tick) = args.to_tick {
        return Ok(Until::Tick(bluemarble_shared_protocol::Tick(tick)));
    }
    let Some(text) = &args.to_time else {
        return Ok(Until::Newest);
    };
    parse_rfc3339(text).map(Until::Time).ok_or_else(|| {
        Failure::request(format!("--to-time {text:?} is no time"))
            .advise("write it like 2026-11-22T21:10:00Z or 2026-11-22T22:10:00+01:00")
    })
}

fn say_what_a_start_does(desk: &Desk, until: Until) -> Result<(), Failure> {
    let spec = desk.spec()?;
    let Some(store) = desk.look_at_store()? else {
        desk.steps.say(format_args!(
            "\nThere is no database in {}: a start would make one and begin a new world. A journal \
             that is there already would be refused.",
            desk.data.root().display()
        ));
        return Ok(());
    };
    let began = desk.clock.elapsed();
    let looked = desk
        .remains(&store, until)
        .and_then(|remains| Ok((desk.bring_back(&spec, &remains, false)?, remains)));
    let (recovered, remains) = match looked {
        Ok(found) => found,
        Err(refusal) => {
            if until == Until::Newest {
                desk.steps
                    .say("\nA start now would be REFUSED, and nothing be changed:");
            }
            return Err(refusal);
        }
    };
    let took_s = (desk.clock.elapsed() - began).as_secs_f64();
    let title = match until {
        Until::Newest => "A start now would:",
        Until::Tick(_) | Until::Time(_) => "That moment can be had, with --branch:",
    };
    desk.steps.say(format_args!("\n{title}"));
    for (what, told) in report(desk, &store, &remains, &recovered, until)? {
        desk.steps.say(format_args!("  {what:<12} {told}"));
    }
    desk.steps.say(format_args!(
        "  {:<12} about {took_s:.1} s on this machine as busy as it is\nNothing was written.",
        "take"
    ));
    Ok(())
}

/// Line by line, what and how.
fn report(
    desk: &Desk,
    store: &Store,
    remains: &Remains,
    recovered: &Recovered,
    until: Until,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let mut lines = Vec::new();
    let (version, lacking) = store.schema();
    for (number, purpose) in lacking {
        lines.push((
            "migrate",
            format!("the schema from version {version} on to {number}: {purpose}"),
        ));
    }
    lines.push((
        "begin from",
        match &remains.image {
            None => "the start state, tick 0".to_owned(),
            Some(image) => format!(
                "the checkpoint of tick {} (epoch {}, taken {}), digest {}",
                image.tick,
                image.epoch.0,
                told_time(image.taken_ms),
                digest_hex(image.digest)
            ),
        },
    ));
    for one in &remains.passed_over {
        lines.push((
            "pass over",
            format!(
                "the checkpoint of tick {} (epoch {}), which is DAMAGED: {}",
                one.tick, one.epoch.0, one.what
            ),
        ));
    }
    if let Some(told) = journal_copy::told(&remains.shipped) {
        lines.push((
            "restore",
            format!("of the journal, from the database: {told}"),
        ));
    }
    if let Some(trouble) = journal_copy::trouble(&remains.shipped) {
        lines.push(("DAMAGE", trouble));
    }
    let tail = &remains.tail;
    if let Some(last) = tail.last {
        let (from, to) = tail.sealed_ms.unwrap_or_default();
        lines.push((
            "replay",
            format!(
                "ticks {} to {last} of the journal, sealed {} to {}, from {} segments; every digest \
                 was compared",
                remains.begins().next(),
                told_time(from),
                told_time(to),
                tail.segments.len()
            ),
        ));
    }
    if let Some(torn) = &tail.torn {
        lines.push((
            "cut off",
            format!(
                "a torn tail: {} bytes of {} from byte {} on, which nobody was promised",
                torn.bytes,
                torn.file.display(),
                torn.offset
            ),
        ));
    }
    if let Some(hole) = tail.broken {
        lines.push((
            "LOSE",
            format!(
                "ticks from {} on: the log had broken there, and no checkpoint closed the hole",
                hole.first_lost
            ),
        ));
    }
    if let Some(told) = recovered.quarantined.as_ref().map(Quarantine::told) {
        lines.push(("quarantine", told));
    }
    let world = &recovered.world;
    lines.push((
        "come to",
        format!(
            "tick {}, digest {}, {} entities",
            world.tick(),
            digest_hex(world.digest()),
            world.entities()
        ),
    ));
    if matches!(until, Until::Newest) {
        let row = desk
            .databases
            .block_on(store.world(&desk.config.world.name))
            .map_err(store_failure)?;
        lines.push((
            "claim",
            match row {
                Some(row) => format!(
                    "epoch {}: whoever still has epoch {} is fenced",
                    row.epoch.0 + 1,
                    row.epoch.0
                ),
                None => "epoch 1, the world's first".to_owned(),
            },
        ));
    }
    Ok(lines)
}

fn told_time(unix_ms: u64) -> String {
    match unix_ms {
        0 => "at an unknown time".to_owned(),
        known => rfc3339(known),
    }
}

fn make_branch(desk: &Desk, until: Until, branch: &DataDir) -> Result<(), Failure> {
    refuse_to_overwrite(branch)?;
    let spec = desk.spec()?;
    let store = desk.store_there()?;
    let remains = desk.remains(&store, until)?;
    let recovered = desk.bring_back(&spec, &remains, true)?;
    let (world, name) = (&recovered.world, &desk.config.world.name);
    desk.steps.step("writing the branch", || {
        let _lock = branch.take()?;
        refuse_to_overwrite(branch)?;
        if branch.not_whole_yet()? {
            // All that is there was made by the attempt that was cut off.
            branch.remove_database()?;
        }
        let store = desk
            .databases
            .block_on(Store::open(&branch.sqlite_url()))
            .map_err(store_failure)?;
        let mut image = image_of(world, name, recovered.epoch);
        let claim = found(&store, &desk.databases, &mut image, &desk.build)?;
        desk.databases.block_on(store.close());
        branch.whole()?;
        let told = format!("{}, epoch {}", branch.root().display(), claim.epoch.0);
        Ok::<_, Failure>(((), told))
    })?;
    let config = &desk.config.world;
    desk.steps.say(format_args!(
        "\nA branch of the world '{name}' at tick {}, digest {}; the original is as it was.\n\
         To see it:\n  bluemarble-server serve --data-dir {} --world {name} --scenario {} --seed {} \
         --tick-hz {} --listen 127.0.0.1:0 --admin 127.0.0.1:0",
        world.tick(),
        digest_hex(world.digest()),
        branch.root().display(),
        config.scenario,
        config.seed,
        config.tick_hz,
    ));
    Ok(())
}

/// What a branch that was cut off has left may be begun again; anything else stays.
fn refuse_to_overwrite(branch: &DataDir) -> Result<(), Failure> {
    if branch.is_empty() || branch.is_unfinished() {
        return Ok(());
    }
    Err(Failure::request(format!(
        "{} is not empty, and is not overwritten",
        branch.root().display()
    ))
    .advise("name a directory with --branch that does not exist yet"))
}
