//! How a name is sealed: ChaCha20-Poly1305 (RFC 8439) under a key of the character's own, which is
//! drawn, with a drawn nonce, bound to the character's id.
//!
//! A key seals one text in its life: the name, which never changes, made long enough that its length
//! does not show. It is sealed once, when the character is made, and every record holds the same bytes.
//! So no nonce is used for a second text, the tick draws and seals nothing, and a world gives the same
//! checkpoint each time. That two records mean one character can be seen, as the id beside says already.

use bluemarble_shared_protocol::limits::NAME_BYTES_MAX;
use bluemarble_shared_protocol::{EntityId, NameTag, SEALED_NAME_BYTES, SEALED_NAME_MARK};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{Context, SHA256};
use ring::rand::{SecureRandom, SystemRandom};

use crate::store::StoreError;

/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;

/// Which character it is the name of, and that it is a name.
fn bound_to(id: EntityId) -> Aad<Vec<u8>> {
    let mut bytes = b"bluemarble character name\0".to_vec();
    bytes.extend_from_slice(&id.0.to_le_bytes());
    Aad::from(bytes)
}

fn key_of(bytes: &[u8]) -> Option<LessSafeKey> {
    let key = UnboundKey::new(&CHACHA20_POLY1305, bytes).ok()?;
    Some(LessSafeKey::new(key))
}

/// So many bytes that nobody can guess.
pub(super) fn drawn<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| StoreError::Unstorable {
        what: "a character: the system gives no random numbers".to_owned(),
    })?;
    Ok(bytes)
}

/// What is written in place of a name.
pub(super) fn seal(key: &[u8; KEY_BYTES], id: EntityId, name: &str) -> Result<NameTag, StoreError> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(StoreError::Unstorable {
            what: format!("a character's name takes 1 to {NAME_BYTES_MAX} bytes: {name:?}"),
        });
    }
    let nonce: [u8; NONCE_LEN] = drawn()?;
    let mut body = vec![0; 1 + NAME_BYTES_MAX];
    body[0] = name.len() as u8;
    body[1..=name.len()].copy_from_slice(name.as_bytes());
    key_of(key)
        .expect("the key is as long as the cipher's")
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound_to(id), &mut body)
        .expect("34 bytes are not too many for the cipher");
    let mut sealed = vec![SEALED_NAME_MARK];
    sealed.extend_from_slice(&nonce);
    sealed.append(&mut body);
    let tag = NameTag::sealed(&sealed).expect("mark, nonce, text and tag are that long");
    Ok(tag.told(name))
}

/// The name, if the key is the one it was sealed with, for this character.
pub(super) fn open(key: &[u8], id: EntityId, sealed: &[u8]) -> Option<String> {
    if sealed.len() != SEALED_NAME_BYTES || sealed[0] != SEALED_NAME_MARK {
        return None;
    }
    let (nonce, body) = sealed[1..].split_first_chunk::<NONCE_LEN>()?;
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let mut body = body.to_vec();
    let text = key_of(key)?
        .open_in_place(nonce, bound_to(id), &mut body)
        .ok()?;
    let (&length, name) = text.split_first()?;
    let name = name.get(..usize::from(length))?;
    String::from_utf8(name.to_vec()).ok()
}

/// By what a name is looked up: the row says no name in clear.
pub(super) fn hash_of(name: &str) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    context.update(b"bluemarble character name\0");
    context.update(name.as_bytes());
    context.finish().as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: EntityId = EntityId(7);

    #[test]
    fn a_name_comes_back_under_its_key_for_its_character_alone() {
        let key = [9; KEY_BYTES];
        for name in ["A", "Jean-Luc", "李小龍", &"x".repeat(NAME_BYTES_MAX)] {
            let tag = seal(&key, ADA, name).unwrap();
            let sealed = tag.written();
            assert_eq!(sealed.len(), SEALED_NAME_BYTES, "as long as any other");
            // A letter may be among the bytes by chance.
            assert!(
                name.len() < 4
                    || !sealed
                        .windows(name.len())
                        .any(|part| part == name.as_bytes())
            );
            assert_eq!(open(&key, ADA, sealed).as_deref(), Some(name));
            assert_eq!(open(&key, EntityId(8), sealed), None);
            assert_eq!(open(&[8; KEY_BYTES], ADA, sealed), None);
            assert_eq!(open(&key[1..], ADA, sealed), None);
            assert_eq!(tag.name(), Some(name));
        }
        assert!(seal(&key, ADA, "").is_err());
        assert!(seal(&key, ADA, &"x".repeat(NAME_BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn a_sealed_name_with_any_bit_flipped_is_none() {
        let key = [9; KEY_BYTES];
        let sealed = seal(&key, ADA, "Ada").unwrap().written().to_vec();
        for bit in 0..sealed.len() * 8 {
            let mut bent = sealed.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&key, ADA, &bent), None, "bit {bit}");
        }
        assert_eq!(open(&key, ADA, &sealed[..40]), None);
    }

    #[test]
    fn the_same_name_is_sealed_differently_each_time() {
        let key = [9; KEY_BYTES];
        let (a, b) = (
            seal(&key, ADA, "Ada").unwrap(),
            seal(&key, ADA, "Ada").unwrap(),
        );
        assert_ne!(a, b);
    }
}
