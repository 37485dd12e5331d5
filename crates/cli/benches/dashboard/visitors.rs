//! People who look at pages, all at once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use reqwest::{Client, header};
use tokio::task::JoinSet;

use crate::common::Result;
use crate::crowd::COOKIE;

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

/// So many people look at every page so many times, each in an order of their own.
pub(crate) async fn crowd(
    home: &str,
    paths: &'static [&'static str],
    people: usize,
    times: usize,
) -> Result<Times> {
    let mut visitors = JoinSet::new();
    for person in 0..people {
        let (home, mut paths) = (home.to_owned(), paths.to_vec());
        let begins_at = person % paths.len().max(1);
        paths.rotate_left(begins_at);
        visitors.spawn(async move { visit(&home, &paths, times).await.map_err(|e| e.to_string()) });
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
    times: usize,
) -> Result<Vec<(&'static str, Duration)>> {
    let client = client()?;
    let mut took = Vec::new();
    for _ in 0..times {
        for path in paths {
            let began = Instant::now();
            look(&client, &format!("{home}{path}")).await?;
            took.push((*path, began.elapsed()));
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
