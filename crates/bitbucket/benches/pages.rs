//! What a stream of very many pages takes in memory. `docs/BENCHMARKS.md` has figures.
//!
//! `cargo bench -p bucketload-bitbucket --bench pages` walks 100,000 pages; a number as
//! argument walks so many. The server is this process, the client one of its own, which
//! looks at its memory as it goes along. Without `--bench`, as tests are run, 1,000 pages.

#![expect(clippy::print_stdout, reason = "the figures")]

use std::error::Error;
use std::process::{Command, ExitCode};
use std::time::Instant;

use axum::Router;
use axum::extract::Request;
use bucketload_auth::Credential;
use bucketload_bitbucket::{Client, ClientOptions, Endpoint, PageUrl, PullRequest};
use futures::TryStreamExt as _;
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const PAGES: u64 = 100_000;
const OBJECTS: u64 = 10;

/// After these pages the walker looks at its memory, and at the end.
const LOOKS: [u64; 3] = [1_000, 10_000, 100_000];

/// The walker's argument, before how it walks, the address and the number of pages.
const WALK: &str = "--walk";

/// By the stream, or page by page as the stream would without a memory of its own.
const WAYS: [&str; 2] = ["stream", "by-hand"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.as_slice() {
        [walk, way, root, pages] if walk == WALK => walk_pages(way, root, pages),
        _ => measure(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &[String]) -> Result<()> {
    let given = arguments.iter().find_map(|argument| argument.parse().ok());
    let is_bench = arguments.iter().any(|argument| argument == "--bench");
    let pages: u64 = given.unwrap_or(if is_bench { PAGES } else { LOOKS[0] });
    let runtime = tokio::runtime::Runtime::new()?;
    let root = runtime.block_on(serve(pages))?;
    println!(
        "| way | pages | resident now, KiB | peak, KiB | seconds |\n|---|---:|---:|---:|---:|"
    );
    for way in WAYS {
        let walker = Command::new(std::env::current_exe()?)
            .args([WALK, way, &root, &pages.to_string()])
            .status()?;
        if !walker.success() {
            return Err(format!("the walk {way} ended with {walker}").into());
        }
    }
    Ok(())
}

/// A list of so many pages, each with its pull requests.
async fn serve(pages: u64) -> Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let root = format!("http://{}/2.0", listener.local_addr()?);
    let below = root.clone();
    let router = Router::new().fallback(move |request: Request| {
        let query = request.uri().query().unwrap_or_default();
        let number = query
            .strip_prefix("page=")
            .and_then(|text| text.parse().ok());
        std::future::ready(page(&below, number.unwrap_or(1), pages).to_string())
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(root)
}

fn page(root: &str, number: u64, pages: u64) -> Value {
    let objects = (1..=OBJECTS).map(|object| {
        let id = number * OBJECTS + object;
        json!({
            "type": "pullrequest", "id": id, "state": "MERGED", "comment_count": 3,
            "title": format!("Polish the lens of lamp {id}"),
            "description": "It had become a little dim. ".repeat(8),
            "created_on": "2026-10-07T18:39:55.551762+00:00",
            "updated_on": "2026-10-07T18:40:40.122213+00:00",
        })
    });
    let mut page = json!({"pagelen": OBJECTS, "values": objects.collect::<Vec<_>>()});
    if number < pages {
        page["next"] = address(root, number + 1).into();
    }
    page
}

fn address(root: &str, number: u64) -> String {
    format!("{root}/repositories/seaside/lighthouse/pullrequests?page={number}")
}

fn walk_pages(way: &str, root: &str, pages: &str) -> Result<()> {
    let pages: u64 = pages.parse()?;
    let mut options = ClientOptions::new(root.parse()?);
    options.hourly_quota = Some(0);
    let client = Client::new(options, Credential::Anonymous)?;
    let first = client.page_url(&address(root, 1))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut walked = Walked::new(way, pages);
    runtime.block_on(async {
        if way == WAYS[0] {
            let stream = client.pages::<PullRequest>(Endpoint::PullRequests, first);
            let mut stream = std::pin::pin!(stream);
            while let Some(page) = stream.try_next().await? {
                walked.count(page.items.len())?;
            }
            return Ok(());
        }
        let mut next: Option<PageUrl> = Some(first);
        while let Some(url) = next {
            let page = client
                .page::<PullRequest>(Endpoint::PullRequests, &url)
                .await?;
            walked.count(page.items.len())?;
            next = page.next;
        }
        Ok::<(), Box<dyn Error>>(())
    })?;
    if (walked.pages, walked.objects) == (pages, pages * OBJECTS) {
        Ok(())
    } else {
        Err(format!("{} pages, {} objects", walked.pages, walked.objects).into())
    }
}

struct Walked<'a> {
    way: &'a str,
    last: u64,
    start: Instant,
    pages: u64,
    objects: u64,
}

impl<'a> Walked<'a> {
    fn new(way: &'a str, last: u64) -> Self {
        Self {
            way,
            last,
            start: Instant::now(),
            pages: 0,
            objects: 0,
        }
    }

    /// One more page; prints a row where somebody looks.
    fn count(&mut self, objects: usize) -> Result<()> {
        self.pages += 1;
        self.objects += u64::try_from(objects)?;
        if LOOKS.contains(&self.pages) || self.pages == self.last {
            println!(
                "| {} | {} | {} | {} | {:.1} |",
                self.way,
                self.pages,
                kibibytes("VmRSS:")?,
                kibibytes("VmHWM:")?,
                self.start.elapsed().as_secs_f64()
            );
        }
        Ok(())
    }
}

/// A line of `/proc/self/status`: Linux alone tells.
fn kibibytes(name: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.trim().strip_suffix("kB"));
    Ok(number.ok_or("the system does not tell")?.trim().parse()?)
}
