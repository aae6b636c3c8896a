//! Postgres over TLS: a real one behind an end of TLS that has a self-signed certificate. (Postgres
//! itself speaks no TLS on the socket that the tests reach it by.)

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bluemarble_persistence::{Store, StoreError};
use common::{Database, QUICK, image, on_each_backend, stamp};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection};
use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;

/// What a client asks first that wants TLS (Postgres documentation, message formats, SSLRequest).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// An end of TLS before the Postgres that a URL names.
struct Front {
    port: u16,
    dir: TempDir,
}

impl Front {
    fn before(target: PgConnectOptions, speaks_tls: bool) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("root.pem"), made.cert.pem()).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (config, target) = (Arc::clone(&config), target.clone());
                let tls = speaks_tls.then_some(config);
                std::thread::spawn(move || relay(client.unwrap(), tls, &target));
            }
        });
        Self { port, dir }
    }

    /// The store's URL, with the mode and whatever else.
    fn url(&self, database: &Database, mode: &str) -> String {
        let (server, rest) = database.url.split_once('?').unwrap();
        let server = PgConnectOptions::from_str(server).unwrap();
        let named = PgConnectOptions::from_str(&database.url).unwrap();
        let name = server.get_database().unwrap_or("postgres").to_owned();
        let schema = rest.split('&').find(|part| part.starts_with("options"));
        format!(
            "postgres://{}@localhost:{}/{name}?sslmode={mode}&{}",
            named.get_username(),
            self.port,
            schema.unwrap()
        )
    }

    fn root(&self) -> String {
        format!(
            "&sslrootcert={}",
            self.dir.path().join("root.pem").display()
        )
    }
}

/// Speaks for one client until either end is gone. Whoever does not ask for TLS gets no answer.
fn relay(mut client: TcpStream, tls: Option<Arc<ServerConfig>>, target: &PgConnectOptions) {
    let mut asked = [0; 8];
    if client.read_exact(&mut asked).is_err() || asked != SSL_REQUEST {
        return;
    }
    let Some(config) = tls else {
        let _ = client.write_all(b"N");
        return;
    };
    client.write_all(b"S").unwrap();
    let socket = target
        .get_socket()
        .expect("the test's Postgres has a socket");
    let path = socket.join(format!(".s.PGSQL.{}", target.get_port()));
    let mut server = UnixStream::connect(path).unwrap();
    let turn = Some(Duration::from_millis(1));
    client.set_read_timeout(turn).unwrap();
    server.set_read_timeout(turn).unwrap();
    let mut session = ServerConnection::new(config).unwrap();
    let mut bytes = vec![0; 64 * 1024];
    let later = |error: &std::io::Error| {
        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
    };
    loop {
        match session.read_tls(&mut client) {
            Ok(0) => return,
            Err(error) if !later(&error) => return,
            _ => {}
        }
        if session.process_new_packets().is_err() {
            let _ = session.write_tls(&mut client);
            return;
        }
        match session.reader().read(&mut bytes) {
            Ok(0) => return,
            Ok(some) => server.write_all(&bytes[..some]).unwrap(),
            Err(error) if !later(&error) => return,
            Err(_) => {}
        }
        match server.read(&mut bytes) {
            Ok(0) => return,
            Ok(some) => session.writer().write_all(&bytes[..some]).unwrap(),
            Err(error) if !later(&error) => return,
            Err(_) => {}
        }
        while session.wants_write() {
            if session.write_tls(&mut client).is_err() {
                return;
            }
        }
    }
}

#[test]
fn a_world_is_kept_over_tls_and_a_certificate_nobody_vouches_for_is_refused() {
    on_each_backend(|database| async {
        if database.is_sqlite() {
            return database;
        }
        database.open().await.close().await;
        let target = PgConnectOptions::from_str(&database.url).unwrap();
        let front = Front::before(target.clone(), true);
        for (mode, root) in [("verify-full", front.root()), ("require", String::new())] {
            let url = format!("{}{root}", front.url(&database, mode));
            let store = Store::open(&url).await.unwrap();
            let claim = store.claim("earth", &stamp(1)).await.unwrap();
            let image = image(claim.epoch, 7);
            store.save_checkpoint(&claim, &image).await.unwrap();
            let found = store.latest_checkpoint("earth").await.unwrap();
            assert_eq!(found, Some(image));
            store.close().await;
        }
        let unknown = front.url(&database, "verify-full");
        let refused = Store::open_with(&unknown, QUICK).await.unwrap_err();
        let text = refused.to_string();
        assert!(matches!(refused, StoreError::Refused { .. }), "{text}");
        assert!(text.contains("sslrootcert"), "{text}");

        let plain = Front::before(target, false);
        let refused = Store::open_with(&plain.url(&database, "require"), QUICK).await;
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("TLS"), "{text}");
        database
    });
}
