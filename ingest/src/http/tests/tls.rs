//! The client against servers that speak TLS: whom it trusts, and as whom it shows itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;

const TOKEN: &str = "sesame-open-thyself";

/// A certificate with its key.
struct Certified {
    certificate: CertificateDer<'static>,
    pem: String,
    key: KeyPair,
}

impl Certified {
    /// Nobody vouches for it but itself.
    fn by_itself(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { pem: certificate.pem(), certificate: certificate.der().clone(), key }
    }

    fn by(authority: &CertifiedIssuer<'static, KeyPair>, name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, authority).expect("a certificate");
        Self { pem: certificate.pem(), certificate: certificate.der().clone(), key }
    }
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate")
}

/// A server that answers every request with one page and the connection's end.
struct Server {
    base: String,
    accepting: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Starts a server as `own`; it lets in whom `admits` vouches for, and everybody where nobody is asked.
async fn serve(own: &Certified, admits: Option<&CertifiedIssuer<'static, KeyPair>>) -> Server {
    let provider = Arc::new(default_provider());
    let building = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("the versions are known");
    let building = match admits {
        None => building.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der().clone()).expect("a certificate");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            building.with_client_cert_verifier(verifier.expect("a verifier"))
        }
    };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.key.serialize_der()));
    let config = building.with_single_cert(vec![own.certificate.clone()], key).expect("the key fits");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("https://{}", listener.local_addr().expect("it is bound"));
    let accepting = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // Whoever is refused, or refuses us, is gone.
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut head = Vec::new();
                let mut chunk = [0; 1024];
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read(&mut chunk).await {
                        Ok(count) if count > 0 => head.extend_from_slice(&chunk[..count]),
                        _ => return,
                    }
                }
                let body =
                    if head.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes()) { "[1]" } else { "[0]" };
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 3\r\nconnection: close\r\n\r\n";
                drop(stream.write_all(format!("{head}{body}").as_bytes()).await);
                drop(stream.shutdown().await);
            });
        }
    });
    Server { base, accepting }
}

/// Files for the settings of a client.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    #[expect(clippy::unnecessary_wraps, reason = "settings take a file or none")]
    fn file(&self, name: &str, content: &str) -> Option<PathBuf> {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).expect("a file");
        Some(path)
    }

    /// Certificate and key in one file.
    fn identity(&self, name: &str, who: &Certified) -> Option<PathBuf> {
        self.file(name, &format!("{}{}", who.pem, who.key.serialize_pem()))
    }
}

/// What a client with these files gets from the server, or every word about why it gets nothing.
async fn asked(base: &str, ca_file: Option<&Path>, identity_file: Option<&Path>) -> Result<Vec<u8>, String> {
    let own = |path: Option<&Path>| path.map(Path::to_path_buf);
    let settings =
        Settings { attempts: 1, ca_file: own(ca_file), identity_file: own(identity_file), ..super::settings() };
    let told = |error: HttpError| format!("{error}: {} {error:?}", error.kind);
    let client = Client::new(base, &settings, &Silent).map_err(told)?;
    let client = client.bearer(&Secret::new(TOKEN)).map_err(told)?;
    client.ask(&page(&client)).await.map(|answer| answer.body.to_vec()).map_err(told)
}

/// Nothing of what only we may know.
fn assert_tells_no_secret(told: &str, keys: &[&KeyPair]) {
    assert!(!told.contains(TOKEN), "{told}");
    for key in keys {
        let pem = key.serialize_pem();
        assert!(pem.lines().filter(|line| !line.starts_with('-')).all(|line| !told.contains(line)), "{told}");
    }
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_refused_until_it_is_trusted() {
    let files = Files::new();
    let own = Certified::by_itself("127.0.0.1");
    let server = serve(&own, None).await;
    let told = asked(&server.base, None, None).await.expect_err("nobody vouches for it");
    assert!(told.contains("certificate"), "{told}");
    assert_tells_no_secret(&told, &[&own.key]);
    // Another authority does not help.
    let other = files.file("other.pem", &authority("other").pem());
    let told = asked(&server.base, other.as_deref(), None).await.expect_err("it vouches for others");
    assert!(told.contains("certificate"), "{told}");
    let trusted = files.file("own.pem", &own.pem);
    assert_eq!(asked(&server.base, trusted.as_deref(), None).await, Ok(b"[1]".to_vec()));
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_for_the_names_it_vouches_for() {
    let files = Files::new();
    let private = authority("private");
    let ca_file = files.file("ca.pem", &private.pem());
    let server = serve(&Certified::by(&private, "127.0.0.1"), None).await;
    assert_eq!(asked(&server.base, ca_file.as_deref(), None).await, Ok(b"[1]".to_vec()));
    let elsewhere = serve(&Certified::by(&private, "metrics.example"), None).await;
    let told = asked(&elsewhere.base, ca_file.as_deref(), None).await.expect_err("it is another host");
    assert!(told.contains("certificate") && told.contains("not valid for"), "{told}");
    assert_tells_no_secret(&told, &[]);
}

#[tokio::test]
async fn a_server_that_wants_to_know_who_asks_is_shown_a_certificate() {
    let files = Files::new();
    let (private, clients) = (authority("private"), authority("clients"));
    let ca_file = files.file("ca.pem", &private.pem());
    let server = serve(&Certified::by(&private, "127.0.0.1"), Some(&clients)).await;
    let told = asked(&server.base, ca_file.as_deref(), None).await.expect_err("nobody is nobody");
    assert_tells_no_secret(&told, &[]);
    let known = Certified::by(&clients, "doracle");
    let identity = files.identity("known.pem", &known);
    assert_eq!(asked(&server.base, ca_file.as_deref(), identity.as_deref()).await, Ok(b"[1]".to_vec()));
    let stranger = Certified::by(&authority("strangers"), "doracle");
    let identity = files.identity("stranger.pem", &stranger);
    let told = asked(&server.base, ca_file.as_deref(), identity.as_deref()).await.expect_err("it is a stranger");
    assert_tells_no_secret(&told, &[&stranger.key]);
}

#[tokio::test]
async fn files_that_hold_nothing_of_use_are_named_and_not_shown() {
    let files = Files::new();
    let own = Certified::by_itself("127.0.0.1");
    let key = own.key.serialize_pem();
    let base = "https://127.0.0.1:9";
    let no_certificate = files.file("key.pem", &key);
    for ca_file in [files.file("empty.pem", ""), no_certificate.clone(), Some(files.0.path().join("missing.pem"))] {
        let told = asked(base, ca_file.as_deref(), None).await.expect_err("no authority is in it");
        assert!(told.starts_with("could not set up the client"), "{told}");
        assert_tells_no_secret(&told, &[&own.key]);
    }
    let broken = key.replacen("-----END", "!!!-----END", 1);
    for identity in [
        files.file("empty.pem", ""),
        no_certificate,
        files.file("broken.pem", &format!("{}{broken}", own.pem)),
        files.file("own.pem", &own.pem),
    ] {
        let told = asked(base, None, identity.as_deref()).await.expect_err("nobody is in it");
        assert!(told.starts_with("could not set up the client"), "{told}");
        assert_tells_no_secret(&told, &[&own.key]);
    }
}
