//! Images that texts link to: pasted ones, which lie below bitbucket.org itself, and others.
//!
//! Who is signed in in a browser sees what was pasted. A token is refused, whatever it may do
//! (BCLOUD-18906), and nobody at all sees it where the repository is public: here that of
//! [`PUBLIC`].

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Response, StatusCode, header};

use crate::http::reply::{Answer, ApiError, put};
use crate::seeded::dice::Dice;

/// What seeded texts link to: pasted in a repository that everybody sees.
pub(crate) const PUBLIC: &str = "a1b2c3";

/// The longest of the images, in bytes.
const LONGEST: u64 = 3_000;

/// How every PNG begins.
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Answers for `/repo/<hash>/images/<name>`; none for another path.
pub(crate) fn pasted(parts: &Parts) -> Option<Response<Body>> {
    let path = parts.uri.path();
    let (hash, name) = path.strip_prefix("/repo/")?.split_once("/images/")?;
    if parts.headers.contains_key(header::AUTHORIZATION) {
        return Some(refused(
            "This endpoint does not support token-based authentication",
        ));
    }
    if hash == PUBLIC && !name.is_empty() {
        return Some(image(path));
    }
    Some(refused("You have to sign in to see this page."))
}

/// Answers for `/images/<name>` of the file store, which anybody may see; none for another
/// path.
pub(crate) fn open(parts: &Parts) -> Option<Response<Body>> {
    let path = parts.uri.path();
    path.strip_prefix("/images/").map(|_| image(path))
}

fn refused(message: &str) -> Response<Body> {
    let result = Err(ApiError::new(StatusCode::FORBIDDEN, message));
    Answer::from_result(result).into_response(None)
}

/// Bytes that begin as those of a PNG, and are the same each time.
fn image(path: &str) -> Response<Body> {
    let dice = Dice::new(7).named(path);
    let more =
        (0..dice.below("size", LONGEST)).map(|at| dice.with(at).roll("byte").to_le_bytes()[0]);
    let bytes: Vec<u8> = SIGNATURE.iter().copied().chain(more).collect();
    let mut response = Response::new(Body::from(bytes));
    put(&mut response, "content-type", "image/png");
    response
}
