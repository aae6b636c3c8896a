//! Session tickets: who somebody is, signed by whoever runs the world.
//!
//! A ticket is a JWT (RFC 7519) signed with Ed25519 (`EdDSA`, RFC 8037). Claims: `sub` the
//! character's name, `aud` the world, `iss` always [`ISSUER`], `iat` and `exp` in Unix seconds. The
//! algorithm is fixed by the verifier, never taken from the ticket. Login services hold the private
//! key; a game server needs only the public one. No clock is read here: `now` is an argument.

mod character_name;

use std::path::{Path, PathBuf};

use bluemarble_shared_protocol::CloseCode;
use bluemarble_shared_protocol::limits::TICKET_BYTES_MAX;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

pub use self::character_name::{CharacterName, NameError};
use crate::key_files::{KeyFileError, Readers, pair_exists, read_pem, write_new};

/// The `iss` claim of every ticket.
pub const ISSUER: &str = "bluemarble";
/// How far into the future a ticket may have been issued, seconds: two machines' clocks differ.
pub const CLOCK_SKEW_S: u64 = 60;
/// Most public keys at a time: each costs a signature check for a ticket that is forged.
pub const KEYS_MAX: usize = 4;
/// Bytes of an Ed25519 public key.
const PUBLIC_KEY_BYTES: usize = 32;

/// What a good ticket says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Whose.
    pub character: CharacterName,
    /// Whom the character belongs to, as far as the login service says.
    pub account: Option<String>,
    /// The world it is for.
    pub world: String,
    /// When it stops being good, Unix seconds.
    pub expires_at_s: u64,
}

/// Why a ticket is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Not a ticket at all, or its claims make no sense.
    #[error("this is not a ticket: {0}")]
    Malformed(String),
    /// Not signed with the expected key, or not with Ed25519.
    #[error("the ticket is not signed with this server's key")]
    Forged,
    /// Good until some time ago.
    #[error("the ticket expired {0} s ago")]
    Expired(u64),
    /// Issued in the future.
    #[error("the ticket will only become valid in {0} s: compare the clocks")]
    NotYet(u64),
    /// For another world.
    #[error("the ticket is for the world {0:?}")]
    WrongWorld(String),
}

impl TicketError {
    /// What the connection is closed with.
    #[must_use]
    pub fn close_code(&self) -> CloseCode {
        match self {
            Self::Malformed(_) | Self::Forged | Self::NotYet(_) => CloseCode::BadTicket,
            Self::Expired(_) => CloseCode::ExpiredTicket,
            Self::WrongWorld(_) => CloseCode::WrongWorld,
        }
    }
}

/// Why a text is not a key that tickets can be made or checked with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 {kind} key in PEM form: {reason}")]
pub struct TicketKeyError {
    kind: &'static str,
    reason: String,
}

/// Longest name of an account, bytes: a UUID or an address takes half of it.
pub const ACCOUNT_BYTES_MAX: usize = 64;

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    aud: String,
    iss: String,
    iat: u64,
    exp: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<String>,
}

/// Makes tickets for one world.
#[derive(Clone)]
pub struct TicketIssuer {
    key: EncodingKey,
    world: String,
}

impl TicketIssuer {
    /// From the private key, PKCS#8 in PEM.
    ///
    /// # Errors
    /// [`TicketKeyError`].
    pub fn from_pem(private_pem: &str, world: &str) -> Result<Self, TicketKeyError> {
        let refuse = |reason: String| TicketKeyError {
            kind: "private",
            reason,
        };
        let key = EncodingKey::from_ed_pem(private_pem.as_bytes())
            .map_err(|error| refuse(error.to_string()))?;
        // Signs once, so that a key of the wrong sort is found now and not at the first ticket.
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &(), &key)
            .map_err(|error| refuse(error.to_string()))?;
        Ok(Self {
            key,
            world: world.to_owned(),
        })
    }

    /// A ticket for `character`, good from `now_s` for `lifetime_s` seconds.
    #[must_use]
    pub fn issue(&self, character: &CharacterName, now_s: u64, lifetime_s: u64) -> String {
        self.issue_of(character, None, now_s, lifetime_s)
    }

    /// The same, for a character of an account of at most [`ACCOUNT_BYTES_MAX`] bytes.
    #[must_use]
    pub fn issue_of(
        &self,
        character: &CharacterName,
        account: Option<&str>,
        now_s: u64,
        lifetime_s: u64,
    ) -> String {
        let claims = Claims {
            account: account.map(str::to_owned),
            sub: character.as_str().to_owned(),
            aud: self.world.clone(),
            iss: ISSUER.to_owned(),
            iat: now_s,
            exp: now_s.saturating_add(lifetime_s),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &self.key)
            .expect("the key has signed before and the claims are plain text and numbers")
    }
}

/// Checks tickets, of one world or of any.
#[derive(Clone)]
pub struct TicketVerifier {
    /// A ticket signed with any of them is good; at least one.
    keys: Vec<DecodingKey>,
    validation: Validation,
    /// The only world whose tickets are good; `None` = whoever asks looks at the ticket's world.
    world: Option<String>,
}

impl TicketVerifier {
    /// From the public key, SPKI in PEM; only tickets of `world` are good.
    ///
    /// # Errors
    /// [`TicketKeyError`].
    pub fn from_pem(public_pem: &str, world: &str) -> Result<Self, TicketKeyError> {
        let any = Self::of_any_world(public_pem)?;
        let world = Some(world.to_owned());
        Ok(Self { world, ..any })
    }

    /// From one public key or several, SPKI in PEM, one block after the other: while keys are being
    /// changed, tickets of the old and of the new one are good. Whether [`Ticket::world`] is good is
    /// for the caller to say.
    ///
    /// # Errors
    /// [`TicketKeyError`].
    pub fn of_any_world(public_pem: &str) -> Result<Self, TicketKeyError> {
        let refuse = |reason: String| TicketKeyError {
            kind: "public",
            reason,
        };
        let mut keys = Vec::new();
        for block in blocks(public_pem) {
            let key = DecodingKey::from_ed_pem(block.as_bytes())
                .map_err(|error| refuse(error.to_string()))?;
            let bytes = key
                .try_get_as_bytes()
                .map_err(|error| refuse(error.to_string()))?
                .len();
            if bytes != PUBLIC_KEY_BYTES {
                return Err(refuse(format!(
                    "it holds {bytes} bytes instead of {PUBLIC_KEY_BYTES}"
                )));
            }
            keys.push(key);
        }
        if keys.is_empty() || keys.len() > KEYS_MAX {
            let found = keys.len();
            return Err(refuse(format!(
                "{found} PEM blocks, where 1 to {KEYS_MAX} are allowed"
            )));
        }
        // Time, issuer and audience are compared below, where `now` is an argument.
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Ok(Self {
            keys,
            validation,
            world: None,
        })
    }

    /// What the ticket says, if it is good at `now_s` (Unix seconds).
    ///
    /// # Errors
    /// [`TicketError`], whose [`TicketError::close_code`] says how to close.
    pub fn verify(&self, ticket: &str, now_s: u64) -> Result<Ticket, TicketError> {
        if ticket.len() > TICKET_BYTES_MAX {
            return Err(TicketError::Malformed(format!(
                "it takes {} bytes",
                ticket.len()
            )));
        }
        let mut refusal = TicketError::Forged;
        for key in &self.keys {
            match jsonwebtoken::decode::<Claims>(ticket, key, &self.validation) {
                Ok(good) => return self.judge(good.claims, now_s),
                Err(error) => {
                    refusal = match error.kind() {
                        ErrorKind::InvalidSignature
                        | ErrorKind::InvalidAlgorithm
                        | ErrorKind::InvalidAlgorithmName
                        | ErrorKind::UnsupportedAlgorithm => TicketError::Forged,
                        _ => TicketError::Malformed(error.to_string()),
                    }
                }
            }
        }
        Err(refusal)
    }

    fn judge(&self, claims: Claims, now_s: u64) -> Result<Ticket, TicketError> {
        if claims.iss != ISSUER {
            return Err(TicketError::Malformed(
                "its issuer is not bluemarble".to_owned(),
            ));
        }
        if self.world.as_ref().is_some_and(|ours| claims.aud != *ours) {
            return Err(TicketError::WrongWorld(claims.aud));
        }
        if claims.exp <= now_s {
            return Err(TicketError::Expired(now_s - claims.exp));
        }
        if claims.iat > now_s.saturating_add(CLOCK_SKEW_S) {
            return Err(TicketError::NotYet(claims.iat - now_s));
        }
        let character = CharacterName::parse(&claims.sub)
            .map_err(|error| TicketError::Malformed(error.to_string()))?;
        if let Some(account) = &claims.account
            && !(1..=ACCOUNT_BYTES_MAX).contains(&account.len())
        {
            return Err(TicketError::Malformed(format!(
                "its account takes {} bytes; 1 to {ACCOUNT_BYTES_MAX} are allowed",
                account.len()
            )));
        }
        Ok(Ticket {
            character,
            account: claims.account,
            world: claims.aud,
            expires_at_s: claims.exp,
        })
    }
}

/// The PEM blocks of a text; all of it, if it has none.
fn blocks(pem: &str) -> Vec<&str> {
    const END: &str = "-----END PUBLIC KEY-----";
    let mut blocks: Vec<&str> = pem.split_inclusive(END).collect();
    if blocks.len() > 1
        && !blocks
            .last()
            .is_some_and(|rest| rest.contains("-----BEGIN"))
    {
        blocks.pop();
    }
    blocks
}

/// Both halves of a ticket key as PEM texts. The private half is shown by no `Debug`.
#[derive(Clone)]
pub struct TicketKeys {
    /// PKCS#8.
    pub private_pem: String,
    /// SubjectPublicKeyInfo.
    pub public_pem: String,
}

impl TicketKeys {
    /// Name of the private key's file in a development folder.
    pub const PRIVATE_FILE: &str = "ticket.key.pem";
    /// Name of the public key's file in a development folder.
    pub const PUBLIC_FILE: &str = "ticket.pub.pem";

    /// A new pair from the operating system's randomness.
    ///
    /// # Errors
    /// [`KeyFileError::Generate`] if there is no randomness to be had.
    pub fn generate() -> Result<Self, KeyFileError> {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).map_err(|error| {
            KeyFileError::Generate {
                what: "a ticket key",
                reason: error.to_string(),
            }
        })?;
        Ok(Self {
            private_pem: pair.serialize_pem(),
            public_pem: pair.public_key_pem(),
        })
    }

    /// The pair in `folder`, made there (private half with mode 0600) if there is none yet.
    ///
    /// # Errors
    /// [`KeyFileError`], also if only one half is there.
    pub fn load_or_create(folder: &Path) -> Result<Self, KeyFileError> {
        let (private, public) = Self::paths(folder);
        if pair_exists(&private, &public)? {
            return Ok(Self {
                private_pem: read_pem(&private, "the private ticket key")?,
                public_pem: read_pem(&public, "the public ticket key")?,
            });
        }
        let keys = Self::generate()?;
        write_new(
            &private,
            "the private ticket key",
            &keys.private_pem,
            Readers::Owner,
        )?;
        write_new(
            &public,
            "the public ticket key",
            &keys.public_pem,
            Readers::Everybody,
        )?;
        Ok(keys)
    }

    /// Where [`Self::load_or_create`] keeps the private and the public half.
    #[must_use]
    pub fn paths(folder: &Path) -> (PathBuf, PathBuf) {
        (
            folder.join(Self::PRIVATE_FILE),
            folder.join(Self::PUBLIC_FILE),
        )
    }
}

#[cfg(test)]
mod tests {
    use bluemarble_shared_protocol::EntityId;

    use super::*;

    const NOW_S: u64 = 1_800_000_000;

    fn pair() -> (TicketIssuer, TicketVerifier) {
        let keys = TicketKeys::generate().unwrap();
        (
            TicketIssuer::from_pem(&keys.private_pem, "earth").unwrap(),
            TicketVerifier::from_pem(&keys.public_pem, "earth").unwrap(),
        )
    }

    fn name(name: &str) -> CharacterName {
        CharacterName::parse(name).unwrap()
    }

    #[test]
    fn a_ticket_names_its_character_until_it_expires() {
        let (issuer, verifier) = pair();
        let ticket = issuer.issue(&name("Ada"), NOW_S, 100);
        assert!(ticket.len() < 400, "{}", ticket.len());
        let good = verifier.verify(&ticket, NOW_S + 99).unwrap();
        assert_eq!(
            (good.character.as_str(), good.expires_at_s),
            ("Ada", NOW_S + 100)
        );
        assert_eq!(good.character.avatar(), EntityId::of_character("Ada"));
        assert_eq!(
            verifier.verify(&ticket, NOW_S + 100),
            Err(TicketError::Expired(0))
        );
        assert_eq!(
            verifier.verify(&ticket, NOW_S + 130),
            Err(TicketError::Expired(30))
        );
    }

    #[test]
    fn a_ticket_of_another_key_is_forged() {
        let (_, verifier) = pair();
        let (other, _) = pair();
        let ticket = other.issue(&name("Ada"), NOW_S, 100);
        assert_eq!(verifier.verify(&ticket, NOW_S), Err(TicketError::Forged));
    }

    #[test]
    fn a_ticket_for_another_world_or_from_the_future_is_refused() {
        let keys = TicketKeys::generate().unwrap();
        let moon = TicketIssuer::from_pem(&keys.private_pem, "moon").unwrap();
        let verifier = TicketVerifier::from_pem(&keys.public_pem, "earth").unwrap();
        let ticket = moon.issue(&name("Ada"), NOW_S, 100);
        assert_eq!(
            verifier.verify(&ticket, NOW_S),
            Err(TicketError::WrongWorld("moon".into()))
        );
        let earth = TicketIssuer::from_pem(&keys.private_pem, "earth").unwrap();
        let early = earth.issue(&name("Ada"), NOW_S + 1_000, 100);
        assert_eq!(
            verifier.verify(&early, NOW_S),
            Err(TicketError::NotYet(1_000))
        );
        let skewed = earth.issue(&name("Ada"), NOW_S + CLOCK_SKEW_S, 100);
        assert!(verifier.verify(&skewed, NOW_S).is_ok());
    }

    #[test]
    fn the_ticket_does_not_choose_the_algorithm() {
        let keys = TicketKeys::generate().unwrap();
        let verifier = TicketVerifier::from_pem(&keys.public_pem, "earth").unwrap();
        let claims = Claims {
            account: None,
            sub: "Ada".into(),
            aud: "earth".into(),
            iss: ISSUER.into(),
            iat: NOW_S,
            exp: NOW_S + 100,
        };
        // The classic confusion: the public key used as a shared secret.
        let secret = EncodingKey::from_secret(keys.public_pem.as_bytes());
        let ticket =
            jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &secret).unwrap();
        assert_eq!(verifier.verify(&ticket, NOW_S), Err(TicketError::Forged));
    }

    #[test]
    fn garbage_and_mutations_are_refused_without_panic() {
        let (issuer, verifier) = pair();
        for garbage in ["", ".", "..", "a.b.c", "eyJ.eyJ.", "\u{0}\u{0}.\u{0}.\u{0}"] {
            let error = verifier.verify(garbage, NOW_S).unwrap_err();
            assert!(
                matches!(error, TicketError::Malformed(_)),
                "{garbage:?} {error}"
            );
        }
        let oversized = "a".repeat(TICKET_BYTES_MAX + 1);
        assert!(matches!(
            verifier.verify(&oversized, NOW_S),
            Err(TicketError::Malformed(_))
        ));
        let ticket = issuer.issue(&name("Ada"), NOW_S, 100);
        let signature_at = ticket.rfind('.').unwrap();
        for at in 0..ticket.len() {
            let mut bytes = ticket.clone().into_bytes();
            bytes[at] = if bytes[at] == b'B' { b'x' } else { b'B' };
            let mutant = String::from_utf8(bytes).unwrap();
            if mutant != ticket {
                assert!(
                    verifier.verify(&mutant, NOW_S).is_err(),
                    "byte {at} of {signature_at}"
                );
            }
        }
    }

    #[test]
    fn while_keys_change_tickets_of_both_are_good() {
        let (old, new) = (
            TicketKeys::generate().unwrap(),
            TicketKeys::generate().unwrap(),
        );
        let both = format!("{}\n{}\n", old.public_pem, new.public_pem);
        let verifier = TicketVerifier::from_pem(&both, "earth").unwrap();
        for keys in [&old, &new] {
            let issuer = TicketIssuer::from_pem(&keys.private_pem, "earth").unwrap();
            let ticket = issuer.issue(&name("Ada"), NOW_S, 100);
            assert!(verifier.verify(&ticket, NOW_S).is_ok());
        }
        let other = TicketIssuer::from_pem(&TicketKeys::generate().unwrap().private_pem, "earth");
        let ticket = other.unwrap().issue(&name("Ada"), NOW_S, 100);
        assert_eq!(verifier.verify(&ticket, NOW_S), Err(TicketError::Forged));
        let many = old.public_pem.repeat(KEYS_MAX + 1);
        assert!(TicketVerifier::from_pem(&many, "earth").is_err());
        let half = format!("{}-----BEGIN PUBLIC KEY-----\nAAAA", old.public_pem);
        assert!(TicketVerifier::from_pem(&half, "earth").is_err());
    }

    #[test]
    fn keys_of_the_wrong_sort_are_refused_at_load() {
        let keys = TicketKeys::generate().unwrap();
        assert!(TicketIssuer::from_pem(&keys.public_pem, "earth").is_err());
        assert!(TicketVerifier::from_pem(&keys.private_pem, "earth").is_err());
        assert!(TicketVerifier::from_pem("no key", "earth").is_err());
        let ecdsa = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        assert!(TicketIssuer::from_pem(&ecdsa.serialize_pem(), "earth").is_err());
        assert!(TicketVerifier::from_pem(&ecdsa.public_key_pem(), "earth").is_err());
    }

    #[test]
    fn development_keys_are_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = TicketKeys::load_or_create(folder.path()).unwrap();
        let again = TicketKeys::load_or_create(folder.path()).unwrap();
        assert_eq!(first.private_pem, again.private_pem);
        let (private, public) = TicketKeys::paths(folder.path());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(private).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::remove_file(public).unwrap();
        assert!(matches!(
            TicketKeys::load_or_create(folder.path()),
            Err(KeyFileError::HalfPair { .. })
        ));
    }
}
