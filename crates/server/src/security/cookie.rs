//! The one cookie.

use axum::http::{HeaderMap, HeaderValue, header};
use chrono::Duration;
use url::Url;

use super::secrets::SessionToken;
use crate::mount::Mount;

/// How the cookie of a service at this address is called and guarded.
#[derive(Debug, Clone)]
pub(crate) struct CookieRule {
    is_secure: bool,
    mount: Mount,
}

impl CookieRule {
    pub(crate) fn of(public_url: &Url, mount: Mount) -> Self {
        Self {
            is_secure: public_url.scheme() == "https",
            mount,
        }
    }

    /// A browser takes the prefix as a promise: such a cookie came over TLS, and
    /// with `__Host-` from this very host and for all of it.
    fn name(&self) -> &'static str {
        match (self.is_secure, self.mount.cookie_path()) {
            (true, "/") => "__Host-bucketload",
            (true, _) => "__Secure-bucketload",
            (false, _) => "bucketload",
        }
    }

    /// The token that a browser sent. Two cookies of the name are none: whoever could
    /// plant the second one shall gain nothing.
    pub(crate) fn read(&self, headers: &HeaderMap) -> Option<SessionToken> {
        let mut found = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == self.name());
        let (_, value) = found.next()?;
        match found.next() {
            None => SessionToken::parse(value),
            Some(_) => None,
        }
    }

    /// The header that makes a browser keep a token for so long.
    pub(crate) fn set(&self, token: &SessionToken, for_: Duration) -> HeaderValue {
        self.header(token.expose(), for_.num_seconds())
    }

    fn header(&self, value: &str, seconds: i64) -> HeaderValue {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let text = format!(
            "{}={value}; Path={}; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}",
            self.name(),
            self.mount.cookie_path()
        );
        let mut header =
            HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""));
        header.set_sensitive(true);
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(url: &str) -> CookieRule {
        let url = Url::parse(url).unwrap();
        CookieRule::of(&url, Mount::of(&url).unwrap())
    }

    #[test]
    fn its_guard_depends_on_the_public_address() {
        let token = SessionToken::generate().unwrap();
        let set = |url| {
            let header = rule(url).set(&token, Duration::days(1));
            header.to_str().unwrap().replace(token.expose(), "…")
        };
        assert_eq!(
            set("https://loads.example.org"),
            "__Host-bucketload=…; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400; Secure"
        );
        assert_eq!(
            set("https://example.org/loads"),
            "__Secure-bucketload=…; Path=/loads; HttpOnly; SameSite=Lax; Max-Age=86400; Secure"
        );
        assert_eq!(
            set("http://127.0.0.1:8080"),
            "bucketload=…; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400"
        );
    }

    #[test]
    fn only_a_single_cookie_of_its_name_is_read() {
        let rule = rule("http://127.0.0.1");
        let token = SessionToken::generate().unwrap();
        let token = token.expose();
        let read = |cookie: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
            rule.read(&headers).map(|token| token.expose().to_owned())
        };
        assert_eq!(
            read(&format!("a=b; bucketload={token}")).as_deref(),
            Some(token)
        );
        assert_eq!(read(&format!("bucketload={token}; bucketload=x")), None);
        assert_eq!(read(&format!("__Host-bucketload={token}")), None);
        assert_eq!(read("bucketload=short"), None);
    }
}
