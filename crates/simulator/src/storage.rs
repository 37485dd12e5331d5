//! The file store: another host, where downloads and attachments lie.
//!
//! Bitbucket's is S3. It takes signed addresses only, and refuses whoever signs a
//! second time, with an `Authorization` header. A referrer or a cookie would tell it
//! more than it should know, and is refused here although S3 would not mind.

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{Response, StatusCode, header};
use serde_json::Value;

use crate::http::params::Params;
use crate::http::reply::put;
use crate::seeded::dice::{Dice, count, index};
use crate::state::State;
use crate::world::links::Links;

/// Bytes that are made at a time.
const PIECE: u64 = 64 * 1024;

/// A file whose list does not say how long it is, as that of attachments.
const LONGEST_UNKNOWN: u64 = 200_000;

/// The address of a file, which is a secret: whoever has it gets the file.
pub(crate) fn signed(links: &Links, path: &str) -> String {
    format!(
        "{}{path}?X-Amz-Expires=1800&X-Amz-Signature={}",
        links.storage,
        signature(path)
    )
}

pub(crate) fn signature(path: &str) -> String {
    Dice::new(7).named(path).hex("signature", 64)
}

/// A segment of a path, percent-encoded; slashes stay.
pub(crate) fn encode(segment: &str) -> String {
    let plus: String = url::form_urlencoded::byte_serialize(segment.as_bytes()).collect();
    plus.replace('+', "%20").replace("%2F", "/")
}

/// A name as one segment of a path, whatever it has in it.
pub(crate) fn encode_name(name: &str) -> String {
    let plus: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    plus.replace('+', "%20")
}

/// The list that a file is in, and its name, which may have slashes of its own.
pub(crate) fn list_and_name(below: &str) -> Option<(&str, &str)> {
    let list = match below.strip_prefix("issues/") {
        Some(rest) => "issues/".len() + rest.find('/')? + "/attachments".len(),
        None => below.find('/')?,
    };
    Some((below.get(..list)?, below.get(list + 1..)?))
}

/// Answers a request to the store.
pub(crate) fn answer(state: &State, parts: &Parts) -> Response<Body> {
    for (name, code) in [
        (header::AUTHORIZATION, "InvalidArgument"),
        (header::REFERER, "TellsTooMuch"),
        (header::COOKIE, "TellsTooMuch"),
    ] {
        if parts.headers.contains_key(name) {
            return refusal(StatusCode::BAD_REQUEST, code);
        }
    }
    if let Some(image) = crate::images::open(parts) {
        return image;
    }
    let path = parts.uri.path();
    let params = Params::parse(parts.uri.query());
    if params.get("X-Amz-Signature") != Some(signature(path).as_str()) {
        return refusal(StatusCode::FORBIDDEN, "SignatureDoesNotMatch");
    }
    match size(state, path) {
        Some(size) => file(content(path), size),
        None => refusal(StatusCode::NOT_FOUND, "NoSuchKey"),
    }
}

/// The size that the list of files says, or one of our own.
fn size(state: &State, encoded: &str) -> Option<u64> {
    let path = crate::endpoints::decode(encoded);
    let mut parts = path.trim_start_matches('/').splitn(3, '/');
    let (workspace, slug, below) = (parts.next()?, parts.next()?, parts.next()?);
    let (list, name) = list_and_name(below)?;
    let world = state.world();
    let (_, repository) = world.find(workspace, slug)?;
    let files = repository.content.recorded(&state.links, list)?;
    let file = files.iter().find(|file| file["name"] == name)?;
    Some(size_of(file, content(encoded)))
}

fn size_of(file: &Value, content: Dice) -> u64 {
    let unknown = || 1 + content.below("size", LONGEST_UNKNOWN);
    file["size"].as_u64().unwrap_or_else(unknown)
}

/// Where a file lies, percent-encoded.
pub(crate) fn path(workspace: &str, slug: &str, list: &str, name: &str) -> String {
    let folder = [workspace, slug, list].map(encode);
    format!("/{}/{}", folder.join("/"), encode_name(name))
}

/// The whole content of a file that a list has.
pub(crate) fn bytes(workspace: &str, slug: &str, list: &str, file: &Value) -> Vec<u8> {
    let name = file["name"].as_str().unwrap_or_default();
    let content = content(&path(workspace, slug, list, name));
    pieces(content, size_of(file, content)).flatten().collect()
}

/// What is in a file, which stays the same when its repository is renamed.
fn content(path: &str) -> Dice {
    let below = path.splitn(4, '/').nth(3);
    Dice::new(7).named(below.unwrap_or(path))
}

/// Bytes that are the same each time.
fn pieces(dice: Dice, size: u64) -> impl Iterator<Item = Bytes> {
    (0..size.div_ceil(PIECE)).map(move |number| {
        let length = index(PIECE.min(size - number * PIECE));
        let dice = dice.with(number);
        let bytes =
            (0..length.div_ceil(8)).flat_map(|at| dice.with(count(at)).roll("byte").to_le_bytes());
        bytes.take(length).collect()
    })
}

/// They are made as they are sent.
fn file(dice: Dice, size: u64) -> Response<Body> {
    let pieces = pieces(dice, size).map(Ok::<_, std::io::Error>);
    let pieces = futures::stream::iter(pieces);
    let mut response = Response::new(Body::from_stream(pieces));
    put(&mut response, "content-length", &size.to_string());
    put(&mut response, "content-type", "application/octet-stream");
    response
}

/// An error as S3 writes it.
fn refusal(status: StatusCode, code: &str) -> Response<Body> {
    let body =
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code></Error>");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    put(&mut response, "content-type", "application/xml");
    response
}
