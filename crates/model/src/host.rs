//! Hosts that are this machine.

use url::Host;

/// Whether a host is this machine by its very name: nobody can listen on the way to it.
///
/// ```
/// # use url::Url;
/// let here = Url::parse("http://127.0.0.1:8080/").unwrap();
/// assert!(here.host().is_some_and(|host| bucketload_model::is_loopback(&host)));
/// let there = Url::parse("http://localhost.example.org/").unwrap();
/// assert!(!there.host().is_some_and(|host| bucketload_model::is_loopback(&host)));
/// ```
pub fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref() == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}
