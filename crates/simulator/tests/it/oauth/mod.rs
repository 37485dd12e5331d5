//! Bitbucket as an OAuth provider: a client that consents, exchanges and refreshes.

mod consent;
mod exchange;
mod life;
mod people;
mod steering;

use crate::support::{Double, json, serve_with};
use bucketload_simulator::{OAuthConsumer, OAuthOptions, SeedOptions, SimulatorOptions, World};
use reqwest::{Response, header};
use serde_json::Value;
use url::Url;

const CALLBACK: &str = OAuthConsumer::DEFAULT_CALLBACK;
const PRIVATE: &str = "/repositories/seaside/harbour";

/// A world with a private repository, where a person consents to everything without a page.
async fn approved_by(person: &str) -> Double {
    with(OAuthOptions::approved_by(person)).await
}

async fn with(oauth: OAuthOptions) -> Double {
    let world = World::seeded(SeedOptions {
        repositories: 2,
        private_repositories: 1,
        ..SeedOptions::default()
    });
    let options = SimulatorOptions {
        oauth,
        ..SimulatorOptions::default()
    };
    serve_with(options, world.unwrap()).await
}

const USUAL: &[(&str, &str)] = &[
    ("client_id", OAuthConsumer::DEFAULT_ID),
    ("response_type", "code"),
    ("redirect_uri", CALLBACK),
    ("state", "st&te"),
];

/// The usual parameters with others in their place; an empty value leaves one out.
fn parameters<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let usual = USUAL
        .iter()
        .filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    let changes = changes.iter().filter(|(_, value)| !value.is_empty());
    usual.chain(changes).copied().collect()
}

async fn authorize(double: &Double, changes: &[(&str, &str)]) -> Response {
    let page = double.simulator.web_url() + "/site/oauth2/authorize";
    let page = Url::parse_with_params(&page, parameters(changes)).unwrap();
    double.client.get(page).send().await.unwrap()
}

async fn decide(double: &Double, changes: &[(&str, &str)]) -> Response {
    let page = double.simulator.web_url() + "/site/oauth2/authorize";
    let request = double.client.post(page);
    form(request, &parameters(changes)).send().await.unwrap()
}

fn form(request: reqwest::RequestBuilder, pairs: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(pairs);
    request
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body.finish())
}

/// Where an answer sends the browser.
fn sent_to(response: &Response) -> Url {
    assert_eq!(response.status(), 302);
    let location = response.headers()[header::LOCATION].to_str().unwrap();
    Url::parse(location).unwrap()
}

fn query(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    pairs
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

async fn code(double: &Double, changes: &[(&str, &str)]) -> String {
    query(&sent_to(&authorize(double, changes).await), "code").unwrap()
}

/// A request for tokens by the default consumer.
async fn ask(double: &Double, pairs: &[(&str, &str)]) -> Response {
    ask_as(
        double,
        OAuthConsumer::DEFAULT_ID,
        OAuthConsumer::DEFAULT_SECRET,
        pairs,
    )
    .await
}

async fn ask_as(double: &Double, id: &str, secret: &str, pairs: &[(&str, &str)]) -> Response {
    let endpoint = double.simulator.web_url() + "/site/oauth2/access_token";
    let request = double.client.post(endpoint).basic_auth(id, Some(secret));
    form(request, pairs).send().await.unwrap()
}

async fn exchange(double: &Double, code: &str) -> Response {
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
    ];
    ask(double, &pairs).await
}

async fn refresh(double: &Double, token: &str) -> Response {
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", token)];
    ask(double, &pairs).await
}

async fn issued(response: Response) -> Value {
    assert_eq!(response.status(), 200);
    json(response).await
}

/// The error of a refused request for tokens.
async fn refused(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body = json(response).await;
    assert!(body["error_description"].is_string());
    (status, body["error"].as_str().unwrap().to_owned())
}

fn invalid_grant() -> (u16, String) {
    (400, "invalid_grant".to_owned())
}

/// A first pair of tokens.
async fn tokens(double: &Double, changes: &[(&str, &str)]) -> Value {
    issued(exchange(double, &code(double, changes).await).await).await
}

fn access(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

fn renewal(tokens: &Value) -> &str {
    tokens["refresh_token"].as_str().unwrap()
}

async fn get(double: &Double, path: &str, tokens: &Value) -> Response {
    let request = double.client.get(double.url(path));
    request.bearer_auth(access(tokens)).send().await.unwrap()
}

async fn git_status(double: &Double, password: &str) -> u16 {
    let refs =
        double.simulator.web_url() + "/seaside/harbour.git/info/refs?service=git-upload-pack";
    let request = double.client.get(refs);
    let request = request.basic_auth("x-token-auth", Some(password));
    request.send().await.unwrap().status().as_u16()
}
