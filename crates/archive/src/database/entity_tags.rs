//! Versions of what is stored, by the address it came from.
//!
//! A tag is of use only while exactly what it was given with is stored. Whether it
//! is, is seen from the rows themselves: a tag holds their hash, and no other way
//! of writing them needs to know that there are tags.

use bucketload_model::{RepositoryName, RepositoryUuid, WorkspaceSlug};
use sha2::{Digest as _, Sha256};

use crate::hexadecimal::hexadecimal;

use super::sql::{Session, statement};
use super::{Archive, DatabaseError, Transaction};

/// What a tag is the version of.
#[derive(Debug, Clone, Copy)]
pub enum Tagged<'a> {
    /// A repository under a name.
    Repository(&'a RepositoryUuid, &'a RepositoryName),
    /// The members of a workspace, all of them.
    Members(&'a WorkspaceSlug),
}

impl Archive {
    /// The tag that an address last gave, if what came with it is stored.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn entity_tag(
        &self,
        url: &str,
        of: Tagged<'_>,
    ) -> Result<Option<String>, DatabaseError> {
        let mut snapshot = self.snapshot().await?;
        let row: Option<(String, String)> =
            statement("select tag, stored_sha256 from entity_tags where url = $1")
                .bind(url)
                .fetch_optional(&mut snapshot)
                .await?;
        let Some((tag, stored)) = row else {
            return Ok(None);
        };
        let now = hash_of(&mut snapshot, of).await?;
        Ok((now.as_deref() == Some(&stored)).then_some(tag))
    }
}

impl Transaction {
    /// Notes the tag that came with what this transaction has stored, or that none
    /// came.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_entity_tag(
        &mut self,
        url: &str,
        tag: Option<&str>,
        of: Tagged<'_>,
    ) -> Result<(), DatabaseError> {
        let stored = hash_of(&mut self.inner, of).await?;
        let (Some(tag), Some(stored)) = (tag, stored) else {
            statement("delete from entity_tags where url = $1")
                .bind(url)
                .execute(&mut self.inner)
                .await?;
            return Ok(());
        };
        statement(
            "insert into entity_tags (url, tag, stored_sha256) values ($1, $2, $3)
             on conflict (url) do update set
                 tag = excluded.tag, stored_sha256 = excluded.stored_sha256",
        )
        .bind(url)
        .bind(tag)
        .bind(stored)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }
}

/// The hash of what is stored; absent where nothing is.
async fn hash_of(session: &mut Session, of: Tagged<'_>) -> Result<Option<String>, DatabaseError> {
    let rows: Vec<(String, String)> = match of {
        Tagged::Repository(uuid, name) => {
            statement(
                "select uuid, source from repositories
                 where uuid = $1 and workspace = $2 and slug = $3",
            )
            .bind(uuid.as_str())
            .bind(name.workspace.as_str())
            .bind(name.slug.as_str())
            .fetch_all(&mut *session)
            .await?
        }
        Tagged::Members(workspace) => {
            statement(
                "select account_uuid, source from workspace_members
                 where workspace = $1 order by account_uuid",
            )
            .bind(workspace.as_str())
            .fetch_all(&mut *session)
            .await?
        }
    };
    if rows.is_empty() {
        return Ok(None);
    }
    let mut hash = Sha256::new();
    for text in rows.iter().flat_map(|(key, source)| [key, source]) {
        // With its length, so that no two lists of rows look alike.
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    Ok(Some(hexadecimal(&hash.finalize())))
}
