//! The server's TLS identity: a certificate chain and its key from PEM files, or, for development,
//! a self-signed certificate for the loopback addresses that clients pin.
//!
//! Pinning means: the client trusts exactly this certificate as its only root. Nothing is ever
//! accepted unverified.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::key_files::{KeyFileError, Readers, pair_exists, read_pem, write_new};

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
    /// certificate and of its key.
    ///
    /// # Errors
    /// [`KeyFileError::Generate`].
    pub fn generate_development() -> Result<(String, String), KeyFileError> {
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
        let certified = rcgen::generate_simple_self_signed(names).map_err(refuse)?;
        Ok((certified.cert.pem(), certified.signing_key.serialize_pem()))
    }

    /// The development identity in `folder`, made there (key with mode 0600) if there is none yet.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn load_or_create_development(folder: &Path) -> Result<Self, KeyFileError> {
        let (cert, key) = Self::paths(folder);
        if !pair_exists(&cert, &key)? {
            let (cert_pem, key_pem) = Self::generate_development()?;
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

    #[test]
    fn the_development_identity_is_made_once_and_its_key_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = ServerIdentity::load_or_create_development(folder.path()).unwrap();
        let again = ServerIdentity::load_or_create_development(folder.path()).unwrap();
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
        ServerIdentity::load_or_create_development(one.path()).unwrap();
        ServerIdentity::load_or_create_development(other.path()).unwrap();
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
