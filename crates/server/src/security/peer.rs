//! Who sent a request, where proxies stand between.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use crate::service::App;

/// Each proxy adds whom it heard from at the end.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// More proxies than anybody has in a row.
const MOST_PROXIES: usize = 16;

/// Proxies whose word about whom they speak for is taken. Nobody's, unless configured: what
/// a stranger writes into `X-Forwarded-For` says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// What is no list of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is neither an address nor a network")]
pub struct NoProxy(String);

/// Addresses such as `127.0.0.1` or `::1`, and networks such as `10.0.0.0/8`, with commas
/// between.
impl FromStr for TrustedProxies {
    type Err = NoProxy;

    fn from_str(text: &str) -> Result<Self, NoProxy> {
        let parts = text.split(',').map(str::trim);
        let parts = parts.filter(|part| !part.is_empty());
        parts
            .map(|part| {
                let address = part.parse::<IpAddr>().map(IpNet::from);
                address
                    .or_else(|_| part.parse::<IpNet>())
                    .map_err(|_| NoProxy(part.to_owned()))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl TrustedProxies {
    /// Who sent a request that came over a connection from `peer`: the last one in the line
    /// that is no proxy of ours. What stands before it anybody may have written.
    fn sender(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut sender = peer.to_canonical();
        let values = headers.get_all(FORWARDED_FOR);
        let values = values.iter().filter_map(|value| value.to_str().ok());
        let line: Vec<&str> = values.flat_map(|value| value.split(',')).collect();
        for before in line.iter().rev().take(MOST_PROXIES) {
            if !self.0.iter().any(|network| network.contains(&sender)) {
                break;
            }
            let Some(address) = address(before.trim()) else {
                break;
            };
            sender = address.to_canonical();
        }
        sender
    }
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
    text.parse().or_else(|_| with_port()).ok()
}

/// Who sent a request, as far as anybody can tell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl FromRequestParts<App> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        // It is always there: `Listening` serves with it.
        let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = connection.map_or(IpAddr::from([0, 0, 0, 0]), |info| info.0.ip());
        Ok(Self(app.trusted_proxies.sender(peer, &parts.headers)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        let trusted: TrustedProxies = trusted.parse().unwrap();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        trusted.sender(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn nobody_is_believed_who_is_not_trusted() {
        assert_eq!(sender("", "127.0.0.1", &["192.0.2.1"]), "127.0.0.1");
        let trusted = "10.0.0.0/8";
        assert_eq!(sender(trusted, "192.0.2.9", &["192.0.2.1"]), "192.0.2.9");
    }

    #[test]
    fn the_last_one_before_our_proxies_counts() {
        let trusted = "127.0.0.1, 10.0.0.0/8, ::1";
        for (forwarded, expected) in [
            (&["192.0.2.1"][..], "192.0.2.1"),
            // What the client itself wrote stands first.
            (&["203.0.113.7, 192.0.2.1, 10.1.2.3"], "192.0.2.1"),
            (&["203.0.113.7", "192.0.2.1"], "192.0.2.1"),
            (&["192.0.2.1:4711"], "192.0.2.1"),
            (&["[2001:db8::1]:443"], "2001:db8::1"),
            (&["2001:db8::1"], "2001:db8::1"),
            (&["unknown"], "127.0.0.1"),
            (&["192.0.2.1, "], "127.0.0.1"),
            (&[], "127.0.0.1"),
        ] {
            assert_eq!(
                sender(trusted, "127.0.0.1", forwarded),
                expected,
                "{forwarded:?}"
            );
        }
        assert_eq!(
            sender("127.0.0.1", "::ffff:127.0.0.1", &["192.0.2.1"]),
            "192.0.2.1"
        );
    }

    #[test]
    fn what_is_no_address_is_named() {
        let wrong = "127.0.0.1, proxy.example".parse::<TrustedProxies>();
        assert_eq!(wrong, Err(NoProxy("proxy.example".to_owned())));
    }
}
