//! Addresses: of next pages, of files, of images, of pages to go on at; and names, which become
//! parts of paths.

use std::net::IpAddr;
use std::path::{Component, Path};

use bucketload_bitbucket::ImageHosts;
use bucketload_bitbucket::fuzzing::{may_bring_from, may_bring_image_from};
use bucketload_model::{RepositoryName, Source};
use bucketload_server::fuzzing::{go_on_at, name_of_file};
use bucketload_worker::fuzzing::pasted_name;
use bucketload_worker::web_address;
use url::{Host, Url};

use crate::support::CLIENT;

/// The longest address that is one.
const LONGEST_BYTES: usize = 8 * 1024;

/// The longest path that is gone on at. What is not ASCII takes nine bytes when it is written as
/// a path, and may become longer than that.
const LONGEST_PATH_BYTES: usize = 500;

/// An address leads nobody to where it must not.
///
/// # Panics
///
/// Where it does.
pub fn addresses(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    next_page(&text);
    if let Ok(url) = Url::parse(&text) {
        file(&url);
        image(&url);
    }
    in_a_text(&text);
    after_a_sign_in(&text);
    name_for_a_browser(&text);
    name_of_a_repository(&text);
}

/// The credential goes to the API alone.
fn next_page(text: &str) {
    let Ok(page) = CLIENT.page_url(text) else {
        return;
    };
    let url = page.to_string();
    assert!(url.starts_with("https://api.bitbucket.org/2.0/"), "{url}");
}

/// A file comes encrypted, and from the open internet.
fn file(url: &Url) {
    if !may_bring_from(&CLIENT, url) {
        return;
    }
    assert_eq!(url.scheme(), "https");
    assert!(url.username().is_empty() && url.password().is_none());
    let address: IpAddr = match url.host() {
        Some(Host::Ipv4(address)) => address.into(),
        Some(Host::Ipv6(address)) => address.to_canonical(),
        Some(Host::Domain(_)) => return,
        None => panic!("it has no host"),
    };
    let is_ours = match address {
        IpAddr::V4(address) => {
            address.is_private()
                || address.is_link_local()
                || address.is_broadcast()
                || address.is_documentation()
        }
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    };
    let is_special = address.is_loopback() || address.is_unspecified() || address.is_multicast();
    assert!(!is_ours && !is_special, "{url}");
}

fn image(url: &Url) {
    let web = "https://bitbucket.org/".parse().unwrap();
    let hosts = ImageHosts::new(&web, ["Pictures.example"]);
    if may_bring_image_from(&hosts, url) {
        let host = url.host_str().unwrap().to_ascii_lowercase();
        assert!(hosts.names().any(|name| name == host), "{url}");
    }
}

/// What is known of an image is its address, so an address is read as itself.
fn in_a_text(text: &str) {
    let Some(url) = web_address(text) else { return };
    assert!(matches!(url.scheme(), "http" | "https"), "{url}");
    assert!(url.username().is_empty() && url.password().is_none());
    if url.as_str().len() <= LONGEST_BYTES {
        assert_eq!(web_address(url.as_str()).as_ref(), Some(&url));
    }
    pasted_name(&url);
}

/// Whoever signs in stays with us.
fn after_a_sign_in(text: &str) {
    let path = go_on_at(text);
    assert!(path.starts_with('/') && !path.starts_with("//"), "{path}");
    assert!(!path.contains(['\\', '\r', '\n', '\t']), "{path:?}");
    let ours: Url = "https://home.invalid/sign-in".parse().unwrap();
    let there = ours.join(&path).unwrap();
    assert_eq!(there.origin(), ours.origin(), "{path}");
    // A page that is short enough stays what it is, however often it is asked about.
    if path.len() <= LONGEST_PATH_BYTES {
        assert_eq!(go_on_at(&path), path);
    }
}

/// A browser takes the name of a file for a name.
fn name_for_a_browser(text: &str) {
    let header = String::from_utf8(name_of_file(text)).unwrap();
    assert!(
        header
            .bytes()
            .all(|byte| byte == b' ' || byte.is_ascii_graphic())
    );
    assert!(!header.contains(['/', '\\']), "{header}");
    let quotes = header.matches('"').count();
    assert_eq!(quotes, 2, "{header}");
}

/// A name is two folders, one in the other, and nothing else.
fn name_of_a_repository(text: &str) {
    let Ok(source) = text.parse::<Source>() else {
        return;
    };
    assert_eq!(source.to_string().parse().ok().as_ref(), Some(&source));
    let Source::Repository(name) = source else {
        return;
    };
    let again: RepositoryName = name.to_string().parse().unwrap();
    assert_eq!(again, name);
    let path = name.to_string();
    let parts = Path::new(&path).components();
    let are_plain = parts
        .clone()
        .all(|part| matches!(part, Component::Normal(_)));
    assert!(are_plain && parts.count() == 2, "{path}");
}
