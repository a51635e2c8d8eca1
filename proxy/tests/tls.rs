//! TLS on either leg, or on both.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, crypto::ring};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use wsaudit_proxy::{
    BindError, ClientCertificate, ListenerTls, Proxy, ProxyConfig, Route, TlsError, Verification,
};
use wsaudit_recording::{HowEnded, Writer, WriterOptions};
use wsaudit_wire::Direction;

use crate::harness::{
    Rig, SWITCH, UPGRADE, backend, config, expect, masked, read_all, unmasked, within,
};
use crate::limits::read_all_or_reset;
use crate::logs::Everything;

/// An authority, and a certificate of it for `localhost`.
struct Authority {
    dir: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let dir = TempDir::new().unwrap();
        std::fs::write(dir.path().join("ca.pem"), issuer.pem()).unwrap();
        let authority = Self { dir, issuer };
        authority.issue("localhost");
        authority
    }

    /// A new certificate with a new key, in the same files.
    fn issue(&self, name: &str) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()])
            .unwrap()
            .signed_by(&key, &self.issuer)
            .unwrap();
        std::fs::write(self.path("cert.pem"), certificate.pem()).unwrap();
        std::fs::write(self.path("key.pem"), key.serialize_pem()).unwrap();
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

    /// A server with the certificate, for clients of whatever kind.
    fn server(&self) -> ServerConfig {
        self.serving(WebPkiClientVerifier::no_client_auth())
    }

    /// A server for clients with a certificate of the authority.
    fn server_that_asks(&self) -> ServerConfig {
        let provider = Arc::new(ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(self.roots()), provider)
                .build()
                .unwrap();
        self.serving(verifier)
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(self.path("ca.pem")).unwrap())
            .unwrap();
        roots
    }

    fn serving(&self, clients: Arc<dyn ClientCertVerifier>) -> ServerConfig {
        let cert = CertificateDer::from_pem_file(self.path("cert.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(self.path("key.pem")).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![cert], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }

    async fn accept(&self, socket: TcpStream) -> impl AsyncRead + AsyncWrite + Unpin {
        let config = self.server();
        let stream = within(TlsAcceptor::from(Arc::new(config)).accept(socket))
            .await
            .unwrap();
        assert_eq!(stream.get_ref().1.server_name(), Some("localhost"));
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        stream
    }

    async fn connect(&self, socket: TcpStream) -> TlsStream<TcpStream> {
        let stream = self.try_to_connect(socket, &[b"h2", b"http/1.1"]).await;
        let stream = stream.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        stream
    }

    async fn try_to_connect(
        &self,
        socket: TcpStream,
        alpn: &[&[u8]],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let roots = self.roots();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        within(TlsConnector::from(Arc::new(config)).connect(name, socket)).await
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
    config.routes[0].tls = Some(authority.listener());
    config.routes[0].upstream_tls.verification =
        Verification::Authorities(Some(authority.path("ca.pem")));
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
    let tls = connection.opened.tls.as_ref().unwrap();
    assert_eq!(tls.version, "TLS 1.3");
    assert_eq!(tls.sni.as_deref(), Some("localhost"));
    assert_eq!(tls.alpn.as_deref(), Some("http/1.1"));
    let tls = connection.answered.as_ref().unwrap().tls.as_ref().unwrap();
    assert_eq!(tls.version, "TLS 1.3");
    assert_eq!(tls.alpn.as_deref(), Some("http/1.1"));
    assert_eq!(connection.closed.unwrap().how, HowEnded::Fin);
}

#[tokio::test]
async fn only_http_1_1_is_agreed_on_whatever_is_offered() {
    let authority = Authority::new();
    let backend = backend().await;
    let port = backend.local_addr().unwrap().port();
    let mut config = config(&format!("https://localhost:{port}"));
    config.routes[0].tls = Some(authority.listener());
    config.routes[0].upstream_tls.verification =
        Verification::Authorities(Some(authority.path("ca.pem")));
    let rig = Rig::start_on(backend, config, WriterOptions::default()).await;
    // Both peers would rather speak HTTP/2; `connect` and `accept` look at what was agreed on.
    let mut client = authority.connect(rig.client().await).await;
    client.write_all(UPGRADE).await.unwrap();
    let server = authority.accept(rig.accept().await).await;
    // A client that speaks nothing else is told so, in TLS.
    let refused = authority
        .try_to_connect(rig.client().await, &[b"h2"])
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("NoApplicationProtocol"),
        "{refused}"
    );
    drop((client, server));
    rig.stop().await;
}

/// A client of the proxy, and what the proxy answers it where `server` is the upstream.
async fn asked(
    authority: &Authority,
    config: impl FnOnce(&mut ProxyConfig),
    server: ServerConfig,
) -> (String, Rig) {
    let backend = backend().await;
    let url = format!("https://localhost:{}", backend.local_addr().unwrap().port());
    let mut chosen = crate::harness::config(&url);
    chosen.routes[0].upstream_tls.verification =
        Verification::Authorities(Some(authority.path("ca.pem")));
    config(&mut chosen);
    let rig = Rig::start_on(backend, chosen, WriterOptions::default()).await;
    let mut client = rig.client().await;
    client.write_all(UPGRADE).await.unwrap();
    let socket = rig.accept().await;
    let answering = async {
        let accepted = TlsAcceptor::from(Arc::new(server)).accept(socket).await;
        if let Ok(mut stream) = accepted {
            let mut request = vec![0; UPGRADE.len()];
            if stream.read_exact(&mut request).await.is_ok() {
                let _ = stream.write_all(REFUSAL).await;
                let _ = stream.shutdown().await;
            }
        }
    };
    let mut answer = Vec::new();
    let ((), read) =
        within(async { tokio::join!(answering, client.read_to_end(&mut answer)) }).await;
    // An upstream that resets the connection is passed on as one that does.
    drop(read);
    (String::from_utf8(answer).unwrap(), rig)
}

const REFUSAL: &[u8] = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn an_upstream_with_an_unknown_certificate_gives_502() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (answer, rig) = Box::pin(asked(&other, |_| {}, authority.server())).await;
    assert!(
        answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n"),
        "{answer}"
    );
    assert!(answer.contains("certificate is not accepted"), "{answer}");
    let left = rig.stop().await;
    let connection = left.connection();
    assert_eq!(connection.opened.tls, None, "the client speaks none");
    assert_eq!(connection.closed.unwrap().how, HowEnded::UpstreamFailed);
}

#[tokio::test]
async fn a_certificate_that_is_an_authority_is_told_with_how_to_make_another() {
    let log = Everything::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    for (is_ca, accepted) in [
        (IsCa::Ca(BasicConstraints::Unconstrained), false),
        (IsCa::ExplicitNoCa, true),
    ] {
        let authority = Authority::new();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.is_ca = is_ca;
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        // It is named as an authority, too, as whoever made it does.
        for name in ["ca.pem", "cert.pem"] {
            std::fs::write(authority.path(name), certificate.pem()).unwrap();
        }
        std::fs::write(authority.path("key.pem"), key.serialize_pem()).unwrap();
        let (answer, rig) = Box::pin(asked(&authority, |_| {}, authority.server())).await;
        assert_eq!(answer.as_bytes() == REFUSAL, accepted, "{answer}");
        rig.stop().await;
    }
    let text = log.text();
    assert!(
        text.contains("basicConstraints=critical,CA:FALSE"),
        "{text}"
    );
}

#[tokio::test]
async fn an_upstream_that_shows_another_name_gives_502() {
    let authority = Authority::new();
    authority.issue("elsewhere.example");
    let (answer, rig) = Box::pin(asked(&authority, |_| {}, authority.server())).await;
    assert!(
        answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n"),
        "{answer}"
    );
    rig.stop().await;
}

#[tokio::test]
async fn an_upstream_is_taken_unverified_only_where_that_is_wanted() {
    let (authority, other) = (Authority::new(), Authority::new());
    let insecure = |config: &mut ProxyConfig| {
        config.routes[0].upstream_tls.verification = Verification::Off;
    };
    let (answer, rig) = Box::pin(asked(&other, insecure, authority.server())).await;
    assert_eq!(answer.as_bytes(), REFUSAL);
    rig.stop().await;
}

#[tokio::test]
async fn an_upstream_that_asks_for_a_certificate_is_shown_one() {
    let authority = Authority::new();
    let (answer, rig) = Box::pin(asked(&authority, |_| {}, authority.server_that_asks())).await;
    assert!(
        !answer.starts_with("HTTP/1.1 403"),
        "without a certificate: {answer}"
    );
    rig.stop().await;
    let shown = |config: &mut ProxyConfig| {
        config.routes[0].upstream_tls.client = Some(ClientCertificate {
            cert: authority.path("cert.pem"),
            key: authority.path("key.pem"),
        });
    };
    let (answer, rig) = Box::pin(asked(&authority, shown, authority.server_that_asks())).await;
    assert_eq!(answer.as_bytes(), REFUSAL);
    rig.stop().await;
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_new_clients_and_a_broken_one_is_not() {
    let authority = Authority::new();
    let rig = Rig::start_with(|config| config.routes[0].tls = Some(authority.listener())).await;
    let (first, mut old) = shown(&authority, &rig).await;
    std::fs::write(authority.path("cert.pem"), "half of it").unwrap();
    authority.issue("localhost");
    within(async {
        while shown(&authority, &rig).await.0 == first {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let (renewed, _) = shown(&authority, &rig).await;
    // The connection from before goes on.
    old.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        .await
        .unwrap();
    rig.accept().await;
    // A key that does not fit: what there was stays.
    std::fs::write(
        authority.path("key.pem"),
        KeyPair::generate().unwrap().serialize_pem() + "\n",
    )
    .unwrap();
    assert_eq!(shown(&authority, &rig).await.0, renewed);
    drop(old);
    rig.stop().await;
}

/// The certificate that the proxy shows now.
async fn shown(
    authority: &Authority,
    rig: &Rig,
) -> (CertificateDer<'static>, TlsStream<TcpStream>) {
    let stream = authority.connect(rig.client().await).await;
    let chain = stream.get_ref().1.peer_certificates().unwrap();
    (chain[0].clone().into_owned(), stream)
}

#[tokio::test]
async fn a_client_that_says_nothing_is_no_failed_handshake() {
    let log = Everything::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let authority = Authority::new();
    let rig = Rig::start_with(|config| config.routes[0].tls = Some(authority.listener())).await;
    // As health checks do, which end with FIN or RST.
    drop(rig.client().await);
    rig.client().await.set_zero_linger().unwrap();
    logged(&log, "the client was gone before it", 2).await;
    assert!(!log.text().contains("WARN"), "{}", log.text());
    // Half a record, and what is no TLS.
    for said in [&b"\x16\x03\x01"[..], b"GET / HTTP/1.1\r\n\r\n"] {
        let mut client = rig.client().await;
        client.write_all(said).await.unwrap();
        client.shutdown().await.unwrap();
        read_all_or_reset(&mut client).await;
    }
    logged(&log, "a client's TLS handshake failed", 2).await;
    assert_eq!(log.text().matches("WARN").count(), 2, "{}", log.text());
    rig.stop().await;
}

#[tokio::test]
async fn a_client_that_stays_silent_is_closed_without_a_warning() {
    let log = Everything::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let authority = Authority::new();
    let rig = Rig::start_with(|config| {
        config.routes[0].tls = Some(authority.listener());
        config.limits.handshake = Duration::from_millis(50);
    })
    .await;
    let mut silent = rig.client().await;
    assert!(read_all(&mut silent).await.is_empty());
    assert!(log.text().contains("the client said nothing"));
    assert!(!log.text().contains("WARN"), "{}", log.text());
    // Half a record is another matter. It is there before the proxy looks: nothing was awaited.
    let mut slow = std::net::TcpStream::connect(rig.addr).unwrap();
    std::io::Write::write_all(&mut slow, b"\x16\x03\x01").unwrap();
    logged(&log, "a client's TLS handshake took too long", 1).await;
    rig.stop().await;
}

#[tokio::test]
async fn a_silent_client_does_not_hold_up_the_end() {
    let log = Everything::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let authority = Authority::new();
    let rig = Rig::start_with(|config| {
        config.routes[0].tls = Some(authority.listener());
        // Longer than any test waits.
        config.limits.handshake = Duration::from_secs(3_600);
        config.drain = Duration::from_secs(3_600);
    })
    .await;
    let silent = rig.client().await;
    // One that came later was served, so this one is.
    drop(rig.client().await);
    logged(&log, "the client was gone before it", 1).await;
    rig.stop().await;
    drop(silent);
}

/// Waits until something was logged so many times.
async fn logged(log: &Everything, what: &str, times: usize) {
    within(async {
        while log.text().matches(what).count() < times {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_encrypted_key_is_said_to_be_that_with_what_to_do() {
    let authority = Authority::new();
    let key = authority.path("key.pem");
    for pem in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
         DEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
    ] {
        std::fs::write(&key, pem).unwrap();
        let listener = authority.listener();
        let error = refused(|route| route.tls = Some(listener)).await;
        let key = key.to_str().unwrap();
        assert!(error.contains("is encrypted"), "{error}");
        let advice = format!("`openssl pkey -in {key} -out PLAIN`");
        assert!(error.contains(&advice), "{error}");
    }
}

/// Why a proxy with such a route does not start.
async fn refused(set: impl FnOnce(&mut Route)) -> String {
    let dir = TempDir::new().unwrap();
    let mut config = config("http://127.0.0.1:1");
    set(&mut config.routes[0]);
    let writer = Writer::create(dir.path().join("t.db"), WriterOptions::default()).unwrap();
    let bound = Proxy::bind(config, writer).await;
    let error = bound.err().expect("refused");
    assert!(matches!(error, BindError::Tls(_)));
    error.to_string()
}

#[tokio::test]
async fn files_that_are_no_certificates_are_named() {
    let authority = Authority::new();
    let dir = TempDir::new().unwrap();
    let empty = dir.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    let mut config = config("http://127.0.0.1:1");
    config.routes[0].tls = Some(ListenerTls {
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
