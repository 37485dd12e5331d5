//! `bucketload health`: what containers and service managers ask, without another program.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::arguments::HealthOptions;
use crate::messages::{Exit, Problem};
use crate::output;

/// Longer than the database takes to answer when it is well, shorter than those wait who ask.
const PATIENCE: Duration = Duration::from_secs(5);

/// An answer has a few hundred bytes; whatever listens there may send anything.
const MOST_BYTES: u64 = 16 * 1024;

/// `/readyz`, as it answered.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    body: String,
}

pub(crate) async fn run(options: &HealthOptions, json: bool) -> Result<Exit, Problem> {
    let address = options.address;
    let answer = match tokio::time::timeout(PATIENCE, ask(address)).await {
        Ok(answer) => answer,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer within {} seconds", PATIENCE.as_secs()),
        )),
    };
    let answer = answer.map_err(|error| {
        Problem::of(format!("{address} does not say how it is"), &error)
            .remedy("start “bucketload serve” or “worker --listen”, or give the address it has")
    })?;
    let is_well = answer.status == 200;
    let said = output::printable(answer.body.trim());
    if json {
        output::json(&json!({
            "address": address, "status": answer.status, "well": is_well, "said": said,
        }));
    } else {
        output::line(&format!("{}: {said}", answer.status));
    }
    Ok(if is_well {
        Exit::Complete
    } else {
        Exit::Failed
    })
}

async fn ask(address: SocketAddr) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.take(MOST_BYTES).read_to_end(&mut bytes).await?;
    parse(&bytes).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "this is no HTTP"))
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let mut headers = [httparse::EMPTY_HEADER; 100];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes).ok()? else {
        return None;
    };
    Some(Answer {
        status: response.code?,
        body: String::from_utf8_lossy(bytes.get(head..)?).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_its_status_and_what_was_said() {
        let answer = parse(b"HTTP/1.1 503 Service Unavailable\r\na: b\r\n\r\nstopping").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (503, "stopping"));
    }

    #[test]
    fn what_is_no_whole_answer_is_none() {
        for bytes in ["", "SSH-2.0-x\r\n", "HTTP/1.1 200 OK\r\na: b"] {
            assert_eq!(parse(bytes.as_bytes()), None, "{bytes}");
        }
    }
}
