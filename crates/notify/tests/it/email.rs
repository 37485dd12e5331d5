//! One mail for all messages.

use bucketload_notify::{Channel, Email, EmailOptions, SendError};

use crate::receivers::MailServer;
use crate::{message, now};

fn channel(server: &MailServer) -> Channel {
    let email = Email::new(&EmailOptions {
        url: server.url().into(),
        from: "Löads <loads@example.org>".to_owned(),
        to: "ann@example.org, Bob <bob@example.org>".to_owned(),
        allow_insecure: false,
    });
    email.unwrap().into()
}

#[tokio::test]
async fn all_messages_go_in_one_mail_to_everybody() {
    let server = MailServer::start();
    let messages = [message(1, "one failed"), message(2, "two failed")];
    channel(&server).send(&messages, now()).await.unwrap();
    let mails = server.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    let mail = &mails[0];
    // "\0ann\0s3cret word"
    assert_eq!(mail.login.as_deref(), Some("AGFubgBzM2NyZXQgd29yZA=="));
    assert_eq!(mail.from, "loads@example.org");
    assert_eq!(mail.to, ["ann@example.org", "bob@example.org"]);
    let header = |name| {
        mail.header(name)
            .unwrap_or_else(|| panic!("{name}: {mail:?}"))
    };
    assert_eq!(header("Subject"), "bucketload: 2 failed");
    assert_eq!(header("Date"), "Mon, 23 Nov 2026 03:05:00 +0000");
    assert_eq!(header("Auto-Submitted"), "auto-generated");
    assert!(header("Message-ID").ends_with("@example.org>"));
    assert!(
        mail.data.contains("* 2026-11-23 03:05 UTC  one failed\r\n"),
        "{}",
        mail.data
    );
    // Told again, it is the same.
    channel(&server).send(&messages, now()).await.unwrap();
    let again = server.mails()[1].header("Message-ID");
    assert_eq!(again.unwrap(), header("Message-ID"));
}

#[tokio::test]
async fn hostile_names_make_no_headers_and_no_lines() {
    let server = MailServer::start();
    // As they would be if nobody had made one line of them.
    let hostile = "x\r\nBcc: eve@example.org\r\n\r\n.\r\nMAIL FROM:<eve@example.org>";
    channel(&server)
        .send(&[message(1, hostile)], now())
        .await
        .unwrap();
    let mails = server.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].to, ["ann@example.org", "bob@example.org"]);
    assert_eq!(mails[0].header("Bcc"), None, "{}", mails[0].data);
    assert!(mails[0].header("Subject").unwrap().contains("x Bcc: eve"));
}

#[tokio::test]
async fn a_server_without_time_is_told_of() {
    let server = MailServer::start();
    server.set_busy(true);
    let error = channel(&server).send(&[message(1, "one")], now()).await;
    let error = error.unwrap_err();
    assert!(matches!(error, SendError::Mail(_)), "{error:?}");
    let said = error.to_string();
    assert!(said.contains("come back later"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
    assert!(server.mails().is_empty());
}
