//! Images that texts link to: found in the texts, told from what is none, and taken from a
//! folder where Bitbucket shows them to people only.
//!
//! | module | does |
//! |---|---|
//! | `address` | reads an address in a text, and knows those of pasted images |
//! | `texts` | finds the addresses in what Bitbucket sent |
//! | `search` | looks at the texts of a repository that were not looked at |
//! | `place` | says where a text stands |
//! | `sniff` | tells images from what is none |
//! | `folder` | files that a person saved, and which images they are |
//! | `take` | takes them in |

mod address;
mod folder;
mod place;
mod search;
mod sniff;
mod take;
mod texts;

pub use address::{address as web_address, bare_addresses};
pub use folder::{FolderError, SavedFile};
pub use take::{TakeImagesError, TakenImages};

pub(crate) use address::Pasted;
pub(crate) use place::{in_words, page};
pub(crate) use search::look_at_some;
pub(crate) use sniff::{HEAD_BYTES, media_type};
pub(crate) use texts::linked;

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
