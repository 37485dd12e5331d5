//! Who people are, and which pictures are there: looked up once for a page.

use std::collections::{BTreeMap, BTreeSet};

use bucketload_archive::{DatabaseError, Person, ShownImage, StoredRepository};
use bucketload_model::Mention;

use super::Account;
use crate::service::Service;
use crate::text::{Picture, Surroundings, Wanted, image_path};

/// More than a page shows; a text can name any number.
const MOST: usize = 500;

/// Pictures that browsers draw and that hold no program.
const SHOWN: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// What an archive without a name calls somebody.
const NOBODY: &str = "Former user";

/// What is known of what a page shows.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) surroundings: Surroundings,
    people: BTreeMap<Mention, Person>,
}

/// Somebody, as they are called today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Someone {
    pub(crate) name: String,
    /// Names that they had before, the latest last.
    pub(crate) former_names: Vec<String>,
    /// Whether the account is gone.
    pub(crate) is_former: bool,
}

/// Looks up what is wanted.
pub(crate) async fn known(
    service: &Service,
    repository: &StoredRepository,
    wanted: &Wanted,
) -> Result<Known, DatabaseError> {
    let archive = &service.archive;
    let urls: Vec<&str> = wanted.images.iter().map(String::as_str).collect();
    let urls = &urls[..urls.len().min(MOST)];
    let images = archive.images_at(&repository.uuid, urls).await?;
    let mentions: BTreeSet<Mention> = wanted.people.iter().take(MOST).cloned().collect();
    let people = archive.people_mentioned_in(repository, &mentions).await?;
    let picture = |image: &ShownImage| Picture {
        path: image_path(&repository.name, &image.blob),
        is_shown: is_shown(image.media_type.as_deref()),
    };
    let names = people.iter();
    Ok(Known {
        surroundings: Surroundings {
            images: images
                .iter()
                .map(|(url, image)| (url.clone(), picture(image)))
                .collect(),
            people: names
                .map(|(mention, person)| (mention.clone(), person.name().to_owned()))
                .collect(),
        },
        people,
    })
}

/// Whether a picture of that kind stands in a page.
pub(crate) fn is_shown(media_type: Option<&str>) -> bool {
    media_type.is_some_and(|media_type| SHOWN.contains(&media_type))
}

impl Known {
    /// Somebody whom an object names. What it called them counts where nobody knows better.
    pub(crate) fn person(&self, account: Option<&Account>) -> Someone {
        let called = account.and_then(|account| account.name.clone());
        let person = account.and_then(|account| self.people.get(account.key.as_ref()?));
        let Some(person) = person else {
            return Someone {
                is_former: called.as_deref().is_none_or(|name| name == NOBODY),
                name: called.unwrap_or_else(|| NOBODY.to_owned()),
                former_names: Vec::new(),
            };
        };
        let name = person.name().to_owned();
        let shown = person.names.iter();
        let shown = shown.filter(|one| one.kind == bucketload_archive::NameKind::DisplayName);
        let mut former_names: Vec<String> = shown
            .map(|one| one.name.clone())
            .filter(|one| *one != name && one != NOBODY)
            .collect();
        former_names.dedup();
        Someone {
            name,
            former_names,
            is_former: person.is_former,
        }
    }
}
