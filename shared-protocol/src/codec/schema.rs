//! Which fields an entity's state has on the wire, each in which version: what two builds have to agree on
//! before the first snapshot, and what they can name if they do not.
//!
//! A *schema* is a list of fields. Each field has a number for ever, a version of its layout, and the
//! version of the tables that code it (0 if none do). A client's hello says which versions of which
//! fields it knows, the server picks the newest schema of its own whose fields are all among them, and the
//! welcome says which it was. A server keeps the schema before its newest, so that during a deploy old
//! and new clients are served side by side; whoever knows neither is refused with the field's name.

use serde::{Deserialize, Serialize};

use super::tables::{TableSet, V1, V2, WalkerTables};

/// One version of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FieldVersion {
    /// The field's number.
    pub id: u8,
    /// Version of its layout.
    pub layout: u8,
    /// Version of the tables that code it; 0 = none do.
    pub tables: u8,
}

/// A field of a schema, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedField {
    /// At most [`FIELD_NAME_BYTES_MAX`](crate::limits::FIELD_NAME_BYTES_MAX) bytes.
    pub name: String,
    /// Which, in which version.
    pub version: FieldVersion,
}

/// What a field's number means, for ever.
const NAMES: [(u8, &str); 10] = [
    (1, "change"),
    (2, "cell"),
    (3, "kind"),
    (4, "position"),
    (5, "velocity"),
    (6, "heading"),
    (7, "rotation"),
    (8, "health"),
    (9, "action"),
    (10, "flags"),
];

/// One of the schemas that this build speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Schema(u8);

/// No schema of ours is known to the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the field {field}: snapshots have it in version {ours}, this client knows {theirs}")]
pub struct SchemaMismatch {
    /// Name of the field.
    pub field: &'static str,
    /// The versions that are spoken here.
    pub ours: String,
    /// Those that the other side knows.
    pub theirs: String,
}

impl Default for Schema {
    fn default() -> Self {
        Self::NEWEST
    }
}

impl Schema {
    /// The one that everybody should speak.
    pub const NEWEST: Self = Self(2);
    /// The one before.
    pub const PREVIOUS: Self = Self(1);
    /// All that this build speaks, the newest first.
    pub const SUPPORTED: [Self; 2] = [Self::NEWEST, Self::PREVIOUS];

    /// Its place in [`Schema::SUPPORTED`].
    #[must_use]
    pub fn place(self) -> usize {
        usize::from(Self::NEWEST.0 - self.0)
    }

    /// The tables of its fields.
    #[must_use]
    pub fn tables(self) -> &'static TableSet {
        if self == Self::NEWEST { &V2 } else { &V1 }
    }

    /// Its fields.
    #[must_use]
    pub fn fields(self) -> [FieldVersion; NAMES.len()] {
        let tables = self.tables();
        let shaped = matches!(tables.walkers, WalkerTables::Shaped(_));
        NAMES.map(|(id, name)| {
            let (newer, coded) = match name {
                "change" => (shaped, shaped),
                "position" | "velocity" => (shaped, true),
                "heading" | "rotation" => (false, true),
                _ => (false, false),
            };
            FieldVersion {
                id,
                layout: 1 + u8::from(newer),
                tables: if coded { tables.version } else { 0 },
            }
        })
    }

    /// Its fields with their names, as a welcome lists them.
    #[must_use]
    pub fn named_fields(self) -> Vec<NamedField> {
        let named = |version: FieldVersion| NamedField {
            name: name_of(version.id).to_owned(),
            version,
        };
        self.fields().into_iter().map(named).collect()
    }

    /// Every version of every field that this build knows, as a hello lists them.
    #[must_use]
    pub fn known() -> Vec<FieldVersion> {
        let mut known: Vec<_> = Self::SUPPORTED.iter().flat_map(|s| s.fields()).collect();
        known.sort_unstable();
        known.dedup();
        known
    }

    /// The newest schema that somebody with this knowledge can read.
    ///
    /// # Errors
    /// [`SchemaMismatch`]: the first field of the newest schema that they cannot read in any version that
    /// is spoken here, or else in the newest.
    pub fn for_client(knows: &[FieldVersion]) -> Result<Self, SchemaMismatch> {
        let readable = |schema: &Self| schema.fields().iter().all(|field| knows.contains(field));
        if let Some(schema) = Self::SUPPORTED.into_iter().find(|schema| readable(schema)) {
            return Ok(schema);
        }
        let spoken = |id: u8| {
            let all = Self::SUPPORTED.into_iter().flat_map(Self::fields);
            all.filter(move |field| field.id == id)
        };
        let newest = Self::NEWEST.fields();
        let unreadable = newest
            .iter()
            .find(|field| !spoken(field.id).any(|version| knows.contains(&version)))
            .or_else(|| newest.iter().find(|field| !knows.contains(field)))
            .unwrap_or(&newest[0]);
        let theirs = knows
            .iter()
            .copied()
            .filter(|field| field.id == unreadable.id);
        Err(SchemaMismatch {
            field: name_of(unreadable.id),
            ours: list(spoken(unreadable.id)),
            theirs: list(theirs),
        })
    }

    /// The schema that a welcome names.
    ///
    /// # Errors
    /// [`SchemaMismatch`]: the first field that this build does not know so.
    pub fn of_welcome(fields: &[NamedField]) -> Result<Self, SchemaMismatch> {
        let named: Vec<FieldVersion> = fields.iter().map(|field| field.version).collect();
        let same = |schema: &Self| schema.fields().as_slice() == named.as_slice();
        Self::SUPPORTED.into_iter().find(same).ok_or_else(|| {
            let newest = Self::NEWEST.fields();
            let other = newest
                .iter()
                .find(|field| !named.contains(field))
                .unwrap_or(&newest[0]);
            let theirs = named.iter().copied().filter(|field| field.id == other.id);
            SchemaMismatch {
                field: name_of(other.id),
                ours: list(theirs),
                theirs: list([*other]),
            }
        })
    }
}

/// A field's name; whoever has no such field has no name for it.
fn name_of(id: u8) -> &'static str {
    let known = NAMES.iter().find(|(number, _)| *number == id);
    known.map_or("unknown", |(_, name)| name)
}

/// Versions in words, newest first: `1 with tables 2 or 1 with tables 1`.
fn list(versions: impl IntoIterator<Item = FieldVersion>) -> String {
    let mut words = Vec::new();
    for version in versions {
        let word = match version.tables {
            0 => version.layout.to_string(),
            tables => format!("{} with tables {tables}", version.layout),
        };
        if !words.contains(&word) && words.len() < 4 {
            words.push(word);
        }
    }
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(" or ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_schema_that_both_know_is_spoken() {
        assert_eq!(Schema::for_client(&Schema::known()), Ok(Schema::NEWEST));
        let old = Schema::PREVIOUS.fields();
        assert_eq!(Schema::for_client(&old), Ok(Schema::PREVIOUS));
        let mut newer = Schema::known();
        newer.push(FieldVersion {
            id: 99,
            layout: 1,
            tables: 0,
        });
        assert_eq!(Schema::for_client(&newer), Ok(Schema::NEWEST));
    }

    #[test]
    fn a_mismatch_names_the_field_and_the_versions() {
        let mut future = Schema::NEWEST.fields();
        future[4].tables = 9;
        let error = Schema::for_client(&future).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the field velocity: snapshots have it in version 2 with tables 2 or 1 with tables 1, \
             this client knows 2 with tables 9"
        );
        let without = &Schema::NEWEST.fields()[..9];
        let error = Schema::for_client(without).unwrap_err();
        assert_eq!((error.field, error.theirs.as_str()), ("flags", "none"));
        assert_eq!(Schema::for_client(&[]).unwrap_err().field, "change");
    }

    #[test]
    fn a_mixture_of_two_schemas_is_neither() {
        let mut mixed = Schema::NEWEST.fields();
        mixed[3].tables = 1;
        assert_eq!(Schema::for_client(&mixed).unwrap_err().field, "position");
    }

    #[test]
    fn a_client_finds_the_schema_of_the_welcome_or_the_field_it_does_not_know() {
        for schema in Schema::SUPPORTED {
            assert_eq!(Schema::of_welcome(&schema.named_fields()), Ok(schema));
            assert_eq!(Schema::SUPPORTED[schema.place()], schema);
        }
        let mut fields = Schema::NEWEST.named_fields();
        fields[5].version.layout = 3;
        assert_eq!(Schema::of_welcome(&fields).unwrap_err().field, "heading");
    }

    #[test]
    fn a_reason_fits_a_close_frame() {
        let mut odd: Vec<FieldVersion> = (0..64)
            .map(|n| FieldVersion {
                id: 4,
                layout: 100 + n,
                tables: 200,
            })
            .collect();
        odd.extend(Schema::NEWEST.fields().into_iter().filter(|f| f.id != 4));
        let reason = Schema::for_client(&odd).unwrap_err().to_string();
        assert!(
            reason.len() <= crate::limits::CLOSE_REASON_BYTES_MAX,
            "{reason}"
        );
    }
}
