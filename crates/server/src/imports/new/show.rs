//! What there is to choose from.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use bucketload_archive::{ImportFilter, ImportSummary};
use bucketload_model::{RepositoryName, WorkspaceSlug};
use maud::Markup;

use super::Place;
use crate::bitbucket::credentials::{Usable, first_usable};
use crate::bitbucket::lists::Found;
use crate::bitbucket::trouble::Trouble;
use crate::error::PageError;
use crate::pages;
use crate::pages::new_import::NewImport;
use crate::service::{App, Service};
use crate::session::Member;

pub(crate) async fn show(
    State(app): State<App>,
    Member(person): Member,
    RawQuery(query): RawQuery,
) -> Result<Markup, PageError> {
    let user = person.user.id;
    let mut place = Place::read(query.unwrap_or_default().as_bytes());
    let usable = app.usable_credentials(user).await?;
    let chosen = usable.iter().find(|one| Some(one.which) == place.which);
    let credential = chosen.or_else(|| first_usable(&usable)).cloned();
    place.which = credential.as_ref().map(|one| one.which);
    let mut shown = NewImport {
        place,
        usable,
        credential,
        has_consumer: app.oauth.is_some(),
        workspaces: Arc::default(),
        trouble: None,
        found: None,
        imported: HashMap::new(),
    };
    if let Some(credential) = shown.credential.clone()
        && let Err(trouble) = app.look_around(user, &credential, &mut shown).await
    {
        shown.trouble = Some(trouble);
    }
    if let (Some(workspace), Some(_)) = (&shown.place.workspace, &shown.found) {
        shown.imported = app.latest_of(workspace).await?;
    }
    Ok(pages::new_import::page(&person, &shown))
}

impl Service {
    /// The workspaces, and what is in the one that was chosen, or in the only one.
    async fn look_around(
        &self,
        user: bucketload_model::UserId,
        credential: &Usable,
        shown: &mut NewImport,
    ) -> Result<(), Trouble> {
        if let Some(reason) = &credential.ended {
            return Err(Trouble::ended(credential, reason));
        }
        match self.workspaces_of(user, credential).await {
            Ok(workspaces) => shown.workspaces = workspaces,
            // What names a workspace itself needs no list of them.
            Err(trouble) if shown.place.workspace.is_some() => {
                tracing::debug!(?trouble, "the workspaces are not shown");
            }
            Err(trouble) => return Err(trouble),
        }
        if let ([only], None, None) = (
            shown.workspaces.as_slice(),
            &shown.place.workspace,
            &shown.place.mistyped,
        ) {
            shown.place.workspace = Some(only.clone());
        }
        if let Some(search) = shown.place.search() {
            let found: Arc<Found> = self
                .repositories_of(user, credential, &search, shown.place.pages)
                .await?;
            shown.found = Some(found);
        }
        Ok(())
    }

    /// The latest import of each repository of a workspace.
    async fn latest_of(
        &self,
        workspace: &WorkspaceSlug,
    ) -> Result<HashMap<RepositoryName, ImportSummary>, PageError> {
        let filter = ImportFilter {
            workspace: Some(workspace.clone()),
            only_latest: true,
            ..ImportFilter::default()
        };
        let imports = self.latest(filter).await?.into_iter();
        Ok(imports.map(|one| (one.name.clone(), one)).collect())
    }
}
