//! A mail server, as far as RFC 5321 asks for it, and plain authentication (RFC 4616).

use std::io::{BufRead as _, BufReader, Read, Result, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Listener, Log};

/// One mail.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mail {
    /// What the sender said, in base64.
    pub(crate) login: Option<String>,
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// Headers and body, as sent.
    pub(crate) data: String,
}

impl Mail {
    /// A header, its lines joined.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let (head, _) = self.data.split_once("\r\n\r\n")?;
        let head = head.replace("\r\n ", " ");
        let mut lines = head.lines();
        lines.find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    }
}

/// Takes mail.
#[derive(Debug)]
pub(crate) struct MailServer {
    listener: Listener,
    mails: Arc<Log<Mail>>,
    is_busy: Arc<AtomicBool>,
}

impl MailServer {
    /// What a server says first.
    pub(crate) const GREETING: &[u8] = b"220 double.example.org ready\r\n";

    pub(crate) fn start() -> Self {
        Self::start_over(|mut stream| {
            stream.write_all(Self::GREETING)?;
            Ok(stream)
        })
    }

    /// One that converses over what `open` makes of a connection, once it has greeted there.
    pub(crate) fn start_over<S: Read + Write>(
        open: impl Fn(TcpStream) -> Result<S> + Send + 'static,
    ) -> Self {
        let mails = Log::new();
        let is_busy = Arc::new(AtomicBool::new(false));
        let (log, busy) = (mails.clone(), is_busy.clone());
        let listener = Listener::start(move |stream| converse(open(stream)?, &log, &busy));
        Self {
            listener,
            mails,
            is_busy,
        }
    }

    /// With a user and a password in it.
    pub(crate) fn url(&self) -> String {
        self.url_of("smtp")
    }

    pub(crate) fn url_of(&self, scheme: &str) -> String {
        format!("{scheme}://ann:s3cret%20word@{}", self.listener.address)
    }

    /// Whether it has no time for mail.
    pub(crate) fn set_busy(&self, is_busy: bool) {
        self.is_busy.store(is_busy, Ordering::SeqCst);
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.mails.all()
    }
}

/// Reads a line, without its end; none when nobody is there any more.
fn line(stream: &mut BufReader<impl Read>) -> Result<Option<String>> {
    let mut line = String::new();
    let is_over = stream.read_line(&mut line)? == 0;
    Ok((!is_over).then(|| line.trim_end_matches("\r\n").to_owned()))
}

fn converse(stream: impl Read + Write, log: &Log<Mail>, busy: &AtomicBool) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let mut mail = Mail::default();
    while let Some(said) = line(&mut stream)? {
        let (verb, rest) = said.split_once(' ').unwrap_or((&said, ""));
        let verb = verb.to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => "250-double.example.org\r\n250-8BITMIME\r\n250 AUTH PLAIN",
            "AUTH" => {
                mail.login = rest.strip_prefix("PLAIN ").map(str::to_owned);
                "235 2.7.0 welcome"
            }
            "MAIL" if busy.load(Ordering::SeqCst) => "451 4.3.2 come back later",
            "MAIL" => {
                mail.from = within_brackets(rest);
                "250 2.1.0 ok"
            }
            "RCPT" => {
                mail.to.push(within_brackets(rest));
                "250 2.1.5 ok"
            }
            "DATA" => {
                stream.get_mut().write_all(b"354 go on\r\n")?;
                while let Some(line) = line(&mut stream)?.filter(|line| line != ".") {
                    mail.data.push_str(line.strip_prefix('.').unwrap_or(&line));
                    mail.data.push_str("\r\n");
                }
                log.put(std::mem::take(&mut mail));
                "250 2.0.0 taken"
            }
            "QUIT" => "221 2.0.0 bye",
            _ => "502 5.5.2 what?",
        };
        stream
            .get_mut()
            .write_all(format!("{answer}\r\n").as_bytes())?;
        if verb == "QUIT" {
            break;
        }
    }
    Ok(())
}

fn within_brackets(text: &str) -> String {
    let text = text.split_once('<').map_or(text, |(_, after)| after);
    text.split_once('>')
        .map_or(text, |(inner, _)| inner)
        .to_owned()
}
