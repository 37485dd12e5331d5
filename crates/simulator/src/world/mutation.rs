//! Changes that a test makes to a world while it is served.

use super::World;
use super::links::Links;
use super::repository::Repository;
use crate::error::{Result, SimulatorError};
use crate::seeded::time::now;
use crate::seeded::{dice::count, text};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One change; on HTTP `POST /_simulator/mutations` with the variant's name as `kind`.
///
/// Repositories are named `workspace/slug`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mutation {
    /// Replaces fields of a pull request and moves its `updated_on`.
    EditPullRequest {
        /// `workspace/slug`
        repository: String,
        /// Id of the pull request.
        id: u64,
        /// Fields and their new values, such as `title` or `state`.
        fields: serde_json::Map<String, Value>,
    },
    /// Adds a pull request with the next id, otherwise like the newest one.
    AddPullRequest {
        /// `workspace/slug`
        repository: String,
        /// Its title.
        title: String,
    },
    /// Adds a comment; `comment_count` and `updated_on` of the pull request move.
    AddComment {
        /// `workspace/slug`
        repository: String,
        /// Id of the pull request.
        pull_request: u64,
        /// Its text.
        text: String,
    },
    /// Gives a comment another text and moves its `updated_on`, not that of its pull request.
    EditComment {
        /// `workspace/slug`
        repository: String,
        /// Id of the pull request.
        pull_request: u64,
        /// Id of the comment.
        comment: u64,
        /// Its new text.
        text: String,
    },
    /// Marks a comment as deleted and empties it.
    DeleteComment {
        /// `workspace/slug`
        repository: String,
        /// Id of the pull request.
        pull_request: u64,
        /// Id of the comment.
        comment: u64,
    },
    /// Adds an issue with the next id, otherwise like the newest one.
    AddIssue {
        /// `workspace/slug`
        repository: String,
        /// Its title.
        title: String,
    },
    /// Adds a comment to an issue; `updated_on` of the issue moves.
    AddIssueComment {
        /// `workspace/slug`
        repository: String,
        /// Id of the issue.
        issue: u64,
        /// Its text.
        text: String,
    },
    /// Removes the issue tracker: 410 from now on.
    RemoveIssueTracker {
        /// `workspace/slug`
        repository: String,
    },
    /// Gives an account another name, wherever it appears.
    RenameAccount {
        /// UUID in braces, or account id.
        account: String,
        /// The new name.
        display_name: String,
    },
    /// Sets `scm`, which is `git` on today's Bitbucket and `hg` on that of 2020.
    SetScm {
        /// `workspace/slug`
        repository: String,
        /// `git` or `hg`.
        scm: String,
    },
    /// Makes a repository private or public.
    SetPrivate {
        /// `workspace/slug`
        repository: String,
        /// Whether it is private from now on.
        is_private: bool,
    },
    /// Deletes a repository: 404 from now on.
    RemoveRepository {
        /// `workspace/slug`
        repository: String,
    },
    /// Deletes a branch of the bare repository.
    DeleteBranch {
        /// `workspace/slug`
        repository: String,
        /// Its name.
        branch: String,
    },
    /// Sets a branch of the bare repository, forced, made when it is missing.
    MoveBranch {
        /// `workspace/slug`
        repository: String,
        /// Its name.
        branch: String,
        /// Hash or name of the commit.
        to: String,
    },
    /// Takes a scope from a credential.
    RemoveScope {
        /// The credential's token.
        token: String,
        /// Such as `pullrequest`.
        scope: String,
    },
    /// Makes a token unknown: 401 from now on.
    RevokeToken {
        /// The credential's token.
        token: String,
    },
}

/// What a mutation made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mutated {
    /// Id of the added pull request, issue or comment.
    pub id: Option<u64>,
}

/// Above every id that a seeded or recorded world has.
const FIRST_ADDED_COMMENT: u64 = 9_000_000_000_000;

impl World {
    /// Changes the world. Credentials are not part of it: their mutations are not for here.
    pub(crate) fn mutate(&mut self, mutation: Mutation, links: &Links) -> Result<Mutated> {
        self.orders.clear();
        let mut id = None;
        match mutation {
            Mutation::EditPullRequest {
                repository,
                id,
                fields,
            } => {
                self.find_mut(&repository)?.edit(links, id, fields)?;
            }
            Mutation::AddPullRequest { repository, title } => {
                id = Some(
                    self.find_mut(&repository)?
                        .add_pull_request(links, &title)?,
                );
            }
            Mutation::AddComment {
                repository,
                pull_request,
                text,
            } => {
                id = Some(
                    self.find_mut(&repository)?
                        .add_comment(links, pull_request, &text)?,
                );
            }
            Mutation::EditComment {
                repository,
                pull_request,
                comment,
                text,
            } => {
                self.find_mut(&repository)?
                    .edit_comment(links, pull_request, comment, text)?;
            }
            Mutation::DeleteComment {
                repository,
                pull_request,
                comment,
            } => {
                self.find_mut(&repository)?
                    .delete_comment(links, pull_request, comment)?;
            }
            of_issues @ (Mutation::AddIssue { .. }
            | Mutation::AddIssueComment { .. }
            | Mutation::RemoveIssueTracker { .. }) => id = self.mutate_issues(of_issues, links)?,
            Mutation::RenameAccount {
                account,
                display_name,
            } => {
                let mut found = false;
                for workspace in &mut self.workspaces {
                    found |= workspace.rename_account(&account, &display_name);
                }
                if !found {
                    return Err(SimulatorError::Unknown {
                        kind: "account",
                        name: account,
                    });
                }
            }
            Mutation::SetScm { repository, scm } => self.find_mut(&repository)?.scm = Some(scm),
            Mutation::SetPrivate {
                repository,
                is_private,
            } => {
                self.find_mut(&repository)?.is_private = is_private;
            }
            Mutation::RemoveRepository { repository } => self.find_mut(&repository)?.gone = true,
            Mutation::DeleteBranch { repository, branch } => {
                let name = format!("refs/heads/{branch}");
                self.find_mut(&repository)?
                    .git
                    .run(&["update-ref", "-d", &name])?;
            }
            Mutation::MoveBranch {
                repository,
                branch,
                to,
            } => {
                let repository = self.find_mut(&repository)?;
                let hash = repository.git.resolve(&to).ok_or(SimulatorError::Unknown {
                    kind: "commit",
                    name: to,
                })?;
                repository
                    .git
                    .run(&["update-ref", &format!("refs/heads/{branch}"), &hash])?;
            }
            Mutation::RemoveScope { token, .. } | Mutation::RevokeToken { token } => {
                return Err(SimulatorError::Unknown {
                    kind: "credential",
                    name: token,
                });
            }
        }
        Ok(Mutated { id })
    }
}

impl Repository {
    fn existing(&self, links: &Links, id: u64) -> Result<Value> {
        self.pull_request(links, id)
            .ok_or_else(|| SimulatorError::Unknown {
                kind: "pull request",
                name: id.to_string(),
            })
    }

    fn touch(&mut self, id: u64, when: &str) {
        self.overlay
            .edits
            .entry(id)
            .or_default()
            .insert("updated_on".to_owned(), json!(when));
    }

    fn edit(
        &mut self,
        links: &Links,
        id: u64,
        fields: serde_json::Map<String, Value>,
    ) -> Result<()> {
        self.existing(links, id)?;
        let when = now();
        self.touch(id, &when);
        self.overlay.edits.entry(id).or_default().extend(fields);
        self.record_update(links, id, &when)
    }

    fn record_update(&mut self, links: &Links, id: u64, when: &str) -> Result<()> {
        let value = self.existing(links, id)?;
        let mut update = json!({"date": when, "changes": {}, "reviewers": []});
        for key in [
            "title",
            "description",
            "reason",
            "state",
            "draft",
            "author",
            "source",
            "destination",
        ] {
            update[key] = value[key].clone();
        }
        self.overlay
            .activity
            .push((id, json!({"pull_request": short(&value), "update": update})));
        Ok(())
    }

    fn add_pull_request(&mut self, links: &Links, title: &str) -> Result<u64> {
        let id = self.next_pull_request_id(links);
        let template = self.existing(links, id - 1)?;
        // The links name the id; nothing else in a pull request looks like these.
        let old = id - 1;
        let text = template
            .to_string()
            .replace(
                &format!("/pullrequests/{old}"),
                &format!("/pullrequests/{id}"),
            )
            .replace(
                &format!("/pull-requests/{old}"),
                &format!("/pull-requests/{id}"),
            )
            .replace(
                &format!("from_pullrequest_id={old}"),
                &format!("from_pullrequest_id={id}"),
            );
        let mut value: Value = serde_json::from_str(&text)
            .map_err(|error| SimulatorError::Options(error.to_string()))?;
        let when = now();
        for (key, new) in [
            ("id", json!(id)),
            ("title", json!(title)),
            ("state", json!("OPEN")),
            ("created_on", json!(when)),
            ("updated_on", json!(when)),
            ("comment_count", json!(0)),
            ("task_count", json!(0)),
            ("merge_commit", Value::Null),
            ("closed_by", Value::Null),
            ("reason", json!("")),
        ] {
            value[key] = new;
        }
        self.overlay.pull_requests.push(value);
        self.record_update(links, id, &when)?;
        Ok(id)
    }

    fn add_comment(&mut self, links: &Links, pull_request: u64, raw: &str) -> Result<u64> {
        let parent = self.existing(links, pull_request)?;
        let added: usize = self.overlay.comments.values().map(Vec::len).sum();
        let id = FIRST_ADDED_COMMENT + count(added);
        let when = now();
        let api = parent["links"]["self"]["href"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let html = parent["links"]["html"]["href"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let comment = json!({
            "id": id,
            "type": "pullrequest_comment",
            "created_on": when,
            "updated_on": when,
            "content": {"type": "rendered", "raw": raw, "markup": "markdown", "html": text::html(raw)},
            "user": parent["author"],
            "deleted": false,
            "pending": false,
            "pullrequest": short(&parent),
            "links": {
                "self": {"href": format!("{api}/comments/{id}")},
                "html": {"href": format!("{html}/_/diff#comment-{id}")},
            },
        });
        let entry = json!({"pull_request": short(&parent), "comment": comment});
        self.overlay.activity.push((pull_request, entry));
        self.overlay
            .comments
            .entry(pull_request)
            .or_default()
            .push(comment);
        *self.overlay.comment_count.entry(pull_request).or_default() += 1;
        self.touch(pull_request, &when);
        Ok(id)
    }

    fn edit_comment(
        &mut self,
        links: &Links,
        pull_request: u64,
        comment: u64,
        raw: String,
    ) -> Result<()> {
        self.existing_comment(links, pull_request, comment)?;
        self.overlay.comment_edits.insert(comment, (raw, now()));
        Ok(())
    }

    fn existing_comment(&self, links: &Links, pull_request: u64, comment: u64) -> Result<Value> {
        self.comment(links, pull_request, comment)
            .ok_or_else(|| SimulatorError::Unknown {
                kind: "comment",
                name: comment.to_string(),
            })
    }

    fn delete_comment(&mut self, links: &Links, pull_request: u64, comment: u64) -> Result<()> {
        let known = self.existing_comment(links, pull_request, comment)?;
        if known["deleted"] != true {
            self.overlay.deleted_comments.insert(comment);
            *self.overlay.comment_count.entry(pull_request).or_default() -= 1;
            self.touch(pull_request, &now());
        }
        Ok(())
    }
}

/// A pull request as it stands inside comments and activity.
fn short(value: &Value) -> Value {
    json!({
        "type": "pullrequest",
        "id": value["id"],
        "title": value["title"],
        "draft": value["draft"],
        "links": {"self": value["links"]["self"], "html": value["links"]["html"]},
    })
}
