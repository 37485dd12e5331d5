//! The one request that `auth login` waits for, on this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::{Host, Url};

/// A request line with a code, and the headers of a browser.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Longest time for a browser to send its request.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the callback arrives; nothing else is answered.
#[derive(Debug)]
pub(super) struct CallbackListener {
    listener: TcpListener,
    path: String,
    /// What browsers send as `Host` for the callback.
    authority: String,
}

/// A browser that waits for its answer.
#[derive(Debug)]
pub(super) struct Waiting(TcpStream);

/// The address to listen on, for a callback on this machine.
pub(super) fn loopback(redirect_uri: &Url) -> Option<SocketAddr> {
    let address = match redirect_uri.host()? {
        Host::Ipv4(address) => IpAddr::V4(address),
        Host::Ipv6(address) => IpAddr::V6(address),
        Host::Domain("localhost") => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Host::Domain(_) => return None,
    };
    let port = redirect_uri.port_or_known_default()?;
    let is_here = address.is_loopback() && redirect_uri.scheme() == "http";
    is_here.then(|| SocketAddr::new(address, port))
}

impl CallbackListener {
    pub(super) async fn bind(address: SocketAddr, redirect_uri: &Url) -> std::io::Result<Self> {
        let host = redirect_uri.host_str().unwrap_or_default();
        Ok(Self {
            listener: TcpListener::bind(address).await?,
            path: redirect_uri.path().to_owned(),
            authority: match redirect_uri.port() {
                Some(port) => format!("{host}:{port}"),
                None => host.to_owned(),
            },
        })
    }

    /// The query of the next request for exactly the callback's address. Others are
    /// told that there is nothing.
    pub(super) async fn next(&self) -> std::io::Result<(String, Waiting)> {
        loop {
            let (mut stream, _) = self.listener.accept().await?;
            let read = tokio::time::timeout(READ_TIMEOUT, read_head(&mut stream)).await;
            let Ok(Some(head)) = read else { continue };
            match self.query(&head) {
                Some(query) => return Ok((query, Waiting(stream))),
                None => Waiting(stream).answer(404, "Nothing is here.").await,
            }
        }
    }

    fn query(&self, head: &[u8]) -> Option<String> {
        let mut headers = [httparse::EMPTY_HEADER; 100];
        let mut request = httparse::Request::new(&mut headers);
        request
            .parse(head)
            .ok()
            .filter(httparse::Status::is_complete)?;
        let (path, query) = request.path?.split_once('?')?;
        // Another name for this machine is another site's, to a browser.
        let mut hosts = request
            .headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case("host"));
        let host = hosts.next()?.value;
        let is_ours = request.method == Some("GET")
            && path == self.path
            && host == self.authority.as_bytes()
            && hosts.next().is_none();
        is_ours.then(|| query.to_owned())
    }
}

async fn read_head(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let mut chunk = [0; 4096];
    while !head.windows(4).any(|it| it == b"\r\n\r\n") {
        let count = stream.read(&mut chunk).await.ok()?;
        if count == 0 || head.len() + count > MAX_HEAD_BYTES {
            return None;
        }
        head.extend_from_slice(&chunk[..count]);
    }
    Some(head)
}

impl Waiting {
    /// Answers with a small page and closes the connection. `text` is ours: nothing
    /// that came from outside is ever in it.
    pub(super) async fn answer(mut self, status: u16, text: &str) {
        let reason = match status {
            200 => "OK",
            404 => "Not Found",
            _ => "Bad Request",
        };
        let page = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>bucketload</title>\
             <body><p>{text}</p></body></html>"
        );
        let answer = format!(
            "HTTP/1.1 {status} {reason}\r\ncontent-type: text/html; charset=utf-8\r\n\
             content-length: {}\r\ncache-control: no-store\r\nreferrer-policy: no-referrer\r\n\
             content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n\
             x-content-type-options: nosniff\r\nconnection: close\r\n\r\n{page}",
            page.len()
        );
        // A browser that has gone away has nothing more to learn.
        let _ = self.0.write_all(answer.as_bytes()).await;
        let _ = self.0.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn listener(url: &str) -> CallbackListener {
        let url = Url::parse(url).unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        CallbackListener::bind(any, &url).await.unwrap()
    }

    #[tokio::test]
    async fn the_exact_callback_is_answered_and_nothing_else() {
        let listener = listener("http://127.0.0.1:8080/auth/bitbucket/callback").await;
        let query = |line: &str, host: &str| {
            let head = format!("{line} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n");
            listener.query(head.as_bytes())
        };
        let ours = "127.0.0.1:8080";
        assert_eq!(
            query("GET /auth/bitbucket/callback?code=a&state=b", ours).as_deref(),
            Some("code=a&state=b")
        );
        for (line, host) in [
            ("GET /auth/bitbucket/callback", ours),
            ("GET /auth/bitbucket/callback/?code=a", ours),
            ("GET /auth/bitbucket/callback/import?code=a", ours),
            ("GET /auth/bitbucket/callback.x?code=a", ours),
            ("GET //auth/bitbucket/callback?code=a", ours),
            ("POST /auth/bitbucket/callback?code=a", ours),
            ("GET /auth/bitbucket/callback?code=a", "attacker.example"),
            ("GET /auth/bitbucket/callback?code=a", "localhost:8080"),
            (
                "GET /auth/bitbucket/callback?code=a",
                "127.0.0.1:8080\r\nHost: x",
            ),
        ] {
            assert_eq!(query(line, host), None, "{line} {host}");
        }
    }

    #[test]
    fn only_this_machine_is_listened_on() {
        for (url, address) in [
            ("http://127.0.0.1:8080/a", Some("127.0.0.1:8080")),
            ("http://localhost:9000/a", Some("127.0.0.1:9000")),
            ("http://[::1]:8080/a", Some("[::1]:8080")),
            ("http://127.0.0.1/a", Some("127.0.0.1:80")),
            ("https://127.0.0.1/a", None),
            ("http://192.0.2.1:8080/a", None),
            ("http://loads.example.org/a", None),
        ] {
            let expected = address.map(|text| text.parse().unwrap());
            assert_eq!(loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
