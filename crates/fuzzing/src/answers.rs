//! Answers of a server that need not be Bitbucket.

use std::time::Duration;

use bucketload_bitbucket::fuzzing::{hear, read_lfs_answers};
use bucketload_model::LfsObject;

use crate::support::{CLIENT, head_and_body};

/// So much of what somebody else said is shown, with what we say before it.
const LONGEST_CHARS: usize = 256;

const OID: &str = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";

/// An answer makes nobody wait for ever, and what people are shown of it is short and plain.
///
/// # Panics
///
/// Where that does not hold.
pub fn answers(bytes: &[u8]) {
    let (head, body) = head_and_body(bytes);
    let heard = hear(head, body);
    if let Some(wait) = heard.wait {
        let range = Duration::from_secs(1)..Duration::from_hours(24);
        assert!(range.contains(&wait), "{wait:?}");
    }
    for words in &heard.words {
        assert!(words.chars().count() <= LONGEST_CHARS, "{words}");
        assert!(!words.contains(char::is_control), "{words:?}");
    }
    large_files(body);
}

/// What is said of large files answers what was asked, and shows nobody where they are.
fn large_files(body: &[u8]) {
    let at = "https://bitbucket.org/tea/pot.git/info/lfs/objects/batch";
    let object = |size_bytes| LfsObject {
        oid: OID.parse().unwrap(),
        size_bytes,
    };
    let asked = [object(7), object(8)];
    let Ok(answers) = read_lfs_answers(&CLIENT, &at.parse().unwrap(), &asked, body) else {
        return;
    };
    let told: Vec<_> = answers.iter().map(|answer| answer.object.clone()).collect();
    assert_eq!(told, asked);
    for answer in answers {
        match answer.action {
            Ok(action) => assert!(!format!("{action:?}").contains("//")),
            Err(refusal) => assert!(!refusal.message.contains(char::is_control)),
        }
    }
}
