//! The one door to `bincode`: fixed-width little-endian integers, so that a format can be drawn
//! byte by byte and read in any language, and a limit on everything that is decoded.
//!
//! Layout: integers and floats as they are, `bool` one byte, enums a `u32` index, `Option` a byte
//! 0 or 1, sequences and strings a `u64` count first, structs and tuples their fields in order.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use bincode::error::DecodeError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why bytes are not the value they should be.
#[derive(Debug, thiserror::Error)]
pub enum BinaryError {
    /// More bytes than this kind of value may take.
    #[error("{bytes} bytes, where at most {limit} are allowed")]
    TooLarge {
        /// How many there are.
        bytes: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Not a value of the type.
    #[error("malformed: {0}")]
    Malformed(String),
    /// A value, then something else.
    #[error("{0} bytes left over behind the value")]
    Trailing(usize),
}

/// The value's bytes. Works for every type this project serialises (no maps of unknown length).
#[must_use]
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let config = bincode::config::standard()
        .with_fixed_int_encoding()
        .with_little_endian();
    bincode::serde::encode_to_vec(value, config)
        .expect("plain structs of known length always serialise into memory")
}

/// The value that takes exactly all of `bytes`; reads, and reserves, at most `LIMIT` bytes.
///
/// # Errors
/// See [`BinaryError`].
pub fn decode<T: DeserializeOwned, const LIMIT: usize>(bytes: &[u8]) -> Result<T, BinaryError> {
    if bytes.len() > LIMIT {
        return Err(BinaryError::TooLarge {
            bytes: bytes.len(),
            limit: LIMIT,
        });
    }
    let config: Configuration<LittleEndian, Fixint, Limit<LIMIT>> = bincode::config::standard()
        .with_fixed_int_encoding()
        .with_little_endian()
        .with_limit();
    let (value, used) = bincode::serde::decode_from_slice(bytes, config)
        .map_err(|error| BinaryError::Malformed(said(&error)))?;
    match bytes.len() - used {
        0 => Ok(value),
        left => Err(BinaryError::Trailing(left)),
    }
}

/// In words for people: what serde says of a value is wrapped in Rust's own notation.
fn said(error: &DecodeError) -> String {
    match error {
        DecodeError::OtherString(said) => said.clone(),
        DecodeError::Other(said) => (*said).to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_variant_is_told_in_words() {
        let error = decode::<Option<crate::ClientMessage>, 64>(&[1, 9, 0, 0, 0]).unwrap_err();
        let said = error.to_string();
        assert!(said.contains("variant index"), "{said}");
        assert!(!said.contains("OtherString"), "{said}");
    }

    #[test]
    fn a_value_survives_and_its_layout_is_the_documented_one() {
        let value = (7_u32, Some(true), "ab".to_owned(), vec![1_u16, 2]);
        let bytes = encode(&value);
        let drawn: &[u8] = &[
            7, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 0, 0, 0, b'a', b'b', 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2,
            0,
        ];
        assert_eq!(bytes, drawn);
        let again: (u32, Option<bool>, String, Vec<u16>) = decode::<_, 64>(&bytes).unwrap();
        assert_eq!(again, value);
    }

    #[test]
    fn a_huge_claimed_length_allocates_nothing_and_fails() {
        let mut bytes = u64::MAX.to_le_bytes().to_vec();
        bytes.push(1);
        assert!(decode::<Vec<u64>, 1024>(&bytes).is_err());
        assert!(decode::<String, 1024>(&bytes).is_err());
    }

    #[test]
    fn truncated_trailing_and_oversized_bytes_are_refused() {
        let bytes = encode(&(1_u64, 2_u64));
        assert!(decode::<(u64, u64), 64>(&bytes[..15]).is_err());
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(matches!(
            decode::<(u64, u64), 64>(&longer),
            Err(BinaryError::Trailing(1))
        ));
        assert!(matches!(
            decode::<(u64, u64), 8>(&bytes),
            Err(BinaryError::TooLarge {
                bytes: 16,
                limit: 8
            })
        ));
    }
}
