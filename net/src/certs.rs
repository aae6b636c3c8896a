//! The server's TLS identity: a certificate chain and its key from PEM files, or, for development,
//! a self-signed certificate for the loopback addresses that clients pin.
//!
//! Browsers pin by hash (`serverCertificateHashes` of the WebTransport API), and only certificates with
//! an ECDSA P-256 key that are valid for at most two weeks. So the development certificate is one, and
//! is made anew when it is about to expire.
//!
//! Pinning means: the client trusts exactly this certificate as its only root. Nothing is ever
//! accepted unverified.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};

use crate::key_files::{KeyFileError, Readers, pair_exists, read_pem, write_new};

/// Seconds of a day.
const DAY_S: u64 = 86_400;
/// Days from the one it is made on until a development certificate expires: with the day before, 13,
/// where browsers allow 14.
const DEVELOPMENT_DAYS: u64 = 12;
/// A development certificate with fewer days left than this is made anew at a start.
const RENEWAL_DAYS: u64 = 3;

/// The name in the development certificate that clients ask for.
pub const DEVELOPMENT_SERVER_NAME: &str = "localhost";

/// The one cryptography provider, always passed explicitly: two in one process panic.
#[must_use]
pub fn crypto_provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A certificate chain, leaf first, and the leaf's private key.
pub struct ServerIdentity {
    /// The chain.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key.
    pub key: PrivateKeyDer<'static>,
}

impl Clone for ServerIdentity {
    fn clone(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            key: self.key.clone_key(),
        }
    }
}

impl ServerIdentity {
    /// Name of the certificate's file in a development folder.
    pub const CERT_FILE: &str = "cert.pem";
    /// Name of the key's file in a development folder.
    pub const KEY_FILE: &str = "cert.key.pem";
    /// Name of the file that says when the certificate in a development folder expires, Unix seconds.
    pub const EXPIRY_FILE: &str = "cert.expires";

    /// From a PEM chain, leaf first, and a PEM private key.
    ///
    /// # Errors
    /// [`KeyFileError`], also if the key does not belong to the certificate.
    pub fn load(cert: &Path, key: &Path) -> Result<Self, KeyFileError> {
        let identity = Self {
            chain: load_certs(cert)?,
            key: load_key(key)?,
        };
        identity.check(key)?;
        Ok(identity)
    }

    /// A self-signed certificate for `localhost`, 127.0.0.1 and ::1, as the PEM texts of the
    /// certificate and of its key: ECDSA P-256, good from the day before `now_s` (Unix seconds) for
    /// 13 days.
    ///
    /// # Errors
    /// [`KeyFileError::Generate`].
    pub fn generate_development(now_s: u64) -> Result<(String, String), KeyFileError> {
        let refuse = |error: rcgen::Error| KeyFileError::Generate {
            what: "a development certificate",
            reason: error.to_string(),
        };
        let addresses = [
            IpAddr::from(Ipv4Addr::LOCALHOST),
            IpAddr::from(Ipv6Addr::LOCALHOST),
        ];
        let mut names = vec![DEVELOPMENT_SERVER_NAME.to_owned()];
        names.extend(addresses.iter().map(ToString::to_string));
        let mut params = rcgen::CertificateParams::new(names).map_err(refuse)?;
        let day = now_s / DAY_S;
        let (year, month, of_month) = civil(day.saturating_sub(1));
        params.not_before = rcgen::date_time_ymd(year, month, of_month);
        let (year, month, of_month) = civil(day + DEVELOPMENT_DAYS);
        params.not_after = rcgen::date_time_ymd(year, month, of_month);
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(refuse)?;
        let cert = params.self_signed(&key).map_err(refuse)?;
        Ok((cert.pem(), key.serialize_pem()))
    }

    /// The development identity in `folder`, made there (key with mode 0600) if there is none yet, or
    /// none that is good for a few days from `now_s` (Unix seconds) on. Clients that pin the old one
    /// have to take the new one.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn load_or_create_development(folder: &Path, now_s: u64) -> Result<Self, KeyFileError> {
        let (cert, key) = Self::paths(folder);
        let expires = folder.join(Self::EXPIRY_FILE);
        if pair_exists(&cert, &key)? && !is_good_until(&expires, now_s + RENEWAL_DAYS * DAY_S) {
            for old in [&key, &cert] {
                std::fs::remove_file(old).map_err(|source| KeyFileError::Write {
                    what: "a new development certificate",
                    path: old.clone(),
                    source,
                })?;
            }
        }
        if !pair_exists(&cert, &key)? {
            let (cert_pem, key_pem) = Self::generate_development(now_s)?;
            let _made_with_the_first_one = std::fs::remove_file(&expires);
            let until_s = (now_s / DAY_S + DEVELOPMENT_DAYS) * DAY_S;
            write_new(
                &expires,
                "when the development certificate expires",
                &format!("{until_s}\n"),
                Readers::Everybody,
            )?;
            write_new(
                &key,
                "the development certificate's key",
                &key_pem,
                Readers::Owner,
            )?;
            write_new(
                &cert,
                "the development certificate",
                &cert_pem,
                Readers::Everybody,
            )?;
        }
        Self::load(&cert, &key)
    }

    /// SHA-256 of the leaf certificate (DER), in lower-case hexadecimal: what browsers pin.
    #[must_use]
    pub fn sha256_hex(&self) -> String {
        let leaf = self.chain.first().map_or(&[][..], |leaf| leaf.as_ref());
        let digest = Sha256::digest(leaf);
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Where [`Self::load_or_create_development`] keeps the certificate and its key.
    #[must_use]
    pub fn paths(folder: &Path) -> (PathBuf, PathBuf) {
        (folder.join(Self::CERT_FILE), folder.join(Self::KEY_FILE))
    }

    /// Whether key and certificate belong together; the error names the key's file.
    fn check(&self, key: &Path) -> Result<(), KeyFileError> {
        let provider = crypto_provider();
        rustls::sign::CertifiedKey::from_der(self.chain.clone(), self.key.clone_key(), &provider)
            .map(|_| ())
            .map_err(|error| KeyFileError::Content {
                what: "the private key of the certificate",
                path: key.to_owned(),
                reason: error.to_string(),
            })
    }
}

/// Year, month and day of a day counted from 1970-01-01 (the algorithm is Howard Hinnant's "days to
/// civil": years begin in March, so that the leap day is the last).
fn civil(day: u64) -> (i32, u8, u8) {
    let shifted = day + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (
        i32::try_from(year).unwrap_or(i32::MAX),
        month as u8,
        of_month as u8,
    )
}

/// Whether the expiry noted in a file is later than a time; a file that is missing or odd is not.
fn is_good_until(expires: &Path, time_s: u64) -> bool {
    let noted = std::fs::read_to_string(expires).ok();
    let until_s = noted.and_then(|text| text.trim().parse::<u64>().ok());
    until_s.is_some_and(|until_s| until_s > time_s)
}

/// All certificates of a PEM file; at least one.
///
/// # Errors
/// [`KeyFileError`].
pub fn load_certs(path: &Path) -> Result<Vec<CertificateDer<'static>>, KeyFileError> {
    const WHAT: &str = "a certificate";
    let refuse = |reason: String| KeyFileError::Content {
        what: WHAT,
        path: path.to_owned(),
        reason,
    };
    let pem = read_pem(path, WHAT)?;
    let certs: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| refuse(error.to_string()))?;
    if certs.is_empty() {
        return Err(refuse("no BEGIN CERTIFICATE in it".to_owned()));
    }
    Ok(certs)
}

fn load_key(path: &Path) -> Result<PrivateKeyDer<'static>, KeyFileError> {
    const WHAT: &str = "a private key";
    let pem = read_pem(path, WHAT)?;
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|error| KeyFileError::Content {
        what: WHAT,
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2027-01-15 08:00 UTC.
    const NOW_S: u64 = 1_800_000_000;

    #[test]
    fn days_are_the_calendars() {
        for (day, y, m, d) in [
            (0, 1970, 1, 1),
            (58, 1970, 2, 28),
            (59, 1970, 3, 1),
            (11_016, 2000, 2, 29),
            (20_833, 2027, 1, 15),
            (20_818, 2026, 12, 31),
        ] {
            assert_eq!(civil(day), (y, m, d), "{day}");
        }
    }

    #[test]
    fn a_development_certificate_is_made_anew_before_it_expires_and_has_a_hash() {
        let folder = tempfile::tempdir().unwrap();
        let at = |day: u64| {
            ServerIdentity::load_or_create_development(folder.path(), NOW_S + day * DAY_S).unwrap()
        };
        let (first, week, late) = (at(0), at(7), at(10));
        assert_eq!(first.sha256_hex(), week.sha256_hex());
        assert_ne!(first.sha256_hex(), late.sha256_hex());
        assert_eq!(first.sha256_hex().len(), 64);
        // One of before there were expiry dates is replaced, too.
        std::fs::remove_file(folder.path().join(ServerIdentity::EXPIRY_FILE)).unwrap();
        assert_ne!(at(10).sha256_hex(), late.sha256_hex());
    }

    #[test]
    fn the_development_identity_is_made_once_and_its_key_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = ServerIdentity::load_or_create_development(folder.path(), NOW_S).unwrap();
        let again = ServerIdentity::load_or_create_development(folder.path(), NOW_S).unwrap();
        assert_eq!(first.chain, again.chain);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let (_, key) = ServerIdentity::paths(folder.path());
            let mode = std::fs::metadata(key).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        ServerIdentity::load_or_create_development(one.path(), NOW_S).unwrap();
        ServerIdentity::load_or_create_development(other.path(), NOW_S).unwrap();
        let (cert, _) = ServerIdentity::paths(one.path());
        let (_, key) = ServerIdentity::paths(other.path());
        let error = ServerIdentity::load(&cert, &key).err().unwrap();
        assert!(matches!(error, KeyFileError::Content { .. }), "{error}");
        assert!(error.to_string().contains("cert.key.pem"), "{error}");
    }

    #[test]
    fn files_that_are_missing_or_hold_something_else_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("nowhere.pem");
        let error = load_certs(&missing).unwrap_err();
        assert!(error.to_string().contains("nowhere.pem"), "{error}");
        let odd = folder.path().join("odd.pem");
        std::fs::write(&odd, "hello").unwrap();
        assert!(matches!(
            load_certs(&odd),
            Err(KeyFileError::Content { .. })
        ));
        assert!(matches!(load_key(&odd), Err(KeyFileError::Content { .. })));
    }
}
