//! One document, from its requests to its text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::pin::pin;

use bucketload_bitbucket::{
    Account, Answer, Endpoint, Environment, Loose, PageUrl, Repository, RequestError,
    RequestErrorKind,
};
use bucketload_model::Stage;
use futures::StreamExt as _;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use super::document::Document;
use crate::failure::StageError;
use crate::stages::StageContext;

/// A document is kept whole or not at all. The list of ten thousand forks has 40 MB.
const MAX_DOCUMENT_BYTES: usize = 64 * 1024 * 1024;

/// Each environment takes a request; nobody deploys to so many.
const MAX_ENVIRONMENTS: usize = 100;

/// A document that came.
pub(super) struct Fetched {
    /// As it is kept.
    pub(super) source: String,
    /// People in it.
    pub(super) accounts: Vec<Loose<Account>>,
    /// Requests that are not accounted for yet.
    pub(super) requests: u64,
}

/// An object whose fields are not looked at.
type Fields = BTreeMap<String, Box<RawValue>>;

/// Where people stand in the objects of settings.
#[derive(Deserialize)]
struct Entry {
    user: Option<Loose<Account>>,
    owner: Option<Loose<Account>>,
    users: Option<Loose<Vec<Loose<Account>>>>,
}

/// Fetches a document; `None` where the repository can have none.
pub(super) async fn fetch(
    context: &StageContext,
    document: Document,
) -> Result<Option<Fetched>, StageError> {
    let client = &context.importer.client;
    let name = &context.name;
    let fetched = match document {
        Document::Project => {
            let repository = serde_json::from_str(&context.repository()?.source);
            let Some(key) = repository.ok().as_ref().and_then(project_key) else {
                return Ok(None);
            };
            object(&client.project(&name.workspace, &key).await?)
        }
        Document::BranchingModel => object(&client.branching_model(name).await?),
        Document::BranchingModelSettings => object(&client.branching_model_settings(name).await?),
        Document::Pipelines => object(&client.pipelines_config(name).await?),
        Document::DefaultReviewers => {
            list(context, document, client.effective_default_reviewers(name)).await?
        }
        Document::Forks => list(context, document, client.forks(name)).await?,
        Document::Watchers => list(context, document, client.watchers(name)).await?,
        Document::Webhooks => list(context, document, client.hooks(name)).await?,
        Document::BranchRestrictions => {
            list(context, document, client.branch_restrictions(name)).await?
        }
        Document::DeployKeys => list(context, document, client.deploy_keys(name)).await?,
        Document::UserPermissions => list(context, document, client.user_permissions(name)).await?,
        Document::GroupPermissions => {
            list(context, document, client.group_permissions(name)).await?
        }
        Document::PipelineVariables => {
            list(context, document, client.pipelines_variables(name)).await?
        }
        Document::PipelineSchedules => {
            list(context, document, client.pipelines_schedules(name)).await?
        }
        Document::PipelineKnownHosts => {
            list(context, document, client.pipelines_known_hosts(name)).await?
        }
        Document::Environments => list(context, document, client.environments(name)).await?,
        Document::EnvironmentVariables => return of_environments(context).await,
    };
    Ok(Some(fetched))
}

/// The key of a repository's project, as it stands in an address.
pub(crate) fn project_key(repository: &Repository) -> Option<String> {
    let key = repository.project.as_ref()?.key.clone();
    let is_key = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!key.is_empty() && key.chars().all(is_key)).then_some(key)
}

fn object<T>(answer: &Answer<T>) -> Fetched {
    Fetched {
        source: answer.item.source.get().to_owned(),
        accounts: Vec::new(),
        requests: answer.requests,
    }
}

/// Follows a list to its end.
async fn list(
    context: &StageContext,
    document: Document,
    (endpoint, first): (Endpoint, PageUrl),
) -> Result<Fetched, StageError> {
    let client = &context.importer.client;
    let mut fetched = Fetched {
        source: "[".to_owned(),
        accounts: Vec::new(),
        requests: 0,
    };
    let mut pages = pin!(client.pages::<IgnoredAny>(endpoint, first));
    while let Some(page) = pages.next().await {
        let page = page?;
        fetched.requests = page.requests;
        let sources = page.items.iter().map(|item| &*item.source);
        if let Err(kind) = add_all(&mut fetched, document, sources) {
            return Err(StageError::from(RequestError {
                endpoint,
                url: client.api_url().clone(),
                requests: page.requests,
                kind,
            }));
        }
        if page.next.is_some() {
            // The list goes on. What it took so far is not forgotten if it breaks off.
            let mut transaction = context.begin_progress().await?;
            transaction
                .add_requests(context.import, endpoint.name(), page.requests)
                .await?;
            transaction.commit().await?;
            fetched.requests = 0;
        }
    }
    fetched.source.push(']');
    Ok(fetched)
}

/// Adds the objects of a page to a list that is begun.
fn add_all<'a>(
    fetched: &mut Fetched,
    document: Document,
    sources: impl Iterator<Item = &'a RawValue>,
) -> Result<(), RequestErrorKind> {
    for (index, source) in sources.enumerate() {
        // A list with something else in it is not what it should be.
        let read: Result<Fields, _> = serde_json::from_str(source.get());
        read.map_err(|source| RequestErrorKind::Shape {
            path: format!("values[{index}]"),
            source,
        })?;
        add(fetched, document, source);
    }
    if fetched.source.len() > MAX_DOCUMENT_BYTES {
        return Err(RequestErrorKind::TooLarge {
            limit_bytes: MAX_DOCUMENT_BYTES as u64,
        });
    }
    Ok(())
}

/// Adds an object to a list that is begun, and the people in it.
fn add(fetched: &mut Fetched, document: Document, source: &RawValue) {
    if fetched.source.len() > 1 {
        fetched.source.push(',');
    }
    match document.secret().and_then(|field| without(source, field)) {
        Some(cleaned) => fetched.source.push_str(&cleaned),
        None => fetched.source.push_str(source.get()),
    }
    if document == Document::Watchers {
        fetched.accounts.extend(serde_json::from_str(source.get()));
    } else if let Ok(entry) = serde_json::from_str::<Entry>(source.get()) {
        let many = entry.users.and_then(|users| users.value).into_iter();
        let people = entry.user.into_iter().chain(entry.owner);
        fetched.accounts.extend(people.chain(many.flatten()));
    }
}

/// The object without a field, where it has it: it was asked for without.
fn without(source: &RawValue, field: &str) -> Option<String> {
    let mut object: Fields = serde_json::from_str(source.get()).ok()?;
    object.remove(field)?;
    serde_json::to_string(&object).ok()
}

/// The variables of every environment that is stored, as
/// `{"environment": …, "variables": […]}` each.
async fn of_environments(context: &StageContext) -> Result<Option<Fetched>, StageError> {
    let repository = &context.repository()?.uuid;
    let archive = &context.importer.archive;
    let stored = archive.objects(repository, Stage::Settings, 0).await?;
    let number = Document::Environments.number();
    let Some(environments) = stored.into_iter().find(|object| object.id == number) else {
        return Ok(None);
    };
    let environments: Vec<Loose<Environment>> =
        serde_json::from_str(&environments.source).unwrap_or_default();
    let client = &context.importer.client;
    let document = Document::EnvironmentVariables;
    let mut all = Fetched {
        source: "[".to_owned(),
        accounts: Vec::new(),
        requests: 0,
    };
    let environments = environments.into_iter().filter_map(|one| one.value);
    for environment in environments.take(MAX_ENVIRONMENTS) {
        let uuid = &environment.uuid;
        let variables = client.environment_variables(&context.name, uuid);
        let variables = match list(context, document, variables).await {
            Ok(variables) => variables,
            Err(error) => return Err(with_requests(error, all.requests)),
        };
        if all.source.len() > 1 {
            all.source.push(',');
        }
        let uuid = Value::from(uuid.as_str());
        let variables_source = &variables.source;
        write!(
            all.source,
            "{{\"environment\":{uuid},\"variables\":{variables_source}}}"
        )
        .map_err(|_| StageError::Lost)?;
        all.requests += variables.requests;
    }
    all.source.push(']');
    Ok(Some(all))
}

/// The same failure with what was paid before it.
fn with_requests(error: StageError, requests: u64) -> StageError {
    match error {
        StageError::Request(mut error) => {
            error.requests += requests;
            StageError::Request(error)
        }
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn secrets_are_left_out_and_everything_else_is_as_it_was_sent() {
        let mut fetched = Fetched {
            source: "[".to_owned(),
            accounts: Vec::new(),
            requests: 0,
        };
        for source in [
            r#"{"key": "A", "secured": true}"#,
            r#"{"key": "B", "value": "hush", "secured": false}"#,
        ] {
            add(&mut fetched, Document::PipelineVariables, &raw(source));
        }
        assert_eq!(
            fetched.source,
            r#"[{"key": "A", "secured": true},{"key":"B","secured":false}"#
        );
    }

    #[test]
    fn a_list_with_something_else_in_it_is_none() {
        let mut fetched = Fetched {
            source: "[".to_owned(),
            accounts: Vec::new(),
            requests: 0,
        };
        let (object, number) = (raw("{}"), raw("7"));
        let sources = [&*object, &*number].into_iter();
        let error = add_all(&mut fetched, Document::Forks, sources).unwrap_err();
        assert!(error.to_string().contains("values[1]"), "{error}");
    }

    #[test]
    fn people_are_met_wherever_they_stand() {
        let mut fetched = Fetched {
            source: "[".to_owned(),
            accounts: Vec::new(),
            requests: 0,
        };
        let (ada, eve) = (r#"{"uuid": "{a}"}"#, r#"{"uuid": "{e}"}"#);
        add(&mut fetched, Document::Watchers, &raw(ada));
        let permission = format!(r#"{{"user": {eve}}}"#);
        add(&mut fetched, Document::UserPermissions, &raw(&permission));
        let rule = format!(r#"{{"users": [{ada}, {eve}], "owner": null}}"#);
        add(&mut fetched, Document::BranchRestrictions, &raw(&rule));
        assert_eq!(fetched.accounts.len(), 4);
    }
}
