//! What the journals on a disk say of one character: every sealed input that it had to do with.

use std::path::{Path, PathBuf};

use bluemarble_persistence::JournalReader;
use bluemarble_shared_protocol::{EntityId, Epoch, Tick};
use bluemarble_sim::TickInputs;
use serde_json::{Value, json};

use crate::data_dir::DataDir;
use crate::when::rfc3339;

/// Every folder that may hold a journal or evidence: the main world's, and those of the others.
pub fn world_folders(data: &DataDir) -> Vec<PathBuf> {
    let mut folders = vec![data.root().to_owned()];
    folders.extend(
        entries(&data.worlds())
            .into_iter()
            .filter(|path| path.is_dir()),
    );
    folders
}

/// The paths in a folder, in order; none if it cannot be read.
pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// The journals of a world: the one that is written, and those that were set aside.
pub fn journals(folder: &Path) -> Vec<PathBuf> {
    let is_one = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        path.is_dir() && name.is_some_and(|name| name.starts_with("journal"))
    };
    entries(folder).into_iter().filter(is_one).collect()
}

/// Inputs of a tick that failed, kept as evidence.
pub fn evidence(folder: &Path) -> Vec<PathBuf> {
    let files = entries(&folder.join("evidence")).into_iter();
    files
        .filter(|path| path.extension().is_some_and(|kind| kind == "inputs"))
        .collect()
}

/// Everything of one character in one journal, or in how far it can be read.
pub fn of_journal(journal: &Path, id: EntityId) -> Value {
    let mut ticks = Vec::new();
    let trouble = read(journal, id, &mut ticks).err();
    json!({ "journal": journal.display().to_string(), "ticks": ticks, "unreadable": trouble })
}

/// The same of one file of evidence.
pub fn of_evidence(file: &Path, id: EntityId) -> Value {
    let inputs = std::fs::read(file)
        .map_err(|error| error.to_string())
        .and_then(|bytes| TickInputs::decode(&bytes).map_err(|error| error.to_string()));
    match inputs {
        Ok(inputs) => {
            json!({ "file": file.display().to_string(), "inputs": of_inputs(&inputs, id) })
        }
        Err(error) => json!({ "file": file.display().to_string(), "unreadable": error }),
    }
}

fn read(journal: &Path, id: EntityId, ticks: &mut Vec<Value>) -> Result<(), String> {
    let begins =
        JournalReader::open(journal, Epoch(0), Tick(0)).map_err(|error| error.to_string())?;
    let Some(first) = begins.begins().iter().map(|(_, tick)| tick.0).min() else {
        return Ok(());
    };
    let after = Tick(first.saturating_sub(1));
    let records =
        JournalReader::open(journal, Epoch(0), after).map_err(|error| error.to_string())?;
    for record in records {
        let record = record.map_err(|error| error.to_string())?;
        let inputs = TickInputs::decode(&record.payload)
            .map_err(|error| format!("tick {}: {error}", record.tick))?;
        if let Some(said) = of_inputs(&inputs, id) {
            let sealed = rfc3339(record.sealed_ms);
            ticks.push(json!({ "tick": record.tick, "sealed": sealed, "inputs": said }));
        }
    }
    Ok(())
}

/// What of a tick's inputs is of this character, or to it; `None` if nothing.
fn of_inputs(inputs: &TickInputs, id: EntityId) -> Option<Value> {
    let players = &inputs.players;
    let travel = &inputs.travel;
    let mut said = serde_json::Map::new();
    let mut say = |what: &str, values: Vec<Value>| {
        if !values.is_empty() {
            said.insert(what.to_owned(), Value::Array(values));
        }
    };
    let admissions = players.admissions.iter().filter(|of| of.avatar == id);
    say("admitted", admissions.map(|of| json!(of)).collect());
    let leaves = players.leaves.iter().filter(|of| **of == id);
    say("left", leaves.map(|of| json!(of)).collect());
    let intents = players.intents.iter().filter(|(of, _)| *of == id);
    say(
        "intents",
        intents.map(|(_, intent)| json!(intent)).collect(),
    );
    let attacked = players
        .intents
        .iter()
        .filter(|(_, of)| of.attack == Some(id));
    say("attacked_by", attacked.map(|(by, _)| json!(by)).collect());
    let gifts = players.gifts.iter();
    let gifts = gifts.filter(|given| given.from == id || given.gift.to == id);
    say("gifts", gifts.map(|given| json!(given)).collect());
    let deals = inputs
        .outside
        .deals
        .iter()
        .filter(|(_, deal)| deal.avatar == id);
    say(
        "deals",
        deals
            .map(|(key, deal)| json!([key.to_string(), deal]))
            .collect(),
    );
    let departures = travel.departures.iter().filter(|of| of.key.avatar == id);
    say("departed", departures.map(|of| json!(of)).collect());
    let arrivals = travel.arrivals.iter().filter(|of| of.key.avatar == id);
    say("arrived", arrivals.map(|of| json!(of)).collect());
    let keys = travel.settled.iter().chain(&travel.forgotten);
    let keys = keys.filter(|key| key.avatar == id);
    say("journeys_over", keys.map(|key| json!(key)).collect());
    (!said.is_empty()).then_some(Value::Object(said))
}
