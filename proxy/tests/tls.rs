//! TLS on either leg, or on both.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, crypto::ring};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use wsaudit_proxy::{BindError, ListenerTls, Proxy, TlsError};
use wsaudit_recording::{HowEnded, Writer, WriterOptions};
use wsaudit_wire::Direction;

use crate::harness::{
    Rig, SWITCH, UPGRADE, backend, config, expect, masked, read_all, unmasked, within,
};

/// An authority, and a certificate of it for `localhost`.
struct Authority {
    dir: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned()];
        let certificate = CertificateParams::new(names)
            .unwrap()
            .signed_by(&key, &issuer)
            .unwrap();
        let dir = TempDir::new().unwrap();
        for (name, pem) in [
            ("ca.pem", issuer.pem()),
            ("cert.pem", certificate.pem()),
            ("key.pem", key.serialize_pem()),
        ] {
            std::fs::write(dir.path().join(name), pem).unwrap();
        }
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn listener(&self) -> ListenerTls {
        ListenerTls {
            cert: self.path("cert.pem"),
            key: self.path("key.pem"),
        }
    }

    async fn accept(&self, socket: TcpStream) -> impl AsyncRead + AsyncWrite + Unpin {
        let cert = CertificateDer::from_pem_file(self.path("cert.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(self.path("key.pem")).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let stream = within(TlsAcceptor::from(Arc::new(config)).accept(socket))
            .await
            .unwrap();
        assert_eq!(stream.get_ref().1.server_name(), Some("localhost"));
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        stream
    }

    async fn connect(&self, socket: TcpStream) -> impl AsyncRead + AsyncWrite + Unpin {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(self.path("ca.pem")).unwrap())
            .unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        let stream = within(TlsConnector::from(Arc::new(config)).connect(name, socket))
            .await
            .unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        stream
    }
}

#[tokio::test]
async fn tls_on_both_legs_passes_frames_large_ones_and_half_close() {
    let authority = Authority::new();
    let backend = backend().await;
    let mut config = config(&format!(
        "wss://localhost:{}",
        backend.local_addr().unwrap().port()
    ));
    config.tls = Some(authority.listener());
    config.upstream_ca = Some(authority.path("ca.pem"));
    let rig = Rig::start_on(backend, config, WriterOptions::default()).await;

    let mut client = authority.connect(rig.client().await).await;
    client.write_all(UPGRADE).await.unwrap();
    let mut server = authority.accept(rig.accept().await).await;
    expect(&mut server, UPGRADE).await;
    server.write_all(SWITCH).await.unwrap();
    expect(&mut client, SWITCH).await;
    let big = masked(0x82, &vec![42; 3_000_000]);
    let (sent, ()) =
        within(async { tokio::join!(client.write_all(&big), expect(&mut server, &big)) }).await;
    sent.unwrap();
    client.shutdown().await.unwrap();
    assert!(read_all(&mut server).await.is_empty());
    let answer = unmasked(0x82, &vec![43; 1_000_000]);
    let (sent, ()) =
        within(async { tokio::join!(server.write_all(&answer), expect(&mut client, &answer)) })
            .await;
    sent.unwrap();
    server.shutdown().await.unwrap();
    assert!(read_all(&mut client).await.is_empty());
    let left = rig.stop().await;
    let connection = left.connection();
    assert!(left.encode(connection.id, Direction::ClientToServer) == big);
    assert!(left.encode(connection.id, Direction::ServerToClient) == answer);
    assert_eq!(connection.closed.unwrap().how, HowEnded::Fin);
}

#[tokio::test]
async fn an_upstream_with_an_unknown_certificate_gives_502() {
    let authority = Authority::new();
    let backend = backend().await;
    let url = format!("https://localhost:{}", backend.local_addr().unwrap().port());
    let rig = Rig::start_on(backend, config(&url), WriterOptions::default()).await;
    let mut client = rig.client().await;
    client.write_all(UPGRADE).await.unwrap();
    let socket = rig.accept().await;
    let listener = authority.listener();
    let cert = CertificateDer::from_pem_file(listener.cert).unwrap();
    let key = PrivateKeyDer::from_pem_file(listener.key).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert], key)
        .unwrap();
    let accepted = within(TlsAcceptor::from(Arc::new(server)).accept(socket)).await;
    let mut answer = Vec::new();
    within(client.read_to_end(&mut answer)).await.unwrap();
    assert!(
        answer.starts_with(b"HTTP/1.1 502 Bad Gateway\r\n"),
        "{}",
        answer.escape_ascii()
    );
    drop(accepted);
    let left = rig.stop().await;
    assert_eq!(
        left.connection().closed.unwrap().how,
        HowEnded::UpstreamFailed
    );
}

#[tokio::test]
async fn files_that_are_no_certificates_are_named() {
    let authority = Authority::new();
    let dir = TempDir::new().unwrap();
    let empty = dir.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    let mut config = config("http://127.0.0.1:1");
    config.tls = Some(ListenerTls {
        cert: empty.clone(),
        key: authority.path("key.pem"),
    });
    let writer = Writer::create(dir.path().join("t.db"), WriterOptions::default()).unwrap();
    let error = Proxy::bind(config, writer)
        .await
        .err()
        .expect("no certificate");
    assert!(matches!(error, BindError::Tls(TlsError::Pem { .. })));
    assert!(
        error.to_string().contains(empty.to_str().unwrap()),
        "{error}"
    );
}
