//! A client's UDP socket and whom it trusts. Several clients may share one, as a load test's do.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::ConnectError;
use crate::certs::{crypto_provider, load_certs};
use crate::late_alarms::LateAlarms;
use crate::server::quic::{CLIENT_DATAGRAMS_WAITING, CLIENT_WINDOW_FLOOR_BYTES, bounded_transport};
use crate::udp_socket;

/// Silence after which a client gives its server up.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often an otherwise silent connection is kept alive.
const KEEP_ALIVE: Duration = Duration::from_secs(3);

/// The certificates a server's chain must lead to. A pinned self-signed certificate is its own
/// root; there is no way to trust without one.
#[derive(Clone, Debug)]
pub struct Trust {
    roots: Arc<RootCertStore>,
}

impl Trust {
    /// Exactly these roots.
    ///
    /// # Errors
    /// [`ConnectError::Trust`] if one of them is no certificate.
    pub fn certificates(
        certs: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> Result<Self, ConnectError> {
        let mut roots = RootCertStore::empty();
        for cert in certs {
            roots
                .add(cert)
                .map_err(|error| ConnectError::Trust(error.to_string()))?;
        }
        Ok(Self {
            roots: Arc::new(roots),
        })
    }

    /// The certificates of a PEM file: a pinned one, or a system's bundle of roots.
    ///
    /// # Errors
    /// [`ConnectError::Trust`] names the file.
    pub fn file(path: &Path) -> Result<Self, ConnectError> {
        let certs = load_certs(path).map_err(|error| ConnectError::Trust(error.to_string()))?;
        Self::certificates(certs)
    }
}

/// A socket to connect from.
#[derive(Clone, Debug)]
pub struct ClientEndpoint {
    pub(super) endpoint: quinn::Endpoint,
}

impl ClientEndpoint {
    /// A socket on a free port, of the address family of `server`. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`ConnectError::Socket`].
    pub fn towards(server: SocketAddr) -> Result<Self, ConnectError> {
        let any = match server {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let open = || {
            let socket = udp_socket::bind(SocketAddr::new(any, 0))?;
            let config = quinn::EndpointConfig::default();
            quinn::Endpoint::new(config, None, socket, Arc::new(LateAlarms))
        };
        Ok(Self {
            endpoint: open().map_err(ConnectError::Socket)?,
        })
    }

    /// Goes on from another free port, as a client does whose network has changed: connections stay.
    ///
    /// # Errors
    /// [`ConnectError::Socket`].
    pub fn rebind(&self) -> Result<(), ConnectError> {
        let rebind = || {
            let any = SocketAddr::new(self.endpoint.local_addr()?.ip(), 0);
            self.endpoint.rebind(udp_socket::bind(any)?)
        };
        rebind().map_err(ConnectError::Socket)
    }

    /// Waits until closed connections have said so, at most `patience`.
    pub async fn wait_idle(&self, patience: Duration) {
        let _ = tokio::time::timeout(patience, self.endpoint.wait_idle()).await;
    }
}

/// quinn's configuration for a client that offers `alpn`.
pub(super) fn quinn_config(
    trust: &Trust,
    alpn: &[u8],
) -> Result<quinn::ClientConfig, ConnectError> {
    let refuse = |reason: String| ConnectError::Trust(reason);
    let mut tls = rustls::ClientConfig::builder_with_provider(crypto_provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| refuse(error.to_string()))?
        .with_root_certificates(trust.roots.clone())
        .with_no_client_auth();
    tls.alpn_protocols = vec![alpn.to_vec()];
    let crypto = QuicClientConfig::try_from(tls).map_err(|error| refuse(error.to_string()))?;
    let mut config = quinn::ClientConfig::new(Arc::new(crypto));
    let transport = bounded_transport(
        IDLE_TIMEOUT,
        KEEP_ALIVE,
        CLIENT_DATAGRAMS_WAITING,
        CLIENT_WINDOW_FLOOR_BYTES,
    );
    config.transport_config(Arc::new(transport));
    Ok(config)
}
