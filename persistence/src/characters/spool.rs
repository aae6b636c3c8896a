//! Newcomers of a time in which the database is away: their ids and keys in a file of the data directory,
//! until the database has them. So a newcomer's key is durable before anybody is told of the newcomer.
//!
//! ```text
//! record   0  length  4   of the body
//!          4  crc32   4   of the body
//!          8  body        name's hash, account, id, key, sealed name, number for a new account
//! ```
//!
//! A record that a crash cut off was never told to anybody. The file is removed when all are in the
//! database.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use bluemarble_shared_protocol::binary;
use bluemarble_shared_protocol::{EntityId, NameTag};

use super::admit::Drawn;
use super::cipher::KEY_BYTES;

/// Longest body: a hash, an account, a key, a sealed name, and their counts.
const BODY_BYTES_MAX: usize = 1_024;

type Body = (Vec<u8>, Option<String>, u64, [u8; KEY_BYTES], Vec<u8>, i64);

/// The file.
#[derive(Clone, Debug)]
pub struct Spool {
    file: PathBuf,
}

impl Spool {
    /// Names it without touching it.
    #[must_use]
    pub fn at(file: PathBuf) -> Self {
        Self { file }
    }

    /// Everybody in it.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn read(&self) -> io::Result<Vec<Drawn>> {
        let bytes = match std::fs::read(&self.file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let (mut found, mut rest) = (Vec::new(), &bytes[..]);
        while let Some((drawn, after)) = record(rest) {
            found.push(drawn);
            rest = after;
        }
        Ok(found)
    }

    /// Adds some; durable when it returns.
    ///
    /// # Errors
    /// The disk.
    pub fn add(&self, drawn: &[Drawn]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for one in drawn {
            let body: Body = (
                one.hash.clone(),
                one.account.clone(),
                one.id.0,
                one.key,
                one.tag.written().to_vec(),
                one.account_number,
            );
            let body = binary::encode(&body);
            let length = u32::try_from(body.len()).expect("a few hundred bytes");
            bytes.extend(length.to_le_bytes());
            bytes.extend(crc32fast::hash(&body).to_le_bytes());
            bytes.extend(body);
        }
        let mut options = OpenOptions::new();
        let mut file = options
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.file)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        match self.file.parent() {
            Some(folder) => std::fs::File::open(folder).and_then(|folder| folder.sync_all()),
            None => Ok(()),
        }
    }

    /// The database has them all.
    ///
    /// # Errors
    /// The disk.
    pub fn clear(&self) -> io::Result<()> {
        match std::fs::remove_file(&self.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.file
    }
}

/// The first whole record, and what follows it.
fn record(bytes: &[u8]) -> Option<(Drawn, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (crc32, rest) = rest.split_first_chunk()?;
    let body = rest.get(..u32::from_le_bytes(*length) as usize)?;
    if crc32fast::hash(body) != u32::from_le_bytes(*crc32) {
        return None;
    }
    let (hash, account, id, key, sealed, account_number) =
        binary::decode::<Body, BODY_BYTES_MAX>(body).ok()?;
    let drawn = Drawn {
        hash,
        account,
        id: EntityId(id),
        key,
        tag: NameTag::sealed(&sealed)?,
        account_number,
        adopted: false,
    };
    Some((drawn, &rest[body.len()..]))
}

#[cfg(test)]
mod tests {
    use super::super::admit::Asked;
    use super::*;

    fn drawn(name: &str) -> Drawn {
        let asked = Asked {
            name: name.to_owned(),
            account: Some("a@b".to_owned()),
            id: None,
        };
        Drawn::for_one(&asked).unwrap()
    }

    #[test]
    fn what_was_added_is_read_and_a_cut_record_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::at(dir.path().join("spool"));
        assert_eq!(spool.read().unwrap(), []);
        let both = [drawn("Ada"), drawn("Bea")];
        spool.add(&both[..1]).unwrap();
        spool.add(&both[1..]).unwrap();
        assert_eq!(spool.read().unwrap(), both);
        let bytes = std::fs::read(spool.path()).unwrap();
        assert!(
            !bytes
                .windows(3)
                .any(|part| part == b"Ada" || part == b"Bea")
        );
        let first = 8 + u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
        for cut in 0..bytes.len() {
            std::fs::write(spool.path(), &bytes[..cut]).unwrap();
            assert_eq!(
                spool.read().unwrap().len(),
                usize::from(cut >= first),
                "{cut}"
            );
        }
        spool.clear().unwrap();
        spool.clear().unwrap();
        assert_eq!(spool.read().unwrap(), []);
    }
}
