//! Mail goes to servers that encrypt, and to nobody who only says that he is one.

use std::io::{Read, Result, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

use crate::certificates;
use crate::receivers::MailServer;
use crate::support::{Ran, bare_command, run};

type Encrypted = StreamOwned<ServerConnection, TcpStream>;

/// Certificates, and what a server does with them.
struct Authority {
    folder: TempDir,
    config: Arc<ServerConfig>,
}

impl Authority {
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        if !certificates::make(folder.path(), "IP:127.0.0.1") {
            return None;
        }
        let path = |name: &str| folder.path().join(name);
        let certificate = CertificateDer::from_pem_file(path("server.crt")).unwrap();
        let key = PrivateKeyDer::from_pem_file(path("server.key")).unwrap();
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(ring);
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key);
        Some(Self {
            config: Arc::new(config.unwrap()),
            folder,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Encrypts from the first byte.
    fn tls(&self) -> MailServer {
        let config = self.config.clone();
        MailServer::start_over(move |stream| {
            let mut stream = encrypt(stream, &config);
            stream.write_all(MailServer::GREETING)?;
            Ok(stream)
        })
    }

    /// Encrypts when it is asked to (RFC 3207).
    fn starttls(&self) -> MailServer {
        let config = self.config.clone();
        MailServer::start_over(move |mut stream| {
            stream.write_all(MailServer::GREETING)?;
            assert!(line(&mut stream)?.starts_with("EHLO "));
            stream.write_all(b"250-double.example.org\r\n250 STARTTLS\r\n")?;
            assert_eq!(line(&mut stream)?, "STARTTLS\r\n");
            stream.write_all(b"220 2.0.0 go on\r\n")?;
            Ok(encrypt(stream, &config))
        })
    }

    /// A test through a server, by somebody who believes these authorities.
    fn tell(&self, url: &str, believed: &str) -> Ran {
        tell(&self.path("data"), url, &self.path(believed))
    }
}

fn encrypt(stream: TcpStream, config: &Arc<ServerConfig>) -> Encrypted {
    let connection = ServerConnection::new(config.clone()).unwrap();
    StreamOwned::new(connection, stream)
}

/// Reads byte by byte: what follows may be encrypted.
fn line(stream: &mut TcpStream) -> Result<String> {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        line.extend(byte);
    }
    Ok(String::from_utf8(line).unwrap())
}

fn tell(data_dir: &Path, url: &str, authorities: &Path) -> Ran {
    let mut command = bare_command(data_dir);
    command
        .args(["notify", "--test", "--json"])
        .env("SSL_CERT_FILE", authorities)
        .env("BUCKETLOAD_SMTP_URL", url)
        .env("BUCKETLOAD_NOTIFY_EMAIL_FROM", "loads@example.org")
        .env("BUCKETLOAD_NOTIFY_EMAIL_TO", "ann@example.org");
    run(&mut command)
}

fn assert_took_it(server: &MailServer, ran: Ran) {
    ran.expect(0);
    let mails = server.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    // "\0ann\0s3cret word"
    assert_eq!(mails[0].login.as_deref(), Some("AGFubgBzM2NyZXQgd29yZA=="));
}

fn assert_was_told_nothing(server: &MailServer, ran: Ran, why: &str) {
    let ran = ran.expect(1);
    let error = ran.json()["channels"][0]["error"].to_string();
    assert!(error.contains(why), "{error}");
    assert!(server.mails().is_empty());
}

#[test]
fn mail_goes_to_a_server_that_encrypts() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let server = authority.tls();
    let ran = authority.tell(&server.url_of("smtps"), "ca.crt");
    assert_took_it(&server, ran);
    let server = authority.starttls();
    let ran = authority.tell(&format!("{}?starttls", server.url()), "ca.crt");
    assert_took_it(&server, ran);
}

#[test]
fn a_server_whose_authority_nobody_knows_is_told_nothing() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let server = authority.tls();
    let ran = authority.tell(&server.url_of("smtps"), "other.crt");
    assert_was_told_nothing(&server, ran, "certificate");
    let server = authority.starttls();
    let ran = authority.tell(&format!("{}?starttls", server.url()), "other.crt");
    assert_was_told_nothing(&server, ran, "certificate");
}

#[test]
fn where_no_authority_is_known_the_command_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none");
    std::fs::write(&none, "").unwrap();
    let ran = tell(folder.path(), "smtps://ann:s3cret@127.0.0.1", &none).expect(2);
    assert!(ran.stderr.contains("ca-certificates"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
}

/// Whoever stands between may take the offer to encrypt away.
#[test]
fn a_server_that_does_not_offer_to_encrypt_gets_no_password() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let server = MailServer::start();
    let ran = authority.tell(&format!("{}?starttls", server.url()), "ca.crt");
    assert_was_told_nothing(&server, ran, "STARTTLS");
}
