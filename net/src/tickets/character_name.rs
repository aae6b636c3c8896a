//! What characters may be called. Names are shown to everybody, and the avatar follows from them.

use bluemarble_shared_protocol::EntityId;
use bluemarble_shared_protocol::limits::NAME_BYTES_MAX;

/// A character's name as it may appear on a name plate: 1..=[`NAME_BYTES_MAX`] bytes of letters and
/// digits of any script, and `-`, `_`, `.`, `'` or single spaces between them. Nothing invisible and
/// nothing that changes the direction of text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CharacterName(String);

impl CharacterName {
    /// Checks a name.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn parse(name: &str) -> Result<Self, NameError> {
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.len() > NAME_BYTES_MAX {
            return Err(NameError::TooLong(name.len()));
        }
        if let Some(odd) = name
            .chars()
            .find(|c| !c.is_alphanumeric() && !"-_.' ".contains(*c))
        {
            return Err(NameError::Character(odd));
        }
        if name.starts_with(' ') || name.ends_with(' ') || name.contains("  ") {
            return Err(NameError::Spaces);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An id that follows from the name, for characters of whom nothing is kept; those that a server
    /// keeps have one that was drawn.
    #[must_use]
    pub fn avatar(&self) -> EntityId {
        EntityId::of_character(&self.0)
    }
}

/// Why a text is not a character's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing at all.
    #[error("a character's name is empty")]
    Empty,
    /// More than [`NAME_BYTES_MAX`] bytes.
    #[error("a character's name takes {0} bytes of UTF-8, at most {NAME_BYTES_MAX} are allowed")]
    TooLong(usize),
    /// A character that has no place in a name.
    #[error("a character's name may not contain {0:?}: letters, digits, - _ . ' and spaces only")]
    Character(char),
    /// Spaces at an end, or two in a row.
    #[error("a character's name has a space at an end, or two in a row")]
    Spaces,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_printable_and_bounded() {
        for good in ["Ada", "Jean-Luc", "O'Neill", "李小龍", "bot 17", "a.b_c"] {
            assert!(CharacterName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            " Ada",
            "Ada ",
            "A  da",
            "A\nda",
            "A\u{202e}da",
            "A\u{200b}",
            "<b>",
        ] {
            assert!(CharacterName::parse(bad).is_err(), "{bad:?}");
        }
        assert!(CharacterName::parse(&"x".repeat(NAME_BYTES_MAX)).is_ok());
        assert!(CharacterName::parse(&"x".repeat(NAME_BYTES_MAX + 1)).is_err());
    }
}
