#![doc = include_str!("../README.md")]

mod api;
mod client;
mod endpoint;
mod error;
mod governor;
mod lenient;
mod models;
mod page;
mod removals;

pub use client::{Client, ClientOptions, WaitPolicy};
pub use endpoint::Endpoint;
pub use error::{BuildError, RequestError, RequestErrorKind};
pub use governor::{Governor, GovernorOptions, Leave, NoLeave};
pub use lenient::Loose;
pub use models::{Account, Comment, Inline, Membership, PullRequest, Repository};
pub use page::{Answer, Item, Page, PageUrl, UnreadableItem};
