//! Smart HTTP: `git http-backend` as a CGI program.

use super::command;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use futures::StreamExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

/// A git request, already allowed.
pub(crate) struct GitRequest<'a> {
    pub(crate) repository: &'a Path,
    /// `info/refs` or `git-upload-pack`.
    pub(crate) service_path: &'a str,
    pub(crate) method: &'a Method,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: Body,
}

/// A child that has lost its client gets this long to notice that its pipes are closed.
///
/// It is not killed at once: `http-backend` waits for `upload-pack`, which waits for
/// `pack-objects`; killing the first would leave the others to nobody.
const UNWIND: Duration = Duration::from_secs(30);

/// Runs the request through git and streams both bodies.
pub(crate) async fn serve(request: GitRequest<'_>) -> std::io::Result<Response<Body>> {
    let mut child = spawn(&request)?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(std::io::Error::other("git was started without pipes"));
    };
    let mut body = request.body.into_data_stream();
    tokio::spawn(async move {
        while let Some(Ok(chunk)) = body.next().await {
            if stdin.write_all(&chunk).await.is_err() {
                break;
            }
        }
        drop(stdin);
    });
    let mut stdout = BufReader::with_capacity(64 * 1024, stdout);
    let head = head(&mut stdout).await;
    let chunks = futures::stream::try_unfold(
        (stdout, Some(Unwinding(Some(child)))),
        |(mut stdout, child)| async move {
            let mut chunk = vec![0; 64 * 1024];
            let read = stdout.read(&mut chunk).await?;
            chunk.truncate(read);
            Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(chunk), (stdout, child))))
        },
    );
    let mut response = Response::new(Body::from_stream(chunks));
    for (name, value) in head? {
        if name.eq_ignore_ascii_case("status") {
            let code = value
                .split(' ')
                .next()
                .and_then(|code| code.parse::<u16>().ok());
            *response.status_mut() = code
                .and_then(|code| StatusCode::from_u16(code).ok())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        } else {
            crate::http::reply::put(&mut response, &name, &value);
        }
    }
    Ok(response)
}

fn spawn(request: &GitRequest<'_>) -> std::io::Result<Child> {
    let mut command = command(request.repository);
    let text = |name: header::HeaderName| {
        request
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let protocol = request
        .headers
        .get("git-protocol")
        .and_then(|value| value.to_str().ok());
    command
        .arg("http-backend")
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_PROJECT_ROOT", request.repository)
        .env("PATH_INFO", format!("/{}", request.service_path))
        .env("REQUEST_METHOD", request.method.as_str())
        .env("QUERY_STRING", request.query)
        .env("CONTENT_TYPE", text(header::CONTENT_TYPE))
        .env("HTTP_CONTENT_ENCODING", text(header::CONTENT_ENCODING))
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some(protocol) = protocol {
        command.env("GIT_PROTOCOL", protocol);
    }
    // With a length http-backend reads so many bytes, without it to the end of the stream.
    let length = text(header::CONTENT_LENGTH);
    if length.is_empty() {
        command.env_remove("CONTENT_LENGTH");
    } else {
        command.env("CONTENT_LENGTH", length);
    }
    Command::from(command).kill_on_drop(true).spawn()
}

/// The header lines of a CGI answer, up to the empty one.
async fn head(stdout: &mut BufReader<ChildStdout>) -> std::io::Result<Vec<(String, String)>> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if stdout.read_line(&mut line).await? == 0 {
            return Err(std::io::Error::other(
                "git http-backend ended before its answer",
            ));
        }
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(head);
        }
        if let Some((name, value)) = line.split_once(':') {
            head.push((name.to_owned(), value.trim().to_owned()));
        }
    }
}

/// Waits for the child wherever the answer ends: at its end, or when the client is gone.
struct Unwinding(Option<Child>);

impl Drop for Unwinding {
    fn drop(&mut self) {
        if let (Some(mut child), Ok(runtime)) =
            (self.0.take(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(async move {
                if tokio::time::timeout(UNWIND, child.wait()).await.is_err() {
                    let _ = child.kill().await;
                }
            });
        }
    }
}
