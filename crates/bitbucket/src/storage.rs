//! Where files may come from: hosts on the open internet, and never a machine that
//! only we can reach.
//!
//! An address in an answer is somebody else's word. Followed blindly, it would let
//! them ask our own network through us (server-side request forgery). What counts
//! is the address that is connected to, so names are looked at when they are
//! resolved, not before.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use bucketload_model::is_loopback;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::ClientOptions;
use crate::error::RequestErrorKind;
use crate::request::network;

/// Knows the names that answers have led to.
///
/// Only those are looked at: the API's own host and a proxy's are the user's
/// choice, and may well be in a private network.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guard(Arc<Mutex<HashSet<String>>>);

impl Guard {
    /// Looks at a name from now on.
    pub(crate) fn watch(&self, url: &Url, options: &ClientOptions) {
        let name = url.host_str().unwrap_or_default();
        // Whoever named the API's host trusts it already.
        if options.api_url.host_str() != Some(name) {
            self.names().insert(name.to_ascii_lowercase());
        }
    }

    fn watches(&self, name: &str) -> bool {
        self.names().contains(&name.to_ascii_lowercase())
    }

    fn names(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves names, and those that are watched to public addresses only.
    pub(crate) fn resolver(&self, options: &ClientOptions) -> Arc<dyn Resolve> {
        Arc::new(Resolver {
            guard: self.clone(),
            is_double: is_on_this_machine(options),
        })
    }
}

/// A name that leads into a private network only.
#[derive(Debug, thiserror::Error)]
#[error("it has no public address")]
struct NotPublic;

/// What an error of a request to a store means.
pub(crate) fn problem(error: reqwest::Error) -> RequestErrorKind {
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return RequestErrorKind::FileStore {
                problem: PRIVATE_NETWORK,
            };
        }
        cause = error.source();
    }
    network(error)
}

const PRIVATE_NETWORK: &str = "it leads into a private network";

#[derive(Debug)]
struct Resolver {
    guard: Guard,
    is_double: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let is_watched = self.guard.watches(name.as_str());
        let is_double = self.is_double;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Vec<SocketAddr> = found
                .filter(|address| !is_watched || may_be_asked(address.ip(), is_double))
                .collect();
            if addresses.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Whether an address in an answer may be asked for a file at all. Names are
/// looked at once more when they are resolved.
pub(crate) fn may_be_stored_at(url: &Url, options: &ClientOptions) -> Result<(), RequestErrorKind> {
    let no = |problem| Err(RequestErrorKind::FileStore { problem });
    let Some(host) = url.host() else {
        return no("it leads to no host");
    };
    if !url.username().is_empty() || url.password().is_some() {
        return no("it leads to an address with a user in it");
    }
    let is_double = is_on_this_machine(options);
    let is_encrypted = match url.scheme() {
        "https" => true,
        "http" => options.allow_insecure || (is_double && is_loopback(&host)),
        _ => return no("it leads to an address that is neither https nor http"),
    };
    if !is_encrypted {
        return no("it leads to an address that is not encrypted");
    }
    let may_be_asked = match host {
        Host::Domain(_) => true,
        Host::Ipv4(address) => may_be_asked(address.into(), is_double),
        Host::Ipv6(address) => may_be_asked(address.into(), is_double),
    };
    if !may_be_asked && url.host_str() != options.api_url.host_str() {
        return no(PRIVATE_NETWORK);
    }
    Ok(())
}

/// A double on this machine keeps its files there too, and on no other of our network.
fn may_be_asked(address: IpAddr, is_double: bool) -> bool {
    is_public(address) || (is_double && address.is_loopback())
}

fn is_on_this_machine(options: &ClientOptions) -> bool {
    let host = options.api_url.host();
    host.is_some_and(|host| is_loopback(&host))
}

/// Whether an address is one of the open internet (the IANA registries of
/// special-purpose addresses, as of RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_special = matches!(
        (first, second, third),
        // “This” network, private, loopback, multicast, reserved and broadcast.
        (0 | 10 | 127 | 224.., ..)
            // Shared by carriers.
            | (100, 64..=127, _)
            // Link-local, where clouds keep their secrets.
            | (169, 254, _)
            // Private.
            | (172, 16..=31, _)
            | (192, 168, _)
            // Protocol assignments, documentation, benchmarks.
            | (192, 0, 0 | 2)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // An IPv4 address in disguise is what it is: mapped, or translated by NAT64.
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let segments = address.segments();
    if segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        let [.., a, b, c, d] = address.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    // Global unicast is 2000::/3; of it not Teredo and other protocol assignments,
    // documentation, nor 6to4, which holds an IPv4 address too.
    segments[0] & 0xe000 == 0x2000
        && !(segments[0] == 0x2001 && (segments[1] < 0x200 || segments[1] == 0xdb8))
        && segments[0] != 0x2002
        && segments[0] & 0xfff0 != 0x3ff0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(api_url: &str) -> ClientOptions {
        ClientOptions::new(api_url.parse().unwrap())
    }

    #[test]
    fn addresses_of_the_open_internet_and_others() {
        for (address, public) in [
            ("52.216.0.1", true),
            ("100.63.0.1", true),
            ("172.32.0.1", true),
            ("192.0.1.1", true),
            ("2600:1f18::1", true),
            ("::ffff:52.216.0.1", true),
            ("64:ff9b::52.216.0.1", true),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("100.64.0.1", false),
            ("127.0.0.1", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.168.1.1", false),
            ("192.0.0.192", false),
            ("198.18.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::127.0.0.1", false),
            ("fc00::1", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("ff02::1", false),
            ("2001:db8::1", false),
            ("2001::1", false),
            ("2002:7f00:1::", false),
            ("::ffff:10.0.0.1", false),
            ("64:ff9b::169.254.169.254", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    #[test]
    fn files_come_from_encrypted_public_hosts() {
        let bitbucket = options("https://api.bitbucket.org/2.0");
        let double = options("http://127.0.0.1:8000/2.0");
        let mut insecure = options("http://double.internal/2.0");
        insecure.allow_insecure = true;
        for (options, url, fine) in [
            (
                &bitbucket,
                "https://bbuseruploads.s3.amazonaws.com/x?X-Amz-Signature=1",
                true,
            ),
            (&bitbucket, "http://bbuseruploads.s3.amazonaws.com/x", false),
            (
                &bitbucket,
                "https://169.254.169.254/latest/meta-data",
                false,
            ),
            (&bitbucket, "https://[::1]/x", false),
            (&bitbucket, "https://[::ffff:10.0.0.1]/x", false),
            (&bitbucket, "https://2130706433/x", false),
            (&bitbucket, "https://0x7f.1/x", false),
            (&bitbucket, "http://localhost/x", false),
            (&bitbucket, "ftp://files.example.org/x", false),
            (&bitbucket, "file:///etc/passwd", false),
            (&bitbucket, "https://user@files.example.org/x", false),
            (&double, "http://127.0.0.1:8001/x", true),
            (&double, "http://localhost:8001/x", true),
            (&double, "http://files.example.org/x", false),
            (&double, "https://[::1]:8001/x", true),
            (&double, "https://10.0.0.1/x", false),
            (&double, "https://169.254.169.254/latest/meta-data", false),
            (&insecure, "http://double.internal:8001/x", true),
            (&insecure, "http://10.0.0.1/x", false),
        ] {
            let url: Url = url.parse().unwrap();
            assert_eq!(may_be_stored_at(&url, options).is_ok(), fine, "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_is_judged_by_the_address_that_is_connected_to() {
        let bitbucket = options("https://api.bitbucket.org/2.0");
        let guard = Guard::default();
        let resolver = guard.resolver(&bitbucket);
        let resolve = async |name: &str| resolver.resolve(name.parse().unwrap()).await.is_ok();
        // A proxy's, for all we know.
        assert!(resolve("localhost").await);
        guard.watch(&"https://LOCALHOST/x".parse().unwrap(), &bitbucket);
        assert!(!resolve("localhost").await);
        // The user's own word counts.
        let double = options("http://localhost:8000/2.0");
        let guard = Guard::default();
        guard.watch(&"http://localhost:8001/x".parse().unwrap(), &double);
        assert!(
            guard
                .resolver(&double)
                .resolve("localhost".parse().unwrap())
                .await
                .is_ok()
        );
    }
}
