//! The admin token: made once from OS randomness, kept in a file only its owner can read, and
//! compared in constant time.

use std::path::Path;

use crate::exit::Failure;
use crate::limits::ADMIN_TOKEN_BYTES;

/// The secret of the admin HTTP.
#[derive(Clone)]
pub struct AdminToken(String);

impl AdminToken {
    /// The token in `file`, made if there is none.
    ///
    /// # Errors
    /// The file cannot be read or written, or holds something too short to be a secret.
    pub fn load_or_create(file: &Path) -> Result<Self, Failure> {
        if file.exists() {
            let text = std::fs::read_to_string(file).map_err(|error| {
                Failure::environment(format!("cannot read {}: {error}", file.display()))
            })?;
            let token = text.trim().to_owned();
            return if token.len() >= ADMIN_TOKEN_BYTES {
                Ok(Self(token))
            } else {
                Err(
                    Failure::environment(format!("{} holds no token", file.display()))
                        .advise("delete the file; a new token is made at the next start"),
                )
            };
        }
        let token = random_hex()?;
        write_private(file, format!("{token}\n").as_bytes()).map_err(|error| {
            Failure::environment(format!("cannot write {}: {error}", file.display()))
        })?;
        Ok(Self(token))
    }

    /// Whether an `Authorization` header carries this token. Takes the same time wherever the two
    /// differ, so that the token cannot be guessed byte by byte.
    pub fn is_carried_by(&self, authorization: Option<&[u8]>) -> bool {
        let Some(given) = authorization.and_then(|header| header.strip_prefix(b"Bearer ")) else {
            return false;
        };
        let expected = self.0.as_bytes();
        let differing = expected
            .iter()
            .zip(given.iter().chain(std::iter::repeat(&0)))
            .fold(0_u8, |bits, (a, b)| std::hint::black_box(bits | (a ^ b)));
        differing == 0 && given.len() == expected.len()
    }
}

fn random_hex() -> Result<String, Failure> {
    let mut bytes = [0_u8; ADMIN_TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::environment(format!(
            "the operating system gives no random bytes: {error}"
        ))
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Writes a file only its owner can read, whatever the umask.
pub fn write_private(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_accepted() {
        let token = AdminToken("0123456789abcdef".into());
        let carries = |header: &str| token.is_carried_by(Some(header.as_bytes()));
        assert!(carries("Bearer 0123456789abcdef"));
        for wrong in [
            "Bearer 0123456789abcdee",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef0",
            "Bearer 0123456789abcdef\0",
            "bearer 0123456789abcdef",
            "0123456789abcdef",
            "Bearer ",
            "",
        ] {
            assert!(!carries(wrong), "{wrong:?}");
        }
        assert!(!token.is_carried_by(None));
    }

    #[test]
    fn a_token_is_made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("admin.token");
        let first = AdminToken::load_or_create(&file).ok().unwrap();
        let again = AdminToken::load_or_create(&file).ok().unwrap();
        assert_eq!(first.0, again.0);
        assert_eq!(first.0.len(), 2 * ADMIN_TOKEN_BYTES);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn an_empty_token_file_is_refused_not_accepted_as_a_secret() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("admin.token");
        std::fs::write(&file, "\n").unwrap();
        assert!(AdminToken::load_or_create(&file).is_err());
    }
}
