//! Pull requests and issues as people talked about them: read out of what Bitbucket sent,
//! or an export has, and put in the order in which it happened.
//!
//! What was sent is read leniently: what cannot be understood is left out, and never costs
//! the page.
//!
//! | module | does |
//! |---|---|
//! | `fields` | reads single fields, in the shapes that they have |
//! | `pull_request`, `issue` | read what is special to each |
//! | `comment`, `event` | read what both have |
//! | `order` | puts answers below what they answer, and all in the order of time |
//! | `known` | looks up who people are, and which pictures are there |

mod comment;
mod event;
mod fields;
mod issue;
mod known;
mod order;
mod pull_request;

pub(crate) use comment::{Comment, Place};
pub(crate) use event::{Event, What, changes, updates};
pub(crate) use fields::text_at;
pub(crate) use issue::Issue;
pub(crate) use known::{Known, Someone, known};
pub(crate) use order::{Entry, in_order};
pub(crate) use pull_request::{Participant, PullRequest, Side, Task};

use bucketload_model::Mention;

use crate::text::{Text, Wanted};

/// An account as an object names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    /// What it was called there.
    pub(crate) name: Option<String>,
    /// What it is known by.
    pub(crate) key: Option<Mention>,
}

impl Account {
    fn want(&self, wanted: &mut Wanted) {
        wanted.people.extend(self.key.clone());
    }
}

/// Notes whom and what some parts of a discussion show.
fn want<'a>(
    accounts: impl IntoIterator<Item = Option<&'a Account>>,
    text: Option<&Text>,
    wanted: &mut Wanted,
) {
    for account in accounts.into_iter().flatten() {
        account.want(wanted);
    }
    if let Some(text) = text {
        text.want(wanted);
    }
}
