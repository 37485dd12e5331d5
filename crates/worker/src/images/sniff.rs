//! What is an image: its first bytes tell, not what a server calls it.

/// So many bytes are enough to tell.
pub(crate) const HEAD_BYTES: usize = 1024;

/// How formats begin.
const BEGINNINGS: &[(&[u8], &str)] = &[
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\0\0\x01\0", "image/x-icon"),
];

/// The media type of an image by its first bytes; none for what is no image.
pub(crate) fn media_type(head: &[u8]) -> Option<&'static str> {
    let known = BEGINNINGS
        .iter()
        .find(|(begins, _)| head.starts_with(begins));
    if let Some((_, media_type)) = known {
        return Some(media_type);
    }
    if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
        return Some("image/webp");
    }
    if head.get(4..8) == Some(b"ftyp") {
        return match head.get(8..12) {
            Some(b"avif" | b"avis") => Some("image/avif"),
            Some(b"heic" | b"heix" | b"mif1") => Some("image/heic"),
            _ => None,
        };
    }
    is_svg(head).then_some("image/svg+xml")
}

/// A drawing is XML. A page that has one in it is none.
fn is_svg(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let begins = ["<svg", "<?xml", "<!--", "<!DOCTYPE svg"];
    begins.iter().any(|begin| text.starts_with(begin))
        && text.contains("<svg")
        && !text.to_ascii_lowercase().contains("<html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_known_by_their_first_bytes() {
        for (head, expected) in [
            (&b"\x89PNG\r\n\x1a\n..."[..], Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"GIF89a", Some("image/gif")),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"\0\0\0\x20ftypavif", Some("image/avif")),
            (b"\0\0\0\x20ftypisom", None),
            (
                b"<svg xmlns='http://www.w3.org/2000/svg'>",
                Some("image/svg+xml"),
            ),
            (
                b"\xef\xbb\xbf<?xml version='1.0'?>\n<svg>",
                Some("image/svg+xml"),
            ),
            (b"<!DOCTYPE html><html><svg>", None),
            (b"<!-- x --><html><svg>", None),
            (b"%PDF-1.4", None),
            (b"{}", None),
            (b"", None),
        ] {
            assert_eq!(media_type(head), expected, "{}", head.escape_ascii());
        }
    }
}
