//! Resume tokens: what a client comes back with after its connection is lost.
//!
//! A token is a JWT like a session ticket, but the server makes it for itself: signed with HMAC-SHA256
//! and a key that never leaves its data directory. It names character, world (as the ticket did), the
//! session it was made for, and the run of the server that made it. Sessions are numbered per run: the
//! claim to one of an earlier run says who somebody is and nothing about what they know. That a
//! token is good once only is seen to by the session logic, which knows the newest session of every
//! avatar. Ticket and token can never be taken for each other: verifiers fix the algorithm.

use std::path::{Path, PathBuf};

use bluemarble_shared_protocol::SessionId;
use bluemarble_shared_protocol::limits::TICKET_BYTES_MAX;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::key_files::{KeyFileError, Readers, read_pem, write_new};
use crate::tickets::{CharacterName, Ticket, TicketError};

/// The `iss` claim of every token.
const ISSUER: &str = "bluemarble session";
/// Bytes of the key: as many as the hash has.
const KEY_BYTES: usize = 32;
/// What the key's file holds, for error messages.
const WHAT: &str = "the key of resume tokens (64 hexadecimal digits)";

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    sid: u64,
    run: u64,
    exp: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<String>,
}

/// What a good token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resumption {
    /// Whose it is and where it leads, as the ticket said.
    pub ticket: Ticket,
    /// The session it was made for; `None` if an earlier run of the server made it.
    pub session: Option<SessionId>,
}

/// Makes and checks the tokens of one server.
#[derive(Clone)]
pub struct ResumeTokens {
    signing: EncodingKey,
    checking: DecodingKey,
    validation: Validation,
    run: u64,
}

impl ResumeTokens {
    /// Name of the key's file in a data directory.
    pub const KEY_FILE: &str = "resume.key";

    /// With the key in `folder`, made there (mode 0600) if there is none yet.
    ///
    /// # Errors
    /// [`KeyFileError`], also if the system has no randomness.
    pub fn load_or_create(folder: &Path) -> Result<Self, KeyFileError> {
        let path = Self::path(folder);
        if !path.exists() {
            let text = hex(&random::<KEY_BYTES>()?);
            write_new(&path, WHAT, &text, Readers::Owner)?;
        }
        let text = read_pem(&path, WHAT)?;
        let key = unhex(text.trim()).ok_or_else(|| KeyFileError::Content {
            what: WHAT,
            path: path.clone(),
            reason: "remove it to have a new one made; clients then say hello with tickets"
                .to_owned(),
        })?;
        Self::of_key(&key)
    }

    /// With a key of its own, which nobody else will ever know: its tokens end with the process.
    ///
    /// # Errors
    /// [`KeyFileError::Generate`] if the system has no randomness.
    pub fn ephemeral() -> Result<Self, KeyFileError> {
        Self::of_key(&random::<KEY_BYTES>()?)
    }

    /// Where [`Self::load_or_create`] keeps the key.
    #[must_use]
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(Self::KEY_FILE)
    }

    fn of_key(key: &[u8; KEY_BYTES]) -> Result<Self, KeyFileError> {
        // Time and issuer are compared below, where `now` is an argument.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Ok(Self {
            signing: EncodingKey::from_secret(key),
            checking: DecodingKey::from_secret(key),
            validation,
            run: u64::from_le_bytes(random::<8>()?),
        })
    }

    /// A token for whoever holds `session`, good until `expires_at_s` (Unix seconds).
    #[must_use]
    pub fn issue(&self, ticket: &Ticket, session: SessionId, expires_at_s: u64) -> String {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: ticket.character.as_str().to_owned(),
            aud: ticket.world.clone(),
            account: ticket.account.clone(),
            sid: session.0,
            run: self.run,
            exp: expires_at_s,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing)
            .expect("a secret signs anything, and the claims are plain text and numbers")
    }

    /// What the token says, if it is good at `now_s` (Unix seconds).
    ///
    /// # Errors
    /// [`TicketError`], whose [`TicketError::close_code`] says how to close.
    pub fn verify(&self, token: &str, now_s: u64) -> Result<Resumption, TicketError> {
        if token.len() > TICKET_BYTES_MAX {
            return Err(TicketError::Malformed(format!(
                "it takes {} bytes",
                token.len()
            )));
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.checking, &self.validation)
            .map_err(|_| TicketError::Forged)?
            .claims;
        if claims.iss != ISSUER {
            return Err(TicketError::Forged);
        }
        if claims.exp <= now_s {
            return Err(TicketError::Expired(now_s - claims.exp));
        }
        let character = CharacterName::parse(&claims.sub)
            .map_err(|error| TicketError::Malformed(error.to_string()))?;
        Ok(Resumption {
            ticket: Ticket {
                character,
                account: claims.account,
                world: claims.aud,
                expires_at_s: claims.exp,
            },
            session: (claims.run == self.run).then_some(SessionId(claims.sid)),
        })
    }
}

fn random<const N: usize>() -> Result<[u8; N], KeyFileError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| KeyFileError::Generate {
        what: "a key for resume tokens",
        reason: error.to_string(),
    })?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    if text.len() != 2 * KEY_BYTES || !text.is_ascii() {
        return None;
    }
    for (nth, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * nth..2 * nth + 2)?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: u64 = 1_800_000_000;

    fn ticket() -> Ticket {
        Ticket {
            character: CharacterName::parse("Ada").unwrap(),
            account: Some("a@example.org".into()),
            world: "earth".into(),
            expires_at_s: NOW_S + 60,
        }
    }

    #[test]
    fn a_token_names_its_session_until_it_expires_and_its_character_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let first = ResumeTokens::load_or_create(folder.path()).unwrap();
        let token = first.issue(&ticket(), SessionId(7), NOW_S + 60);
        assert!(token.len() < 400, "{}", token.len());
        let good = first.verify(&token, NOW_S + 59).unwrap();
        assert_eq!((good.ticket, good.session), (ticket(), Some(SessionId(7))));
        assert_eq!(
            first.verify(&token, NOW_S + 60),
            Err(TicketError::Expired(0))
        );
        let restarted = ResumeTokens::load_or_create(folder.path()).unwrap();
        let good = restarted.verify(&token, NOW_S).unwrap();
        assert_eq!((good.ticket, good.session), (ticket(), None));
        let other = ResumeTokens::ephemeral().unwrap();
        assert_eq!(other.verify(&token, NOW_S), Err(TicketError::Forged));
    }

    #[test]
    fn a_changed_token_is_no_token() {
        let tokens = ResumeTokens::ephemeral().unwrap();
        let token = tokens.issue(&ticket(), SessionId(7), NOW_S + 60);
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'B' { b'x' } else { b'B' };
            let mutant = String::from_utf8(bytes).unwrap();
            // The last character carries bits that are not part of the signature.
            let judged = tokens.verify(&mutant, NOW_S);
            assert!(mutant == token || judged.is_err(), "byte {at}");
        }
        assert!(tokens.verify("", NOW_S).is_err());
        assert!(tokens.verify(&"a".repeat(2_000), NOW_S).is_err());
    }

    #[test]
    fn the_key_is_private_and_a_damaged_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        ResumeTokens::load_or_create(folder.path()).unwrap();
        let path = ResumeTokens::path(folder.path());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::write(&path, "zz").unwrap();
        let error = ResumeTokens::load_or_create(folder.path()).err().unwrap();
        assert!(error.to_string().contains("resume.key"), "{error}");
    }
}
