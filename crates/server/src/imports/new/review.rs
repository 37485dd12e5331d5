//! A look at what was chosen, before anything begins.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use bucketload_model::{RepositoryName, UserId};
use maud::Markup;

use super::{Choice, Repositories};
use crate::bitbucket::credentials::Usable;
use crate::bitbucket::lists::{Found, MOST_PAGES};
use crate::bitbucket::trouble::Trouble;
use crate::error::PageError;
use crate::pages;
use crate::pages::review::Review;
use crate::service::{App, Service};
use crate::session::Member;

pub(crate) async fn submit(
    State(app): State<App>,
    Member(person): Member,
    form: Bytes,
) -> Result<Markup, PageError> {
    let choice = Choice::read(&form)?;
    let (credential, chosen) = app.chosen(person.user.id, &choice).await?;
    let estimate = app
        .estimate(&credential, &chosen.names, &choice.selection)
        .await;
    let review = Review {
        choice,
        credential,
        chosen,
        estimate,
    };
    Ok(pages::review::page(&person, &review))
}

/// The repositories that a choice means.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) names: Vec<RepositoryName>,
    /// The list that they were found in, where all that match were meant.
    pub(crate) found: Option<Arc<Found>>,
}

impl Service {
    /// What a choice means, for whom it may mean that.
    pub(super) async fn chosen(
        &self,
        user: UserId,
        choice: &Choice,
    ) -> Result<(Usable, Chosen), PageError> {
        let (Some(which), Some(search)) = (choice.place.which, choice.place.search()) else {
            return Err(PageError::unusable("Choose a credential and a workspace."));
        };
        let credential = self.usable_credential(user, which).await?;
        let credential = credential.ok_or_else(|| {
            PageError::unusable("The credential is not yours, or it was removed. Choose another.")
        })?;
        if let Some(reason) = &credential.ended {
            return Err(Trouble::ended(&credential, reason).into());
        }
        let chosen = match &choice.repositories {
            Repositories::Named(slugs) => {
                let mut names: Vec<RepositoryName> = slugs
                    .iter()
                    .map(|slug| RepositoryName {
                        workspace: search.workspace.clone(),
                        slug: slug.clone(),
                    })
                    .collect();
                let mut seen = std::collections::HashSet::new();
                names.retain(|name| seen.insert(name.clone()));
                Chosen { names, found: None }
            }
            Repositories::AllThatMatch => {
                let found = self
                    .repositories_of(user, &credential, &search, MOST_PAGES)
                    .await?;
                let candidates = found.candidates.iter();
                Chosen {
                    names: candidates.map(|one| one.name.clone()).collect(),
                    found: Some(found),
                }
            }
        };
        if chosen.names.is_empty() {
            return Err(PageError::unusable("Nothing of it can be imported."));
        }
        Ok((credential, chosen))
    }
}
