//! People who look at pages, all at once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use reqwest::{Client, header};
use tokio::task::JoinSet;

use super::crowd::COOKIE;
use crate::common::Result;

/// How long each page took, by its path.
pub(crate) type Times = BTreeMap<&'static str, Vec<Duration>>;

pub(crate) fn client() -> Result<Client> {
    let mut headers = header::HeaderMap::new();
    let cookie = format!("bucketload={COOKIE}");
    headers.insert(header::COOKIE, header::HeaderValue::from_str(&cookie)?);
    // The service speaks plain HTTP; the client wants to know of TLS all the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(Client::builder().default_headers(headers).build()?)
}

/// Looks at a page once.
pub(crate) async fn look(client: &Client, url: &str) -> Result<String> {
    let answer = client.get(url).send().await?;
    let status = answer.status();
    let text = answer.text().await?;
    if !status.is_success() {
        return Err(format!("{url}: {status}").into());
    }
    Ok(text)
}

/// People who look at pages at the same time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crowd {
    pub(crate) people: usize,
    /// How often each looks at each page.
    pub(crate) times: usize,
    /// How long each reads before the next page.
    pub(crate) pause: Duration,
}

/// All of them look at every page, each in an order of their own.
pub(crate) async fn look_around(
    home: &str,
    paths: &'static [&'static str],
    crowd: Crowd,
) -> Result<Times> {
    let mut visitors = JoinSet::new();
    for person in 0..crowd.people {
        let (home, mut paths) = (home.to_owned(), paths.to_vec());
        let begins_at = person % paths.len().max(1);
        paths.rotate_left(begins_at);
        visitors.spawn(async move {
            visit(&home, &paths, person, crowd)
                .await
                .map_err(|e| e.to_string())
        });
    }
    let mut all = Times::new();
    while let Some(visited) = visitors.join_next().await {
        for (path, took) in visited?? {
            all.entry(path).or_default().push(took);
        }
    }
    Ok(all)
}

async fn visit(
    home: &str,
    paths: &[&'static str],
    person: usize,
    crowd: Crowd,
) -> Result<Vec<(&'static str, Duration)>> {
    let client = client()?;
    let mut took = Vec::new();
    // They did not come in at the same moment.
    let shift = u32::try_from(person)? * crowd.pause / u32::try_from(crowd.people)?;
    tokio::time::sleep(shift).await;
    for _ in 0..crowd.times {
        for path in paths {
            let began = Instant::now();
            look(&client, &format!("{home}{path}")).await?;
            took.push((*path, began.elapsed()));
            tokio::time::sleep(crowd.pause).await;
        }
    }
    Ok(took)
}

/// Opens so many streams of events, which stay open until they are dropped.
pub(crate) async fn streams(url: &str, count: usize) -> Result<Vec<reqwest::Response>> {
    let client = client()?;
    let open = (0..count).map(|_| async { client.get(url).send().await?.error_for_status() });
    Ok(try_join_all(open).await?)
}
