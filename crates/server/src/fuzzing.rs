//! Doors for tests by chance (`crates/fuzzing`): what makes pages of the texts of others.
//! Nobody else needs it, and it may change at any time.

use std::sync::LazyLock;

use bucketload_model::mentions;

use crate::security::{file_name, local_path};
use crate::text::{Picture, Surroundings, Text, Wanted};

/// The address of a picture that the archive has, and of a drawing, which is linked to.
pub const PICTURES: [(&str, bool); 2] = [
    ("https://bitbucket.org/repo/x/images/1-a.png", true),
    ("https://bitbucket.org/repo/x/images/2-b.svg", false),
];

/// Somebody whose name is known.
pub const PERSON: &str = "@{557058:anna}";

static SURROUNDINGS: LazyLock<Surroundings> = LazyLock::new(|| {
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let picture = |(address, is_shown): (&str, bool)| {
        let path = format!("repositories/tea/pot/images/{hash}");
        (address.to_owned(), Picture { path, is_shown })
    };
    let people = mentions(PERSON).map(|(_, mention)| (mention, "Anna <i>& Co</i>\"".to_owned()));
    Surroundings {
        images: PICTURES.into_iter().map(picture).collect(),
        people: people.collect(),
    }
});

/// A text in a markup, as our pages show it.
pub fn show(raw: &str, markup: Option<&str>) -> String {
    let text = Text::new(raw, markup);
    text.want(&mut Wanted::default());
    text.show(&SURROUNDINGS).into_string()
}

/// Where to go on after a sign-in.
pub fn go_on_at(text: &str) -> String {
    local_path::local_path(text)
}

/// The header that gives a file its name.
pub fn name_of_file(name: &str) -> Vec<u8> {
    file_name::attachment(name).as_bytes().to_vec()
}
