//! Settings of a repository, its pipelines, its downloads and its forks.

use super::account::Account;
use super::dice::count;
use super::repository::SeededRepository;
use super::time::{EPOCH, format};
use crate::world::links::{Links, braces};
use serde_json::{Value, json};

/// An hour in microseconds.
const HOUR: i64 = 3_600_000_000;

const ENVIRONMENTS: &[&str] = &["Test", "Staging", "Production"];

/// Name, and whether the value is shown to nobody.
const VARIABLES: &[(&str, bool)] = &[
    ("AWS_REGION", false),
    ("AWS_SECRET_ACCESS_KEY", true),
    ("SLACK_WEBHOOK", true),
    ("GRÜSSE", false),
];

impl SeededRepository {
    /// A list below `{R}`; none when there is no such list.
    pub(crate) fn small_list(&self, links: &Links, path: &str) -> Option<Vec<Value>> {
        let list = match path {
            "watchers" => self.people(links, 3),
            "default-reviewers" => self.people(links, 2),
            "effective-default-reviewers" => self.effective_reviewers(links),
            "branch-restrictions" => self.branch_restrictions(links),
            "permissions-config/users" => self.user_permissions(links),
            "permissions-config/groups" => self.group_permissions(links),
            "hooks" => self.hooks(links),
            "deploy-keys" => self.deploy_keys(links),
            "pipelines_config/variables" => self.variables(""),
            "pipelines_config/schedules" => self.schedules(),
            "pipelines_config/ssh/known_hosts" => self.known_hosts(),
            "environments" => self.environments(),
            "downloads" => self.downloads(links),
            "forks" => self.forks(links),
            _ => return self.environment_variables(path),
        };
        Some(list)
    }

    /// A single object below `{R}`.
    pub(crate) fn small_object(&self, links: &Links, path: &str) -> Option<Value> {
        let main = self.git.main_branch();
        let branch = |kind: &str, prefix: &str| json!({"kind": kind, "prefix": prefix});
        let development = json!({
            "name": main, "use_mainbranch": true, "branch": {"type": "branch", "name": main},
        });
        match path {
            "branching-model" | "effective-branching-model" => Some(json!({
                "type": if path == "branching-model" { "branching_model" } else { "effective_repo_branching_model" },
                "branch_types": [branch("feature", "feature/"), branch("bugfix", "bugfix/")],
                "development": development,
                "links": {"self": {"href": format!("{}/{path}", self.api(links))}},
            })),
            "branching-model/settings" => {
                let kind = |kind: &str, enabled: bool| {
                    json!({
                        "kind": kind, "prefix": format!("{kind}/"), "enabled": enabled,
                    })
                };
                Some(json!({
                    "type": "branching_model_settings",
                    "branch_types": [
                        kind("feature", true), kind("bugfix", true),
                        kind("release", false), kind("hotfix", false),
                    ],
                    "development": {"name": null, "use_mainbranch": true, "is_valid": true},
                    "production": {
                        "name": "production", "use_mainbranch": false,
                        "is_valid": false, "enabled": false,
                    },
                    "links": {"self": {"href": format!("{}/{path}", self.api(links))}},
                }))
            }
            "pipelines_config" => Some(json!({
                "type": "repository_pipelines_configuration",
                "enabled": self.number.is_multiple_of(2),
                "repository": self.short_json(links),
            })),
            _ => None,
        }
    }

    fn people(&self, links: &Links, number: usize) -> Vec<Value> {
        let members = self.workspace.members.iter().take(number);
        members.map(|account| account.json(links)).collect()
    }

    fn effective_reviewers(&self, links: &Links) -> Vec<Value> {
        // The third is inherited from the project.
        let people = self.people(links, 3).into_iter().enumerate();
        people
            .map(|(position, user)| {
                json!({
                    "type": "default_reviewer",
                    "reviewer_type": if position < 2 { "repository" } else { "project" },
                    "user": user,
                })
            })
            .collect()
    }

    fn branch_restrictions(&self, links: &Links) -> Vec<Value> {
        let group = self.group(links, "administrators");
        let rules = [
            ("force", "glob", None, "*", None),
            ("delete", "glob", None, "release/*", None),
            ("push", "glob", None, "main", None),
            (
                "require_approvals_to_merge",
                "branching_model",
                Some("development"),
                "",
                Some(2),
            ),
            (
                "require_passing_builds_to_merge",
                "branching_model",
                Some("production"),
                "",
                Some(1),
            ),
        ];
        let rule = |(position, (kind, match_kind, branch_type, pattern, value))| {
            let id = 1_000_000 + self.dice.below("restriction", 1_000_000) * 10 + count(position);
            let names_people = kind == "push";
            let mut rule = json!({
                "type": "branchrestriction", "id": id, "kind": kind,
                "branch_match_kind": match_kind, "pattern": pattern,
                "users": if names_people { self.people(links, 1) } else { Vec::new() },
                "groups": if names_people { vec![group.clone()] } else { Vec::new() },
                "value": value,
                "links": {"self": {"href": format!("{}/branch-restrictions/{id}", self.api(links))}},
            });
            if let Some(branch_type) = branch_type {
                rule["branch_type"] = json!(branch_type);
            }
            rule
        };
        rules.into_iter().enumerate().map(rule).collect()
    }

    fn group(&self, links: &Links, slug: &str) -> Value {
        let workspace = &self.workspace;
        json!({
            "type": "group", "slug": slug, "name": slug.to_uppercase(),
            "full_slug": format!("{}:{slug}", workspace.slug),
            "workspace": crate::world::workspace::short_json(
                &workspace.slug, &workspace.uuid, &workspace.slug, links),
        })
    }

    fn user_permissions(&self, links: &Links) -> Vec<Value> {
        let permission = |(account, permission): (&Account, &str)| {
            json!({
                "type": "repository_user_permission", "permission": permission,
                "user": account.json(links), "repository": self.short_json(links),
                "links": {"self": {"href": format!(
                    "{}/permissions-config/users/{}", self.api(links), braces(&account.uuid))}},
            })
        };
        let members = self.workspace.members.iter();
        members
            .zip(["admin", "write", "write", "read", "none"])
            .map(permission)
            .collect()
    }

    fn group_permissions(&self, links: &Links) -> Vec<Value> {
        let groups = [("administrators", "admin"), ("developers", "write")];
        groups
            .map(|(slug, permission)| {
                json!({
                    "type": "repository_group_permission", "permission": permission,
                    "group": self.group(links, slug), "repository": self.short_json(links),
                    "links": {"self": {"href": format!(
                        "{}/permissions-config/groups/{slug}", self.api(links))}},
                })
            })
            .to_vec()
    }

    /// The secret is never shown, only whether there is one.
    fn hooks(&self, links: &Links) -> Vec<Value> {
        (0..2_u64)
            .map(|position| {
                let uuid = self.dice.with(position).uuid("hook");
                json!({
                    "type": "webhook_subscription", "uuid": uuid,
                    "url": format!("https://hooks.example.com/{position}?from=bitbucket"),
                    "description": format!("Hook {position}"),
                    "subject_type": "repository", "subject": self.short_json(links),
                    "active": position == 0, "secret_set": position == 0,
                    "created_at": format(EPOCH + HOUR),
                    "events": ["repo:push", "pullrequest:created", "pullrequest:fulfilled"],
                    "links": {"self": {"href": format!("{}/hooks/{}", self.api(links), braces(&uuid))}},
                })
            })
            .collect()
    }

    fn deploy_keys(&self, links: &Links) -> Vec<Value> {
        (0..2_u64)
            .map(|position| {
                let dice = self.dice.named("deploy key").with(position);
                let id = 100_000 + dice.below("id", 900_000);
                json!({
                    "type": "deploy_key", "id": id,
                    "key": format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{}", dice.hex("key", 43)),
                    "label": if position == 0 { "Deployment" } else { "Größe & <Zeichen>" },
                    "comment": "deploy@example.com",
                    "added_on": format(EPOCH + 2 * HOUR),
                    "last_used": (position == 0).then(|| format(EPOCH + 3 * HOUR)),
                    "repository": self.short_json(links),
                    "links": {"self": {"href": format!("{}/deploy-keys/{id}", self.api(links))}},
                })
            })
            .collect()
    }

    /// A secured variable has no `value`.
    fn variables(&self, of: &str) -> Vec<Value> {
        let variable = |&(key, secured): &(&str, bool)| {
            let mut variable = json!({
                "type": "pipeline_variable", "key": key, "secured": secured,
                "uuid": self.dice.named(of).uuid(key),
            });
            if !secured {
                variable["value"] = json!(format!("value of {key}"));
            }
            variable
        };
        VARIABLES.iter().map(variable).collect()
    }

    fn schedules(&self) -> Vec<Value> {
        vec![json!({
            "type": "pipeline_schedule", "uuid": self.dice.uuid("schedule"),
            "enabled": true, "cron_pattern": "0 30 2 * * ? *",
            "target": {
                "type": "pipeline_ref_target", "ref_type": "branch",
                "ref_name": self.git.main_branch(),
                "selector": {"type": "custom", "pattern": "nightly"},
            },
            "created_on": format(EPOCH + 4 * HOUR),
            "updated_on": format(EPOCH + 5 * HOUR),
        })]
    }

    fn known_hosts(&self) -> Vec<Value> {
        let dice = self.dice.named("known host");
        vec![json!({
            "type": "pipeline_known_host", "uuid": dice.uuid("uuid"),
            "hostname": "deploy.example.com",
            "public_key": {
                "type": "pipeline_ssh_public_key", "key_type": "ssh-ed25519",
                "key": format!("AAAAC3NzaC1lZDI1NTE5AAAAI{}", dice.hex("key", 43)),
                "md5_fingerprint": dice.hex("md5", 32),
                "sha256_fingerprint": dice.hex("sha256", 43),
            },
        })]
    }

    fn environments(&self) -> Vec<Value> {
        let environment = |name: &&str| {
            json!({
                "type": "deployment_environment", "uuid": self.environment_uuid(name),
                "name": name, "slug": name.to_lowercase(),
                "environment_type": {"type": "deployment_environment_type", "name": name},
            })
        };
        ENVIRONMENTS.iter().map(environment).collect()
    }

    fn environment_uuid(&self, name: &str) -> String {
        self.dice.named("environment").uuid(name)
    }

    fn environment_variables(&self, path: &str) -> Option<Vec<Value>> {
        let uuid = path
            .strip_prefix("deployments_config/environments/")?
            .strip_suffix("/variables")?;
        let known = ENVIRONMENTS
            .iter()
            .any(|name| self.environment_uuid(name) == uuid);
        known.then(|| self.variables(uuid))
    }

    fn downloads(&self, links: &Links) -> Vec<Value> {
        let file = |name: &&str| {
            let dice = self.dice.named("download").named(name);
            let encoded = braces(name).replace(' ', "%20");
            json!({
                "type": "download", "name": name,
                "size": 1_000 + dice.below("size", 1_000_000),
                "created_on": format(EPOCH + 6 * HOUR),
                "downloads": dice.below("downloads", 500),
                "user": self.people(links, 1).first(),
                "links": {"self": {"href": format!("{}/downloads/{encoded}", self.api(links))}},
            })
        };
        [
            "lighthouse-1.0.tar.gz",
            "Read me first.txt",
            "..-not-a-path",
        ]
        .iter()
        .map(file)
        .collect()
    }

    /// One, in the workspace of a member.
    fn forks(&self, links: &Links) -> Vec<Value> {
        let Some(owner) = self.workspace.members.get(1) else {
            return Vec::new();
        };
        let full_name = format!("fork-of-{}/{}", self.workspace.slug, self.slug);
        vec![json!({
            "type": "repository", "full_name": full_name, "name": self.slug, "slug": self.slug,
            "uuid": self.dice.uuid("fork"), "scm": "git", "is_private": false,
            "owner": owner.json(links), "parent": self.short_json(links),
            "created_on": format(EPOCH + 7 * HOUR), "updated_on": format(EPOCH + 7 * HOUR),
            "size": 40_960,
            "links": {
                "self": {"href": format!("{}/repositories/{full_name}", links.api)},
                "html": {"href": format!("{}/{full_name}", links.web)},
            },
        })]
    }
}
