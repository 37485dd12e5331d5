//! Images that texts link to: found in the texts, and told from what is none.
//!
//! | module | does |
//! |---|---|
//! | `address` | reads an address in a text, and knows those of pasted images |
//! | `texts` | finds the addresses in what Bitbucket sent |
//! | `search` | looks at the texts of a repository that were not looked at |
//! | `place` | says where a text stands |
//! | `sniff` | tells images from what is none |

mod address;
mod place;
mod search;
mod sniff;
mod texts;

pub(crate) use address::Pasted;
pub(crate) use place::{in_words, page};
pub(crate) use search::look_at_some;
pub(crate) use sniff::{HEAD_BYTES, media_type};

use bucketload_bitbucket::ImageHosts;

use crate::Importer;
use crate::stages::shown_name;

impl Importer {
    /// The hosts that images may come from.
    pub(crate) fn allowed_image_hosts(&self) -> ImageHosts {
        let more = self.image_hosts.iter().map(String::as_str);
        ImageHosts::new(&self.web_url, more)
    }
}

/// What a gap of an image is called.
pub(crate) fn object(url: &str) -> String {
    format!("image {}", shown_name(url))
}
