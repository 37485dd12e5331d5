//! Where links of others may lead.

use bucketload_model::RepositoryName;
use bucketload_worker::web_address;
use url::Url;

/// Where a link may lead: to the web, or to somebody's mailbox.
pub(super) fn target(link: &str) -> Option<String> {
    if let Some(address) = web_address(link) {
        // The fragment is no part of what an image is known by, but of where a link leads.
        let fragment = link.split_once('#').map(|(_, fragment)| fragment.trim());
        let mut address = address;
        address.set_fragment(fragment.filter(|fragment| !fragment.is_empty()));
        return Some(address.into());
    }
    let url = Url::parse(link.trim()).ok()?;
    (url.scheme() == "mailto").then(|| url.into())
}

/// A link as the sanitiser lets it through: as [`target`] makes them, or a picture of ours.
pub(super) fn is_target(link: &str) -> bool {
    let is_outside = Url::parse(link).is_ok_and(|url| match url.scheme() {
        "http" | "https" => url.has_host() && url.username().is_empty(),
        scheme => scheme == "mailto",
    });
    is_outside || is_image_path(link)
}

/// Where we serve a picture of a repository.
pub(crate) fn image_path(repository: &RepositoryName, sha256: &str) -> String {
    format!("repositories/{repository}/images/{sha256}")
}

pub(super) fn is_image_path(link: &str) -> bool {
    let parts: Vec<&str> = link.split('/').collect();
    let ["repositories", workspace, slug, "images", hash] = parts.as_slice() else {
        return false;
    };
    let name: Result<RepositoryName, _> = format!("{workspace}/{slug}").parse();
    name.is_ok() && is_hash(hash)
}

/// Whether a text is the SHA-256 of something, as files are called by it.
pub(crate) fn is_hash(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_web_or_to_a_mailbox() {
        for (link, expected) in [
            (
                "https://example.org/a?b#c",
                Some("https://example.org/a?b#c"),
            ),
            ("HTTP://EXAMPLE.org", Some("http://example.org/")),
            ("/team/tea", Some("https://bitbucket.org/team/tea")),
            ("mailto:anna@example.org", Some("mailto:anna@example.org")),
            ("javascript:alert(1)", None),
            ("java\nscript:alert(1)", None),
            (" javascript:alert(1)", None),
            ("data:text/html,x", None),
            ("vbscript:x", None),
            ("file:///etc/passwd", None),
            ("https://anna:secret@example.org/", None),
            ("sign-out", None),
            ("#content", None),
        ] {
            assert_eq!(target(link).as_deref(), expected, "{link}");
            if let Some(target) = expected {
                assert!(is_target(target), "{target}");
            }
        }
    }

    #[test]
    fn pictures_are_below_their_repository() {
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let path = image_path(&"tea/pot".parse().unwrap(), hash);
        assert!(is_image_path(&path));
        for path in [
            format!("/{path}"),
            format!("{path}?x"),
            format!("repositories/tea/../images/{hash}"),
            format!("repositories/tea/pot/images/{}", hash.to_uppercase()),
            "sign-out".to_owned(),
        ] {
            assert!(!is_image_path(&path), "{path}");
            assert!(!is_target(&path), "{path}");
        }
    }
}
