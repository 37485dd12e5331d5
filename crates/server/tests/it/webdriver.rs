//! A real browser, driven by the `WebDriver` protocol (W3C Recommendation of 5 June 2018): as much of the
//! protocol as the tests of the browser need.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// Headless Chromium; it ends with the test.
pub(crate) struct Chromium {
    driver: Child,
    http: reqwest::Client,
    session: String,
}

/// The name of an element's id in answers, section 11 of the Recommendation.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How long an element is waited for.
const IMPLICIT_WAIT: Duration = Duration::from_secs(20);

/// A driver, and where it listens; `None` for one that ended before it did.
fn driver() -> Option<(Child, u16)> {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let port = lines.map(Result::unwrap).find_map(|line| {
        let (_, port) = line.split_once("successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    });
    if port.is_none() {
        driver.wait().unwrap();
    }
    port.map(|port| (driver, port))
}

impl Chromium {
    /// A browser with nothing in it. Nothing, with a word, where it is not installed.
    pub(crate) async fn start() -> Option<Self> {
        let is_here = Command::new("chromedriver").arg("--version").output();
        if is_here.is_err() {
            eprintln!("skipped: chromedriver is not installed");
            return None;
        }
        // It takes a free port of one kind of address, and ends where that of the other kind
        // is taken by then.
        let (driver, port) = (0..10).find_map(|_| driver()).expect("it listens");
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut browser = Self {
            driver,
            http: reqwest::Client::builder().build().unwrap(),
            session: format!("http://127.0.0.1:{port}"),
        };
        let arguments = [
            "--headless=new",
            // Its sandbox does not start for root, which tests in containers are.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ];
        // What a click leads to may come a moment later: an element is waited for.
        let options = json!({
            "goog:chromeOptions": { "args": arguments },
            "timeouts": { "implicit": IMPLICIT_WAIT.as_secs() * 1_000 },
        });
        let wanted = json!({ "capabilities": { "alwaysMatch": options } });
        let session = browser.post("/session", &wanted).await;
        let id = session["sessionId"].as_str().unwrap();
        browser.session = format!("{}/session/{id}", browser.session);
        Some(browser)
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.session));
        let request = request
            .header("content-type", "application/json")
            .body(body.to_string());
        value(request).await
    }

    async fn get(&self, path: &str) -> Value {
        value(self.http.get(format!("{}{path}", self.session))).await
    }

    pub(crate) async fn go(&self, url: &str) {
        self.post("/url", &json!({ "url": url })).await;
    }

    /// The address of the page.
    pub(crate) async fn url(&self) -> String {
        self.get("/url").await.as_str().unwrap().to_owned()
    }

    async fn find(&self, selector: &str) -> String {
        let by = json!({ "using": "css selector", "value": selector });
        let element = self.post("/element", &by).await;
        let id = element[ELEMENT].as_str();
        id.unwrap_or_else(|| panic!("{selector}: {element}"))
            .to_owned()
    }

    /// Waits for a page that has such an element.
    pub(crate) async fn wait_for(&self, selector: &str) {
        self.find(selector).await;
    }

    /// The same for what takes longer, or must not.
    pub(crate) async fn wait_for_at_most(&self, selector: &str, longest: Duration) {
        self.implicit_wait(longest).await;
        self.find(selector).await;
        self.implicit_wait(IMPLICIT_WAIT).await;
    }

    async fn implicit_wait(&self, longest: Duration) {
        let milliseconds = u64::try_from(longest.as_millis()).unwrap();
        let timeouts = json!({ "implicit": milliseconds });
        self.post("/timeouts", &timeouts).await;
    }

    /// Clicks. The page that this leads to is to be waited for.
    pub(crate) async fn click(&self, selector: &str) {
        let id = self.find(selector).await;
        self.post(&format!("/element/{id}/click"), &json!({})).await;
    }

    pub(crate) async fn write(&self, selector: &str, text: &str) {
        let id = self.find(selector).await;
        let keys = json!({ "text": text });
        self.post(&format!("/element/{id}/value"), &keys).await;
    }

    /// What a person reads in an element.
    pub(crate) async fn text(&self, selector: &str) -> String {
        let id = self.find(selector).await;
        let text = self.get(&format!("/element/{id}/text")).await;
        text.as_str().unwrap().to_owned()
    }

    /// A property of an element, such as `value`.
    pub(crate) async fn property(&self, selector: &str, name: &str) -> Value {
        let id = self.find(selector).await;
        self.get(&format!("/element/{id}/property/{name}")).await
    }

    /// The cookies of the page, as the browser keeps them.
    pub(crate) async fn cookies(&self) -> Vec<Value> {
        self.get("/cookie").await.as_array().unwrap().clone()
    }

    /// Keeps a cookie, `name=value`, for where the page is from.
    pub(crate) async fn keep_cookie(&self, cookie: &str) {
        let (name, value) = cookie.split_once('=').unwrap();
        let cookie = json!({ "cookie": { "name": name, "value": value } });
        self.post("/cookie", &cookie).await;
    }

    /// Runs a script of ours before anything else of each page from now on.
    pub(crate) async fn before_each_page(&self, script: &str) {
        let params = json!({ "source": script });
        let command = json!({ "cmd": "Page.addScriptToEvaluateOnNewDocument", "params": params });
        self.post("/goog/cdp/execute", &command).await;
    }

    /// Makes the window as narrow as a small telephone.
    pub(crate) async fn narrow(&self) {
        let metrics = json!({
            "width": 380, "height": 800, "deviceScaleFactor": 1, "mobile": true,
        });
        let command = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": metrics });
        self.post("/goog/cdp/execute", &command).await;
    }

    /// Shows pages as to a person who wants them `light` or `dark`, and nothing that moves:
    /// a colour that fades from one into the other is neither.
    pub(crate) async fn prefer(&self, scheme: &str) {
        let media = json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        let command = json!({ "cmd": "Emulation.setEmulatedMedia", "params": media });
        self.post("/goog/cdp/execute", &command).await;
    }

    /// Runs a script of ours in the page, and waits for what it promises.
    pub(crate) async fn run(&self, script: &str) -> Value {
        let script = json!({ "script": script, "args": [] });
        self.post("/execute/sync", &script).await
    }
}

async fn value(request: reqwest::RequestBuilder) -> Value {
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{status} {text}");
    let mut answer: Value = serde_json::from_str(&text).unwrap();
    answer["value"].take()
}

impl Chromium {
    /// Asks the driver to end the browser, and waits until it has.
    fn end_session(&self) -> std::io::Result<()> {
        let address = self.session.trim_start_matches("http://");
        let Some((host, path)) = address.split_once('/') else {
            return Ok(());
        };
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        write!(
            stream,
            "DELETE /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        )?;
        // It answers when the browser has ended, and keeps the connection.
        let mut lines = BufReader::new(stream).lines();
        match lines.next() {
            Some(status) => status.map(drop),
            None => Err(std::io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // A driver that is killed leaves its browser behind, and one that is asked to end
        // does so now and then.
        if let Err(error) = self.end_session() {
            eprintln!("the browser cannot be ended: {error}");
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
