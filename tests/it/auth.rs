//! `bucketload auth`: signing in, keeping tokens, and choosing among them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bucketload_simulator::{Credential, CredentialKind, OAuthOptions, RequestKind};

use crate::support::{CONSUMER_SECRET, Consumer, Double, Ran, run, small};

const NAME: &str = "seaside/lighthouse";

/// A sign-in that waits for its browser.
pub(crate) struct Login {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    said: String,
    /// Where it wants the browser to go.
    pub(crate) address: String,
}

impl Login {
    pub(crate) fn begin(command: &mut Command) -> Self {
        let mut child = command
            .args(["auth", "login", "--no-browser", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "{said}");
            said.push_str(&line);
            if line.trim().starts_with("http://") && line.contains("authorize") {
                break line.trim().to_owned();
            }
        };
        Self {
            child,
            stderr,
            said,
            address,
        }
    }

    pub(crate) fn parameter(&self, name: &str) -> String {
        let url = url::Url::parse(&self.address).unwrap();
        let mut pairs = url.query_pairs();
        pairs.find(|(key, _)| key == name).unwrap().1.into_owned()
    }

    pub(crate) fn end(mut self) -> Ran {
        self.stderr.read_to_string(&mut self.said).unwrap();
        let mut ran: Ran = self.child.wait_with_output().unwrap().into();
        ran.stderr = self.said;
        ran
    }
}

/// The answer to one GET, head and body.
pub(crate) fn get(url: &str) -> String {
    let url = url::Url::parse(url).unwrap();
    let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let mut stream = TcpStream::connect(authority).unwrap();
    let request =
        format!("GET {target} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap()
}

/// Where Bitbucket sends the browser of somebody who agrees.
pub(crate) fn agreed(address: &str) -> String {
    let answer = get(address);
    let location = answer
        .lines()
        .find_map(|line| line.strip_prefix("location: "));
    location.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// Signs in, and returns what the command said.
pub(crate) fn sign_in(double: &Double, consumer: &Consumer, data_dir: &Path) -> Ran {
    let login = Login::begin(&mut double.command_with(consumer, data_dir));
    let answer = get(&agreed(&login.address));
    assert_eq!(status(&answer), "200", "{answer}");
    assert!(answer.contains("You are signed in"), "{answer}");
    login.end().expect(0)
}

pub(crate) fn add_token(command: &mut Command, arguments: &[&str], token: &str) -> Ran {
    let mut child = command
        .args(["auth", "add-token"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(token.as_bytes());
    child.wait_with_output().unwrap().into()
}

fn listed(command: &mut Command) -> Vec<serde_json::Value> {
    let json = run(command.args(["auth", "list", "--json"]))
        .expect(0)
        .json();
    json["credentials"].as_array().unwrap().clone()
}

#[test]
fn a_sign_in_is_kept_and_the_next_one_replaces_it() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let consumer = double.consumer();
    let ran = sign_in(&double, &consumer, folder.path());
    let kept = ran.json()["credential"].clone();
    assert_eq!(kept["kind"], "oauth_grant");
    assert_eq!(kept["state"], "usable");
    assert!(kept["account"].is_string(), "{kept}");

    sign_in(&double, &consumer, folder.path());
    let list = listed(&mut double.command_with(&consumer, folder.path()));
    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["id"], kept["id"]);
    let text = run(double
        .command_with(&consumer, folder.path())
        .args(["auth", "list"]))
    .expect(0);
    assert!(text.stdout.contains("renews itself"), "{}", text.stdout);

    let mut doctor = double.command_with(&consumer, folder.path());
    let findings = run(doctor.args(["doctor", "seaside"])).expect(0).stdout;
    let callback = format!("{}/auth/bitbucket/callback", consumer.public_url);
    assert!(findings.contains(&callback), "{findings}");
    let accepted = "the sign-in “Ada Lovelace” is accepted";
    assert!(findings.contains(accepted), "{findings}");

    // It is the only one: the import takes it.
    let mut import = double.command_with(&consumer, folder.path());
    run(import.args(["import", NAME])).expect(0);
    let asked = double.control().requests();
    let rest = asked
        .iter()
        .filter(|it| it.target.contains("/pullrequests"));
    assert!(
        rest.map(|it| it.credential.as_deref())
            .all(|kind| kind == Some("oauth2")),
        "{asked:?}"
    );
}

#[test]
fn a_strangers_callback_ends_nothing_and_a_refusal_is_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let consumer = double.consumer();
    let login = Login::begin(&mut double.command_with(&consumer, folder.path()));
    let (state, callback) = (login.parameter("state"), login.parameter("redirect_uri"));
    for (query, expected) in [
        ("?code=a&state=b".to_owned(), "400"),
        ("?code=a".to_owned(), "400"),
        (format!("?code=a&state={state}&state=b"), "400"),
        ("?error=access_denied&state=b".to_owned(), "400"),
        (format!("/import?code=a&state={state}"), "404"),
        (String::new(), "404"),
    ] {
        let answer = get(&format!("{callback}{query}"));
        assert_eq!(status(&answer), expected, "{query}: {answer}");
        assert!(answer.contains("default-src 'none'"), "{answer}");
    }
    let said = "error_description=Go%20away%1B%5B2J%3Cb%3E";
    let answer = get(&format!(
        "{callback}?error=access_denied&state={state}&{said}"
    ));
    assert!(!answer.contains("Go away"), "{answer}");
    let ran = login.end().expect(4);
    assert!(
        ran.stderr.contains("access was not granted"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("Go away"), "{}", ran.stderr);
    assert!(!ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
    assert!(listed(&mut double.command_with(&consumer, folder.path())).is_empty());
}

#[test]
fn what_a_sign_in_needs_is_said_before_anybody_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let consumer = double.consumer();
    let login = |change: &dyn Fn(&mut Command)| {
        let mut command = double.command_with(&consumer, folder.path());
        change(&mut command);
        run(command.args(["auth", "login", "--no-browser"]))
    };
    let ran = login(&|command| {
        command
            .env_remove("BUCKETLOAD_OAUTH_CLIENT_ID")
            .env_remove("BUCKETLOAD_OAUTH_CLIENT_SECRET");
    });
    assert!(ran.expect(2).stderr.contains("BUCKETLOAD_OAUTH_CLIENT_ID"));
    let ran = login(&|command| {
        command.env("BUCKETLOAD_PUBLIC_URL", "https://loads.example.org");
    });
    let said = ran.expect(2).stderr;
    assert!(
        said.contains("https://loads.example.org/auth/bitbucket/callback"),
        "{said}"
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ran = login(&|command| {
        let url = format!("http://{}", taken.local_addr().unwrap());
        command.env("BUCKETLOAD_PUBLIC_URL", url);
    });
    assert!(ran.expect(1).stderr.contains("cannot listen"));
    let ran = login(&|command| {
        command.args(["auth", "login"]);
    });
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let mut patient = double.command_with(&consumer, folder.path());
    let ran = run(patient.args(["auth", "login", "--no-browser", "--timeout", "1"]));
    assert!(ran.expect(2).stderr.contains("nobody came back"));
    assert_eq!(double.control().requests().len(), 0);
}

#[test]
fn a_wrong_consumer_secret_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let consumer = double.consumer();
    let mut command = double.command_with(&consumer, folder.path());
    command.env("BUCKETLOAD_OAUTH_CLIENT_SECRET", "BLSECRET-other");
    let login = Login::begin(&mut command);
    let answer = get(&agreed(&login.address));
    assert_eq!(status(&answer), "400", "{answer}");
    let said = login.end().expect(4).stderr;
    assert!(
        said.contains("callback URL of the OAuth consumer"),
        "{said}"
    );
    assert!(
        !said.contains("BLSECRET") && !said.contains(CONSUMER_SECRET),
        "{said}"
    );
}

#[test]
fn tokens_are_checked_kept_chosen_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let control = double.control();
    for token in ["BLSECRET-one", "BLSECRET-two"] {
        control.add_credential(Credential::new(token, CredentialKind::AccessToken));
    }
    let bare = || {
        let mut command = double.command(folder.path());
        command.env_remove("BUCKETLOAD_BITBUCKET_TOKEN");
        command
    };
    // From standard input, and from a file.
    let ran = add_token(&mut bare(), &["--workspace", "seaside"], "BLSECRET-one\n");
    assert!(ran.expect(0).stdout.contains("“seaside”"));
    let file = folder.path().join("token");
    std::fs::write(&file, "BLSECRET-two\n").unwrap();
    let ran = run(bare()
        .args([
            "auth",
            "add-token",
            "--workspace",
            "seaside",
            "--label",
            "second",
        ])
        .arg("--token-file")
        .arg(&file));
    ran.expect(0);

    let ran = add_token(&mut bare(), &["--workspace", "seaside"], "BLSECRET-wrong");
    assert!(ran.expect(4).stderr.contains("Bitbucket refuses"));
    let ran = add_token(&mut bare(), &["--workspace", "seaside"], "BLSECRET-two");
    assert!(ran.expect(2).stderr.contains("“seaside” already"));
    let unasked = [
        "--workspace",
        "elsewhere",
        "--label",
        "unasked",
        "--no-check",
    ];
    add_token(&mut bare(), &unasked, "BLSECRET-wrong").expect(0);
    run(bare().args(["auth", "remove", "unasked"])).expect(0);
    // One that may not say whose it is does for imports.
    let kind = CredentialKind::ApiToken {
        email: "ada@example.org".to_owned(),
    };
    let token = Credential::new("BLSECRET-three", kind).with_scopes(&["repository", "pullrequest"]);
    control.add_credential(token);
    let ran = add_token(
        &mut bare(),
        &["--email", "ada@example.org"],
        "BLSECRET-three",
    );
    let said = ran.expect(0).stderr;
    assert!(said.contains("read:workspace:bitbucket"), "{said}");
    run(bare().args(["auth", "remove", "ada@example.org"])).expect(0);
    let ran = add_token(&mut bare(), &[], "BLSECRET-two");
    assert!(ran.expect(2).stderr.contains("--email"));
    let ran = add_token(&mut bare(), &["--email", "ada"], "BLSECRET");
    assert!(ran.expect(2).stderr.contains("2026-07-28"));

    // Two fit: the person has to say which.
    let ran = run(bare().args(["import", NAME]));
    let said = ran.expect(2).stderr;
    assert!(
        said.contains("“seaside”") && said.contains("“second”"),
        "{said}"
    );
    control.reset_log();
    run(bare().args(["import", NAME, "--credential", "second"])).expect(0);
    // But to the file store, which is not Bitbucket.
    let requests = control.requests().into_iter();
    let mut to_bitbucket = requests.filter(|it| it.kind != RequestKind::Storage);
    assert!(to_bitbucket.all(|it| it.credential.is_some()));
    run(bare().args(["import", NAME, "--credential", "third"])).expect(2);
    run(bare().args(["auth", "remove", "seaside"])).expect(0);
    run(bare().args(["auth", "remove", "seaside"])).expect(2);
    run(bare().args(["import", NAME])).expect(0);
    let list = listed(&mut bare());
    assert_eq!(list.len(), 1);
    assert!(!format!("{list:?}").contains("BLSECRET"));
}

#[test]
fn a_wrong_key_is_named_and_a_new_one_is_made_in_one_step() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let token = Credential::new("BLSECRET-one", CredentialKind::AccessToken);
    double.control().add_credential(token);
    let bare = || {
        let mut command = double.command(folder.path());
        command.env_remove("BUCKETLOAD_BITBUCKET_TOKEN");
        command
    };
    add_token(&mut bare(), &["--workspace", "seaside"], "BLSECRET-one").expect(0);
    let key_file = folder.path().join("secret.key");
    let first = std::fs::read_to_string(&key_file).unwrap();

    let rotated = run(bare().args(["auth", "rotate-key", "--json"]))
        .expect(0)
        .json();
    assert_eq!(rotated["sealed"], 1);
    let second = std::fs::read_to_string(&key_file).unwrap();
    assert_ne!(first, second);
    run(bare().args(["import", NAME])).expect(0);

    // The stolen database, with another key.
    std::fs::write(&key_file, &first).unwrap();
    let said = run(bare().args(["import", NAME])).expect(4).stderr;
    assert!(said.contains(rotated["key"].as_str().unwrap()), "{said}");
    assert!(said.contains("BUCKETLOAD_SECRET_KEY"), "{said}");
    // The right one from the configuration, and from now on that one alone.
    let mut command = bare();
    command.env("BUCKETLOAD_SECRET_KEY", &second);
    run(command.args(["import", NAME])).expect(0);
    std::fs::remove_file(&key_file).unwrap();
    let third = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let old = folder.path().join("old.key");
    std::fs::write(&old, &second).unwrap();
    let mut command = bare();
    command.env("BUCKETLOAD_SECRET_KEY", third);
    let ran = run(command
        .args(["auth", "rotate-key", "--old-key-file"])
        .arg(&old));
    assert!(ran.expect(0).stdout.contains("1 secret is"));
    let mut command = bare();
    command.env("BUCKETLOAD_SECRET_KEY", third);
    run(command.args(["import", NAME])).expect(0);
    assert!(!key_file.exists());

    std::fs::write(&key_file, &first).unwrap();
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&key_file, everybody).unwrap();
    let said = run(bare().args(["import", NAME])).expect(1).stderr;
    assert!(said.contains("chmod 600"), "{said}");
}

/// Signing in by hand takes as long as it takes; the code does not.
#[test]
fn a_code_that_is_too_old_asks_for_another_try() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let consumer = double.consumer();
    let login = Login::begin(&mut double.command_with(&consumer, folder.path()));
    let back = agreed(&login.address);
    let codes_live = OAuthOptions::default().code_seconds;
    let passed = std::time::Duration::from_secs(codes_live + 1);
    double.control().advance_clock(passed);
    assert_eq!(status(&get(&back)), "400");
    let said = login.end().expect(4).stderr;
    assert!(said.contains("sign in again"), "{said}");
}
