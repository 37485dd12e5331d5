//! A server with a simulator behind it, and browsers that look at it.

use std::net::SocketAddr;
use std::sync::Arc;

use bucketload_archive::{Archive, DataDir};
use bucketload_auth::{Credential, Sealer, SecretKey};
use bucketload_bitbucket::{Client, ClientOptions, QuotaSettings, WaitPolicy};
use bucketload_model::{Clock as _, ManualClock, UserId, UserRole, UserState};
use bucketload_server::{
    BitbucketOptions, ConsumerOptions, Metrics, OneTimeCode, Patience, Server, ServerOptions,
    SettingLine, SettingPlace, UploadLimits, administrator_code, first_administrator_code,
};
use bucketload_simulator::{
    Control, OAuthConsumer, OAuthOptions, SeedOptions, Simulator, SimulatorOptions, World,
};
use chrono::DateTime;
use reqwest::header::{self, HeaderMap};
use reqwest::{RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use url::Url;

/// The key of the consumer at the simulator.
pub(crate) const CONSUMER: &str = "dashboard";
pub(crate) const CONSUMER_SECRET: &str = "dashboard-secret";

/// The workspace of the simulator's people.
pub(crate) const WORKSPACE: &str = "seaside";

/// How large a file may be that somebody uploads.
pub(crate) const MAX_UPLOAD_BYTES: u64 = 100_000;

/// A server with everything it needs. It ends with the test.
pub(crate) struct House {
    pub(crate) url: Url,
    pub(crate) archive: Archive,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) bitbucket: Control,
    pub(crate) simulator: Simulator,
    /// Opens what is kept.
    pub(crate) sealer: Sealer,
    /// Cancelled, it is about to end, and still answers.
    pub(crate) stopping: CancellationToken,
    stop: CancellationToken,
    folder: TempDir,
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A proxy that passes everything on as it is.
async fn forward(proxy: TcpListener, to: SocketAddr, stop: CancellationToken) {
    let pass = async {
        while let Ok((mut client, _)) = proxy.accept().await {
            tokio::spawn(async move {
                let mut server = TcpStream::connect(to).await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    };
    let _ = stop.run_until_cancelled(pass).await;
}

/// What may differ from one house to another.
pub(crate) struct Plan {
    pub(crate) public_url: Option<Url>,
    /// A path below which a proxy of the house shows it, in place of a public URL.
    pub(crate) path: &'static str,
    pub(crate) has_consumer: bool,
    pub(crate) secret: &'static str,
    pub(crate) trusted_proxies: &'static str,
    pub(crate) patience: Patience,
    /// That of the configuration.
    pub(crate) credential: Credential,
    pub(crate) world: SeedOptions,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            public_url: None,
            path: "",
            has_consumer: true,
            secret: CONSUMER_SECRET,
            trusted_proxies: "",
            patience: Patience::default(),
            credential: Credential::Anonymous,
            world: SeedOptions {
                repositories: 1,
                pull_requests: 1,
                git_commits: 1,
                members: 4,
                ..SeedOptions::default()
            },
        }
    }
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::planned(Plan::default()).await
    }

    pub(crate) async fn planned(plan: Plan) -> Self {
        let world = World::seeded(plan.world);
        let simulator = Simulator::start(SimulatorOptions::default(), world.unwrap());
        let simulator = simulator.await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path());
        let archive = Archive::open(&data_dir).await.unwrap();
        let clock = Arc::new(ManualClock::new(
            DateTime::from_timestamp(1_795_000_000, 0).unwrap(),
        ));
        let consumer = ConsumerOptions {
            client_id: CONSUMER.to_owned(),
            client_secret: plan.secret.to_owned().into(),
        };
        let stopping = CancellationToken::new();
        // Its address has to be known before there is what it leads to.
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let below = format!("http://{}{}", proxy.local_addr().unwrap(), plan.path);
        let is_below = !plan.path.is_empty();
        let asking = ClientOptions {
            ledger: Arc::new(archive.clone()),
            clock: clock.clone(),
            is_interactive: true,
            wait: WaitPolicy::GiveUp,
            ..ClientOptions::new(simulator.api_url().parse().unwrap())
        };
        let sealer = Sealer::new(SecretKey::generate().unwrap());
        let server = Server::bind(ServerOptions {
            listen: ([127, 0, 0, 1], 0).into(),
            public_url: if is_below {
                Some(below.parse().unwrap())
            } else {
                plan.public_url
            },
            trusted_proxies: plan.trusted_proxies.parse().unwrap(),
            archive: archive.clone(),
            data_dir,
            sealer: sealer.clone(),
            bitbucket: BitbucketOptions {
                web_url: simulator.web_url().parse().unwrap(),
                api_url: simulator.api_url().parse().unwrap(),
                allow_insecure: false,
                consumer: plan.has_consumer.then_some(consumer),
            },
            client: Client::new(asking, plan.credential).unwrap(),
            settings: vec![SettingLine {
                key: "max_blob_mb",
                variable: "BUCKETLOAD_MAX_BLOB_MB".to_owned(),
                value: Some("1024".to_owned()),
                place: SettingPlace::File,
                meaning: "How many `MiB` a file may have.",
            }],
            uploads: UploadLimits {
                file_bytes: MAX_UPLOAD_BYTES,
                blob_bytes: MAX_UPLOAD_BYTES,
            },
            patience: plan.patience,
            metrics: Arc::new(Metrics::new(QuotaSettings::default())),
            stopping: stopping.clone(),
            clock: clock.clone(),
        });
        let server = server.await.unwrap();
        let bitbucket = simulator.control();
        bitbucket.add_consumer(OAuthConsumer::new(
            CONSUMER,
            CONSUMER_SECRET,
            server.callback(),
        ));
        let address = server.address();
        let url = if is_below {
            server.public_url().clone()
        } else {
            format!("http://{address}").parse().unwrap()
        };
        let stop = CancellationToken::new();
        if is_below {
            tokio::spawn(forward(proxy, address, stop.clone()));
        }
        tokio::spawn(server.run(stop.clone()));
        Self {
            url,
            archive,
            clock,
            bitbucket,
            simulator,
            sealer,
            stopping,
            stop,
            folder,
        }
    }

    /// Another browser.
    pub(crate) fn browser(&self) -> Browser {
        // The double speaks plain HTTP; the client wants to know of TLS all the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build();
        Browser {
            http: http.unwrap(),
            url: self.url.clone(),
            cookie: None,
            form_token: None,
        }
    }

    pub(crate) async fn first_code(&self) -> String {
        let code = first_administrator_code(&self.archive, self.clock.as_ref()).await;
        exposed(&code.unwrap().unwrap())
    }

    pub(crate) async fn administrator_code(&self) -> String {
        let code = administrator_code(&self.archive, self.clock.as_ref(), None).await;
        exposed(&code.unwrap())
    }

    /// A browser of the first administrator, who is made if there is none.
    pub(crate) async fn administrator(&self) -> Browser {
        self.tick();
        let mut browser = self.browser();
        let users = self.archive.users().await.unwrap();
        if users.is_empty() {
            browser.get("/setup").await;
            let fields = [
                ("code", self.first_code().await),
                ("display_name", "Ada".to_owned()),
            ];
            let answer = browser.post("/setup", &fields).await;
            assert_eq!(answer.location(), self.url.path(), "{}", answer.body);
        } else {
            browser.get("/sign-in").await;
            let code = self.administrator_code().await;
            let answer = browser.post("/sign-in/code", &[("code", code)]).await;
            assert_eq!(answer.location(), self.url.path(), "{}", answer.body);
        }
        browser
    }

    /// From now on this person consents to everything at Bitbucket.
    pub(crate) fn consents(&self, person: &str) {
        self.bitbucket
            .set_oauth_options(OAuthOptions::approved_by(person));
    }

    /// The nickname of a member of the workspace.
    pub(crate) async fn member(&self, index: usize) -> String {
        let url = format!(
            "{}/workspaces/{WORKSPACE}/members",
            self.simulator.api_url()
        );
        let request = self.browser().http.get(url);
        let answer = request.bearer_auth("simulator-full-access").send().await;
        let members: serde_json::Value =
            serde_json::from_str(&answer.unwrap().text().await.unwrap()).unwrap();
        let member = &members["values"][index]["user"];
        member["nickname"].as_str().unwrap().to_owned()
    }

    /// Sets switches past the page for them.
    pub(crate) async fn switch(&self, switches: &[(&str, &str)]) {
        let mut transaction = self.archive.begin().await.unwrap();
        for (name, value) in switches {
            transaction.put_service_setting(name, value).await.unwrap();
        }
        transaction.commit().await.unwrap();
    }

    /// Anybody may come in, at once, as this.
    pub(crate) async fn open_door(&self, role: &str) {
        let open = [
            ("admission", "anyone"),
            ("approval", "0"),
            ("new_role", role),
        ];
        self.switch(&open).await;
    }

    /// A browser of somebody who signed in with Bitbucket.
    pub(crate) async fn signed_in(&self, person: &str) -> Browser {
        self.tick();
        self.consents(person);
        let mut browser = self.browser();
        let answer = browser.sign_in().await;
        assert_eq!(answer.location(), self.url.path(), "{}", answer.body);
        browser
    }

    pub(crate) async fn set_user(&self, id: UserId, role: UserRole, state: UserState) {
        let mut transaction = self.archive.begin().await.unwrap();
        let mut user = transaction.user(id).await.unwrap().unwrap();
        (user.role, user.state) = (role, state);
        transaction.put_user(&user).await.unwrap();
        transaction.commit().await.unwrap();
    }

    /// Who comes later has a greater id.
    fn tick(&self) {
        self.clock.advance(chrono::Duration::seconds(1));
    }

    /// The data directory.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(crate) fn now(&self) -> DateTime<chrono::Utc> {
        self.clock.now()
    }
}

fn exposed(code: &OneTimeCode) -> String {
    code.code.expose_secret().to_owned()
}

/// A browser: it keeps one cookie and the token of the last form.
#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) http: reqwest::Client,
    pub(crate) url: Url,
    pub(crate) cookie: Option<String>,
    pub(crate) form_token: Option<String>,
}

/// An answer that was read.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Page {
    /// Where it leads; nothing if nowhere.
    pub(crate) fn location(&self) -> &str {
        self.headers
            .get(header::LOCATION)
            .map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    #[track_caller]
    pub(crate) fn refuses(self) -> Self {
        let is_error = self.status.is_client_error() || self.status.is_server_error();
        assert!(is_error, "{}\n{}", self.status, self.body);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.body.contains(text), "no “{text}” in\n{}", self.body);
        self
    }
}

impl Browser {
    pub(crate) fn address(&self, path: &str) -> String {
        // Not joined: the path goes out as it is written. A link of a page has no slash.
        let slash = if path.starts_with('/') { "" } else { "/" };
        let base = self.url.as_str().trim_end_matches('/');
        format!("{base}{slash}{path}")
    }

    pub(crate) async fn send(&mut self, mut request: RequestBuilder) -> Page {
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let page = read(request.send().await.unwrap()).await;
        if let Some(cookie) = page.headers.get(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
        }
        if let Some(token) = between(&page.body, "name=\"form_token\" value=\"", "\"") {
            self.form_token = Some(token.to_owned());
        }
        page
    }

    pub(crate) async fn get(&mut self, path: &str) -> Page {
        let request = self.http.get(self.address(path));
        self.send(request).await
    }

    /// Sends a form as one that stands on the last page.
    pub(crate) async fn post<V: AsRef<str>>(&mut self, path: &str, fields: &[(&str, V)]) -> Page {
        let token = self.form_token.clone().unwrap_or_default();
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("form_token", &token);
        for (name, value) in fields {
            form.append_pair(name, value.as_ref());
        }
        let request = self.form(path, form.finish());
        self.send(request).await
    }

    pub(crate) fn form(&self, path: &str, body: String) -> RequestBuilder {
        self.http
            .post(self.address(path))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
    }

    /// Goes to Bitbucket and returns the callback that it sends back with.
    pub(crate) async fn at_bitbucket(&mut self, begun: &Page) -> String {
        let request = self.http.get(begun.location());
        let answer = read(request.send().await.unwrap()).await;
        let callback = Url::parse(answer.location());
        let callback = callback.unwrap_or_else(|_| panic!("{answer:?}"));
        callback[url::Position::BeforePath..].to_owned()
    }

    /// Presses the button.
    pub(crate) async fn begin(&mut self) -> Page {
        self.get("/sign-in").await;
        let begun = self.post("/sign-in/bitbucket", &[("next", "/")]).await;
        begun.is(303)
    }

    /// Signs in with Bitbucket as whoever consents there.
    pub(crate) async fn sign_in(&mut self) -> Page {
        let begun = self.begin().await;
        let callback = self.at_bitbucket(&begun).await;
        self.get(&callback).await
    }

    /// Whether somebody is signed in.
    pub(crate) async fn is_in(&mut self) -> bool {
        self.get("/account").await.status == 200
    }
}

pub(crate) async fn read(response: Response) -> Page {
    Page {
        status: response.status(),
        headers: response.headers().clone(),
        body: response.text().await.unwrap(),
    }
}

/// What stands between two texts, the first time.
pub(crate) fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}
