//! Git LFS: where objects are, and the host that has them.
//!
//! <https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md>. As with Bitbucket, objects
//! lie on another host, and the header of an action has to be sent there; our own credential is
//! refused. There is no locking.

use crate::credentials::Identity;
use crate::error::{Result, SimulatorError};
use crate::http::reply::put;
use crate::state::State;
use crate::storage::signature;
use crate::world::World;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use futures::StreamExt;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

const MEDIA_TYPE: &str = "application/vnd.git-lfs+json";

/// As many as `git lfs` asks for at a time.
const MOST_OBJECTS: usize = 100;

/// Questions are small.
const MAX_QUESTION_BYTES: usize = 1024 * 1024;

const PIECE: usize = 128 * 1024;

/// What is asked of a repository's LFS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LfsPath {
    /// `workspace/slug.git`.
    pub(crate) repository: String,
    service: Service,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Batch,
    Verify,
    /// Anything else, such as locks.
    Unknown,
}

impl LfsPath {
    pub(crate) fn find(path: &str) -> Option<Self> {
        let (repository, service) = path.strip_prefix('/')?.split_once("/info/lfs/")?;
        Some(Self {
            repository: repository.to_owned(),
            service: match service {
                "objects/batch" => Service::Batch,
                "objects/verify" => Service::Verify,
                _ => Service::Unknown,
            },
        })
    }
}

/// Where the objects of a repository lie.
pub(crate) fn folder(world: &World, workspace: &str, slug: &str) -> PathBuf {
    world.folder().join("lfs").join(workspace).join(slug)
}

/// Puts an object there. Returns its id.
pub(crate) fn put_object(folder: &Path, content: &[u8]) -> Result<String> {
    let oid = hexadecimal(&Sha256::digest(content));
    let path = folder.join(&oid);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&path, content))
        .map_err(|source| SimulatorError::File { path, source })?;
    Ok(oid)
}

/// The pointer to an object, as it stands in git's history.
pub(crate) fn pointer(oid: &str, size: usize) -> String {
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n")
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // A text takes all that is written to it.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Answers a question to a repository whose reading was allowed.
pub(crate) async fn answer(
    state: &State,
    asked: &LfsPath,
    identity: &Identity,
    request: Request,
) -> Response<Body> {
    if asked.service == Service::Unknown {
        return refuse(StatusCode::NOT_FOUND, "There is no such API");
    }
    if request.method() != Method::POST {
        return refuse(StatusCode::METHOD_NOT_ALLOWED, "Only POST is known");
    }
    let (parts, body) = request.into_parts();
    if !is_lfs(&parts.headers, header::ACCEPT) {
        return refuse(
            StatusCode::NOT_ACCEPTABLE,
            "Accept has to be LFS's media type",
        );
    }
    if !is_lfs(&parts.headers, header::CONTENT_TYPE) {
        return refuse(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Content-Type has to be LFS's media type",
        );
    }
    let Ok(bytes) = axum::body::to_bytes(body, MAX_QUESTION_BYTES).await else {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "The question is too long");
    };
    let Ok(question) = serde_json::from_slice::<Value>(&bytes) else {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, "The question is no JSON");
    };
    let decoded = crate::endpoints::decode(&asked.repository);
    let Some((workspace, slug)) = decoded.split_once('/') else {
        return refuse(StatusCode::NOT_FOUND, "Not Found");
    };
    let slug = slug.strip_suffix(".git").unwrap_or(slug);
    let Some((workspace, slug)) = names(state, workspace, slug) else {
        return refuse(StatusCode::NOT_FOUND, "Not Found");
    };
    let shelf = Shelf {
        state,
        folder: folder(&state.world(), &workspace, &slug),
        path: format!("/lfs/{workspace}/{slug}"),
        repository: asked.repository.clone(),
    };
    if asked.service == Service::Verify {
        return shelf.verify(&question);
    }
    shelf.batch(&question, identity)
}

/// The names that a repository goes by in paths, whatever it was asked for by.
fn names(state: &State, workspace: &str, slug: &str) -> Option<(String, String)> {
    let world = state.world();
    let (workspace, repository) = world.find(workspace, slug)?;
    Some((workspace.slug.clone(), repository.slug.clone()))
}

/// The objects of a repository.
struct Shelf<'a> {
    state: &'a State,
    folder: PathBuf,
    /// Their path on the other host.
    path: String,
    repository: String,
}

impl Shelf<'_> {
    fn batch(&self, question: &Value, identity: &Identity) -> Response<Body> {
        let operation = question["operation"].as_str().unwrap_or_default();
        if !["download", "upload"].contains(&operation) {
            return refuse(StatusCode::UNPROCESSABLE_ENTITY, "An unknown operation");
        }
        if operation == "upload" && matches!(identity, Identity::Anonymous) {
            return refuse(StatusCode::UNAUTHORIZED, "Authentication required");
        }
        if let Some(transfers) = question["transfers"].as_array()
            && !transfers.iter().any(|transfer| transfer == "basic")
        {
            return refuse(StatusCode::UNPROCESSABLE_ENTITY, "Only basic transfers");
        }
        if question["hash_algo"]
            .as_str()
            .is_some_and(|name| name != "sha256")
        {
            return refuse(StatusCode::CONFLICT, "Only SHA-256");
        }
        let Some(objects) = question["objects"].as_array() else {
            return refuse(StatusCode::UNPROCESSABLE_ENTITY, "No objects");
        };
        let most = self.state.steering().lfs_batch.unwrap_or(MOST_OBJECTS);
        if objects.len() > most {
            return refuse(StatusCode::PAYLOAD_TOO_LARGE, "Too many objects");
        }
        let answers: Vec<Value> = objects
            .iter()
            .map(|object| self.object(object, operation))
            .collect();
        reply(
            StatusCode::OK,
            &json!({ "transfer": "basic", "objects": answers }),
        )
    }

    fn object(&self, object: &Value, operation: &str) -> Value {
        let (oid, size) = (&object["oid"], &object["size"]);
        let error = |code: u16, message: &str| json!({ "oid": oid, "size": size, "error": { "code": code, "message": message } });
        let (Some(name), Some(wanted)) = (oid.as_str().filter(|oid| is_oid(oid)), size.as_u64())
        else {
            return error(422, "Not an object");
        };
        let there = std::fs::metadata(self.folder.join(name)).ok();
        let path = format!("{}/{name}", self.path);
        let href = format!("{}{path}", self.state.links.storage);
        let header = json!({ "Authorization": format!("Bearer {}", signature(&path)) });
        let action = json!({ "href": href, "header": header, "expires_in": 3600 });
        let answer = |actions: Value| json!({ "oid": oid, "size": size, "authenticated": true, "actions": actions });
        match (operation, there) {
            ("download", None) => error(404, "Object does not exist"),
            ("download", Some(there)) if there.len() != wanted => {
                error(422, "The object has another size")
            }
            ("download", Some(_)) => answer(json!({ "download": action })),
            // What is there need not be sent.
            (_, Some(_)) => json!({ "oid": oid, "size": size }),
            (_, None) => {
                let web = &self.state.links.web;
                let verify = format!("{web}/{}/info/lfs/objects/verify", self.repository);
                answer(json!({ "upload": action, "verify": { "href": verify } }))
            }
        }
    }

    fn verify(&self, question: &Value) -> Response<Body> {
        let oid = question["oid"].as_str().filter(|oid| is_oid(oid));
        let there = oid.and_then(|oid| std::fs::metadata(self.folder.join(oid)).ok());
        match there {
            Some(there) if Some(there.len()) == question["size"].as_u64() => {
                reply(StatusCode::OK, &json!({}))
            }
            Some(_) => refuse(StatusCode::UNPROCESSABLE_ENTITY, "Another size"),
            None => refuse(StatusCode::NOT_FOUND, "Object does not exist"),
        }
    }
}

fn is_oid(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_lfs(headers: &HeaderMap, name: header::HeaderName) -> bool {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| {
        value
            .split(';')
            .next()
            .is_some_and(|it| it.trim() == MEDIA_TYPE)
    })
}

fn reply(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    put(&mut response, "content-type", MEDIA_TYPE);
    response
}

pub(crate) fn refuse(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = reply(status, &json!({ "message": message }));
    if status == StatusCode::UNAUTHORIZED {
        put(
            &mut response,
            "lfs-authenticate",
            "Basic realm=\"Bitbucket.org\"",
        );
    }
    response
}

/// Whether a path of the other host is that of an object.
pub(crate) fn is_object(path: &str) -> bool {
    path.starts_with("/lfs/")
}

/// The other host: gives an object, or takes one.
pub(crate) async fn store(state: &State, request: Request) -> Response<Body> {
    let path = request.uri().path().to_owned();
    for name in [header::REFERER, header::COOKIE] {
        if request.headers().contains_key(name) {
            return refuse(StatusCode::BAD_REQUEST, "It tells too much");
        }
    }
    let wanted = format!("Bearer {}", signature(&path));
    let given = request.headers().get(header::AUTHORIZATION);
    if given.is_none_or(|given| given.as_bytes() != wanted.as_bytes()) {
        return refuse(
            StatusCode::UNAUTHORIZED,
            "The header of the action is wanting",
        );
    }
    let mut parts = path.trim_start_matches("/lfs/").splitn(3, '/');
    let (Some(workspace), Some(slug), Some(oid)) = (parts.next(), parts.next(), parts.next())
    else {
        return refuse(StatusCode::NOT_FOUND, "NoSuchKey");
    };
    if !is_oid(oid) {
        return refuse(StatusCode::NOT_FOUND, "NoSuchKey");
    }
    let folder = folder(&state.world(), workspace, slug);
    let answered = if request.method() == Method::PUT {
        take(&folder, oid, request.into_body()).await
    } else {
        let ranges = !state.steering().lfs_without_ranges;
        give(&folder.join(oid), request.headers(), ranges).await
    };
    answered.unwrap_or_else(|error| refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()))
}

async fn take(folder: &Path, oid: &str, body: Body) -> std::io::Result<Response<Body>> {
    tokio::fs::create_dir_all(folder).await?;
    let part = folder.join(format!("{oid}.part"));
    let mut file = tokio::fs::File::create(&part).await?;
    let mut hash = Sha256::new();
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(std::io::Error::other)?;
        hash.update(&piece);
        file.write_all(&piece).await?;
    }
    file.flush().await?;
    if hexadecimal(&hash.finalize()) != oid {
        return Ok(refuse(StatusCode::UNPROCESSABLE_ENTITY, "Another content"));
    }
    tokio::fs::rename(&part, folder.join(oid)).await?;
    Ok(reply(StatusCode::OK, &json!({})))
}

async fn give(path: &Path, headers: &HeaderMap, ranges: bool) -> std::io::Result<Response<Body>> {
    let Ok(mut file) = tokio::fs::File::open(path).await else {
        return Ok(refuse(StatusCode::NOT_FOUND, "NoSuchKey"));
    };
    let size = file.metadata().await?.len();
    let range = headers
        .get(header::RANGE)
        .and_then(|range| range.to_str().ok());
    let first = range.filter(|_| ranges).and_then(|range| {
        range
            .strip_prefix("bytes=")?
            .strip_suffix('-')?
            .parse()
            .ok()
    });
    if first.is_some_and(|first: u64| first >= size) {
        return Ok(refuse(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange"));
    }
    let begin = first.unwrap_or_default();
    file.seek(std::io::SeekFrom::Start(begin)).await?;
    let pieces = futures::stream::try_unfold(file, |mut file| async move {
        let mut piece = vec![0; PIECE];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(piece), file)))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    put(&mut response, "content-length", &(size - begin).to_string());
    put(&mut response, "content-type", "application/octet-stream");
    if first.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let range = format!("bytes {begin}-{}/{size}", size - 1);
        put(&mut response, "content-range", &range);
    }
    Ok(response)
}
