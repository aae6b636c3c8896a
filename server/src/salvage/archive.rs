//! `bluemarble-server backup` and `restore`: a world in a file, whichever database it lives in.

use bluemarble_persistence::{ArchiveError, CheckpointImage, Store, read_archive, write_archive};
use bluemarble_shared_protocol::Epoch;
use bluemarble_sim::{Provenance, World};

use super::inspection::Desk;
use super::{found, image_of, newest};
use crate::cli::{BackupArgs, RestoreArgs};
use crate::exit::{Failure, chain};
use crate::live::digest_hex;
use crate::recovery::checkpoint;
use crate::remains::Until;
use crate::start::store_failure;

/// Writes the world's newest state into a file.
///
/// # Errors
/// There is none, it cannot be brought back, or the file is there already.
pub fn backup(args: &BackupArgs) -> Result<(), Failure> {
    if args.file.exists() {
        return Err(archive_failure(&ArchiveError::Exists {
            file: args.file.clone(),
        }));
    }
    let desk = Desk::set(&args.config)?;
    let _lock = desk.keep_servers_away()?;
    let spec = desk.spec()?;
    let store = desk.store_there()?;
    let until = args.to_tick.map_or(Until::Newest, |tick| {
        Until::Tick(bluemarble_shared_protocol::Tick(tick))
    });
    let remains = desk.remains(&store, until)?;
    let recovered = desk.bring_back(&spec, &remains, false)?;
    if let Some(quarantine) = &recovered.quarantined {
        desk.steps.say(format_args!(
            "  the tick before that one is kept: {}",
            quarantine.told()
        ));
    }
    let world = &recovered.world;
    let image = image_of(world, &desk.config.world.name, recovered.epoch);
    let bytes = desk.steps.step("writing the archive", || {
        let bytes = write_archive(&args.file, &image, &desk.build)
            .map_err(|error| archive_failure(&error))?;
        Ok::<_, Failure>((bytes, args.file.display().to_string()))
    })?;
    desk.steps.step("reading it back", || {
        let again = read_archive(&args.file).map_err(|error| archive_failure(&error))?;
        if again.image != image {
            return Err(Failure::environment(format!(
                "{} does not give back what was written",
                args.file.display()
            ))
            .advise("check the disk, and write another"));
        }
        // The digest is computed from the entities in the file.
        checkpoint(&again.image)
            .entities(&spec.planet, &spec.scenario.kind_names)
            .map_err(|error| Failure::environment(chain(&error)))?;
        Ok(((), format!("digest {}", digest_hex(image.digest))))
    })?;
    desk.steps.say(format_args!(
        "\nThe world '{}' at tick {}, digest {}, {} entities, in {bytes} bytes. Not in it: keys, \
         certificates, bans, the journal, other worlds of the directory.\nTo bring it back:\n  \
         bluemarble-server restore {} --data-dir NEW-DIRECTORY",
        image.world,
        image.tick,
        digest_hex(image.digest),
        world.entities(),
        args.file.display()
    ));
    Ok(())
}

/// Puts a world out of a file into a database that does not have it.
///
/// # Errors
/// The file is none or damaged, the world does not fit the scenario, or there is one already.
pub fn restore(args: &RestoreArgs) -> Result<(), Failure> {
    let archive = read_archive(&args.file).map_err(|error| archive_failure(&error))?;
    let mut image = archive.image;
    let mut flags = args.config.clone();
    flags.world = flags.world.or_else(|| Some(image.world.clone()));
    let desk = Desk::set(&flags)?;
    image.world.clone_from(&desk.config.world.name);
    let spec = desk.spec()?;
    if let Some(theirs) = Provenance::parse(&image.provenance) {
        for difference in theirs.differences(&Provenance::of(&spec)) {
            desk.steps.say(format_args!(
                "  it goes on with something else: {difference}"
            ));
        }
    }
    let tick = image.tick;
    desk.steps.step("checking the world in the archive", || {
        let world = World::restore(spec.clone(), &checkpoint(&image)).map_err(|error| {
            Failure::environment(chain(&error))
                .advise("name the scenario it is of with --scenario, or use another copy")
        })?;
        let told = format!(
            "tick {tick}, digest {}, {} entities",
            digest_hex(world.digest()),
            world.entities()
        );
        // What goes on with other kinds or rules has their numbers from now on.
        image = image_of(&world, &image.world, image.epoch);
        Ok::<_, Failure>(((), told))
    })?;
    let _lock = desk.data.take()?;
    let journal = desk.data.journal();
    if journal
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some())
    {
        return Err(Failure::environment(format!(
            "there is a journal in {} already, and it is not overwritten",
            journal.display()
        ))
        .advise("restore into a new data directory"));
    }
    let again = desk.data.not_whole_yet()?;
    let stored = desk.steps.step("storing the world", || {
        let epoch = store_world(&desk, &mut image, again)?;
        Ok::<_, Failure>((epoch, format!("epoch {}", epoch.0)))
    });
    if stored.is_ok() || !again {
        // Who reads why it was refused knows that there is nothing.
        desk.data.whole()?;
    }
    let epoch = stored?;
    desk.steps.say(format_args!(
        "\nThe world '{}' is at tick {tick}, digest {}, in epoch {}; `bluemarble-server serve` with the \
         same flags goes on from there.",
        image.world,
        digest_hex(image.digest),
        epoch.0
    ));
    Ok(())
}

/// Puts the world into the database that it is for; says in which epoch it is. If an attempt was cut
/// off before, the same world may be there already.
fn store_world(desk: &Desk, image: &mut CheckpointImage, again: bool) -> Result<Epoch, Failure> {
    let (url, _) = desk.database_url();
    let store = desk
        .databases
        .block_on(Store::open(&url))
        .map_err(store_failure)?;
    let there = match again {
        true => newest(&store, &desk.databases, &image.world)?,
        false => None,
    };
    let same = |there: &CheckpointImage| {
        (there.tick, there.digest, &there.parts) == (image.tick, image.digest, &image.parts)
    };
    let epoch = match there.filter(same) {
        Some(there) => there.epoch,
        None => found(&store, &desk.databases, image, &desk.build)?.epoch,
    };
    desk.databases.block_on(store.close());
    Ok(epoch)
}

fn archive_failure(error: &ArchiveError) -> Failure {
    let text = chain(error);
    match error {
        ArchiveError::Exists { .. } | ArchiveError::Busy { .. } => Failure::request(text),
        ArchiveError::Io { .. } => {
            Failure::environment(text).advise("check the path, its rights and the disk")
        }
        ArchiveError::Damaged { .. } | ArchiveError::Format { .. } => Failure::environment(text),
    }
}
