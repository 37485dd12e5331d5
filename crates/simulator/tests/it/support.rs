//! A simulator, a client for it, and a way to walk lists.

use bucketload_simulator::{SeedOptions, Simulator, SimulatorOptions, World};
use reqwest::{Client, Response, header::AUTHORIZATION};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Once;

pub(crate) const TOKEN: &str = "simulator-full-access";
pub(crate) const R: &str = "/repositories/seaside/lighthouse";

pub(crate) struct Double {
    pub(crate) simulator: Simulator,
    pub(crate) client: Client,
}

pub(crate) async fn seeded(options: SeedOptions) -> Double {
    serve(World::seeded(options).unwrap()).await
}

pub(crate) async fn small() -> Double {
    seeded(SeedOptions::default()).await
}

pub(crate) async fn serve(world: World) -> Double {
    serve_with(SimulatorOptions::default(), world).await
}

pub(crate) async fn serve_with(options: SimulatorOptions, world: World) -> Double {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::ring::default_provider()
            .install_default()
            .unwrap();
    });
    let simulator = Simulator::start(options, world).await.unwrap();
    let client = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap();
    Double { simulator, client }
}

impl Double {
    pub(crate) fn url(&self, path: &str) -> String {
        if path.starts_with("http") {
            path.to_owned()
        } else {
            self.simulator.api_url() + path
        }
    }

    /// A request with the token that may do everything.
    pub(crate) async fn send(&self, path: &str) -> Response {
        let request = self.client.get(self.url(path));
        request
            .header(AUTHORIZATION, format!("Bearer {TOKEN}"))
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.send(path).await;
        assert_eq!(response.status(), 200, "{path}");
        json(response).await
    }

    pub(crate) async fn anonymous(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    pub(crate) async fn status(&self, path: &str) -> u16 {
        self.send(path).await.status().as_u16()
    }

    /// Status and message of an error in Bitbucket's shape.
    pub(crate) async fn error(&self, path: &str) -> (u16, String) {
        let response = self.send(path).await;
        let status = response.status().as_u16();
        let body = json(response).await;
        assert_eq!(body["type"], "error", "{path}");
        (
            status,
            body["error"]["message"].as_str().unwrap().to_owned(),
        )
    }

    /// The values of all pages, following `next` as given.
    pub(crate) async fn all(&self, path: &str) -> Vec<Value> {
        let mut values = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next.take() {
            let mut page = self.get(&path).await;
            values.append(page["values"].as_array_mut().unwrap());
            next = page["next"].as_str().map(str::to_owned);
        }
        values
    }
}

pub(crate) async fn json(response: Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

/// A folder of real recordings beside the project, or a printed note that the test is skipped.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared")
        .join(path);
    if !path.exists() {
        println!("skipped: {} is not here", path.display());
        return None;
    }
    Some(path)
}
