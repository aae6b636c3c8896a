//! What an avatar is called: readable in memory, sealed wherever it is written.
//!
//! ```text
//! sealed   0  mark         1   0x81: no text in UTF-8 begins so
//!          1  nonce       12
//!         13  ciphertext  33   of the name's length, the name, zeros: how long it is cannot be seen
//!         46  tag         16
//! open        the name in UTF-8: what older builds wrote, and names that are nobody's
//! ```
//!
//! Nothing here can seal or open: keys are elsewhere. What is serialised is what is `written`, so a
//! tag that is sealed cannot be written as text by anybody, whatever record it is in. Two tags are the
//! same if they are written the same; whether the name is known here and now is no part of any state.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::limits::NAME_BYTES_MAX;

/// How a sealed name begins.
pub const SEALED_NAME_MARK: u8 = 0x81;
/// Bytes of a sealed name: mark, nonce, length and name, tag.
pub const SEALED_NAME_BYTES: usize = 1 + 12 + (1 + NAME_BYTES_MAX) + 16;
/// What is shown of somebody whose name cannot be known any more.
pub const NAMELESS: &str = "nameless";

/// A character's name, see the module's text.
#[derive(Clone)]
pub struct NameTag(Arc<Inner>);

struct Inner {
    written: Box<[u8]>,
    /// [`NAMELESS`] while it is not known.
    shown: Arc<str>,
    known: bool,
}

impl NameTag {
    /// A name that is written as it is.
    #[must_use]
    pub fn open(name: &str) -> Self {
        Self(Arc::new(Inner {
            written: name.as_bytes().into(),
            shown: name.into(),
            known: true,
        }))
    }

    /// A name that is written as these bytes; `None` if they are no sealed name. It is nameless until it
    /// is [told](Self::told).
    #[must_use]
    pub fn sealed(bytes: &[u8]) -> Option<Self> {
        let is_one = bytes.len() == SEALED_NAME_BYTES && bytes[0] == SEALED_NAME_MARK;
        is_one.then(|| {
            Self(Arc::new(Inner {
                written: bytes.into(),
                shown: NAMELESS.into(),
                known: false,
            }))
        })
    }

    /// The same, and its name is known from now on.
    #[must_use]
    pub fn told(&self, name: &str) -> Self {
        Self(Arc::new(Inner {
            written: self.0.written.clone(),
            shown: name.into(),
            known: true,
        }))
    }

    /// What people read.
    #[must_use]
    pub fn shown(&self) -> &Arc<str> {
        &self.0.shown
    }

    /// The name, if it is known.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.known.then_some(&*self.0.shown)
    }

    /// What is written of it.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        &self.0.written
    }

    /// Whether it is written as a text that anybody can read.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.written.first() != Some(&SEALED_NAME_MARK)
    }

    fn of_written(bytes: Vec<u8>) -> Option<Self> {
        match bytes.first() {
            Some(&SEALED_NAME_MARK) => Self::sealed(&bytes),
            _ => std::str::from_utf8(&bytes).ok().map(Self::open),
        }
    }
}

impl From<&str> for NameTag {
    fn from(name: &str) -> Self {
        Self::open(name)
    }
}

impl From<String> for NameTag {
    fn from(name: String) -> Self {
        Self::open(&name)
    }
}

impl PartialEq for NameTag {
    fn eq(&self, other: &Self) -> bool {
        self.0.written == other.0.written
    }
}

impl Eq for NameTag {}

/// As it is written: a report may go to somebody who should not read the name.
impl fmt::Debug for NameTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(&self.0.written) {
            Ok(name) => fmt::Debug::fmt(name, f),
            Err(_) => {
                f.write_str("sealed:")?;
                self.0
                    .written
                    .iter()
                    .try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

/// A count and bytes, as a text has: records that held a text before are read alike.
impl Serialize for NameTag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0.written)
    }
}

impl<'de> Deserialize<'de> for NameTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Vec::<u8>::deserialize(deserializer)?;
        Self::of_written(bytes)
            .ok_or_else(|| de::Error::custom("neither a name in UTF-8 nor a sealed one"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary;

    fn sealed() -> NameTag {
        let mut bytes = [7; SEALED_NAME_BYTES];
        bytes[0] = SEALED_NAME_MARK;
        NameTag::sealed(&bytes).unwrap()
    }

    #[test]
    fn a_record_that_held_a_text_is_read_as_an_open_name() {
        let before = binary::encode(&(7_u64, "Ada".to_owned(), 9_u8));
        let (a, tag, b): (u64, NameTag, u8) = binary::decode::<_, 99>(&before).unwrap();
        assert_eq!((a, tag.name(), b), (7, Some("Ada"), 9));
        assert!(tag.is_open());
        assert_eq!(binary::encode(&(a, tag, b)), before);
    }

    #[test]
    fn a_sealed_name_is_never_written_as_text() {
        let tag = sealed().told("Ada Lovelace");
        assert_eq!(&**tag.shown(), "Ada Lovelace");
        let bytes = binary::encode(&tag);
        assert!(!bytes.windows(3).any(|part| part == b"Ada"));
        assert!(!format!("{tag:?}").contains("Ada"));
        let again: NameTag = binary::decode::<_, 99>(&bytes).unwrap();
        assert_eq!((again.name(), &**again.shown()), (None, NAMELESS));
        assert_eq!(again, tag, "whether it is known is no part of it");
    }

    #[test]
    fn bytes_that_are_neither_are_refused() {
        for bad in [
            vec![SEALED_NAME_MARK],
            vec![SEALED_NAME_MARK; SEALED_NAME_BYTES + 1],
            vec![0xff, 0xfe],
            vec![0x82; SEALED_NAME_BYTES],
        ] {
            let bytes = binary::encode(&bad);
            assert!(binary::decode::<NameTag, 999>(&bytes).is_err(), "{bad:?}");
        }
        assert!(NameTag::sealed(b"Ada").is_none());
    }
}
