//! A mail server, as far as RFC 5321 asks for it, and plain authentication (RFC 4616).

use std::io::{BufRead as _, BufReader, Result, Write as _};
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
    pub(crate) fn start() -> Self {
        let mails = Log::new();
        let is_busy = Arc::new(AtomicBool::new(false));
        let (log, busy) = (mails.clone(), is_busy.clone());
        let listener = Listener::start(move |stream| converse(&stream, &log, &busy));
        Self {
            listener,
            mails,
            is_busy,
        }
    }

    /// With a user and a password in it.
    pub(crate) fn url(&self) -> String {
        format!("smtp://ann:s3cret%20word@{}", self.listener.address)
    }

    /// Whether it has no time for mail.
    pub(crate) fn set_busy(&self, is_busy: bool) {
        self.is_busy.store(is_busy, Ordering::SeqCst);
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.mails.all()
    }
}

fn converse(stream: &TcpStream, log: &Log<Mail>, busy: &AtomicBool) -> Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let say = |text: &str| {
        let mut stream = stream;
        stream.write_all(format!("{text}\r\n").as_bytes())
    };
    let mut mail = Mail::default();
    say("220 double.example.org ready")?;
    while let Some(line) = lines.next() {
        let line = line?;
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                say("250-double.example.org")?;
                say("250-8BITMIME")?;
                say("250 AUTH PLAIN")?;
            }
            "AUTH" => {
                mail.login = rest.strip_prefix("PLAIN ").map(str::to_owned);
                say("235 2.7.0 welcome")?;
            }
            "MAIL" if busy.load(Ordering::SeqCst) => say("451 4.3.2 come back later")?,
            "MAIL" => {
                mail.from = within_brackets(rest);
                say("250 2.1.0 ok")?;
            }
            "RCPT" => {
                mail.to.push(within_brackets(rest));
                say("250 2.1.5 ok")?;
            }
            "DATA" => {
                say("354 go on")?;
                for line in lines.by_ref() {
                    let line = line?;
                    if line == "." {
                        break;
                    }
                    mail.data.push_str(line.strip_prefix('.').unwrap_or(&line));
                    mail.data.push_str("\r\n");
                }
                log.put(std::mem::take(&mut mail));
                say("250 2.0.0 taken")?;
            }
            "QUIT" => return say("221 2.0.0 bye"),
            _ => say("502 5.5.2 what?")?,
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
