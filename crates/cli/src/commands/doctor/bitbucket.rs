//! What Bitbucket has to say: whether it answers, what the credential may do,
//! what is left of the quota, and what it is going to remove.

use bucketload_auth::{Credential, CredentialSource};
use bucketload_bitbucket::{Client, RequestError, RequestErrorKind};
use bucketload_model::{AnnouncedRemoval, BucketState, ErrorClass, Stage, WorkspaceSlug};
use bucketload_worker::{Access, Capabilities, Capability};
use chrono::{DateTime, Utc};

use super::finding::{Finding, State};
use crate::messages::{self, Problem, SET_CREDENTIAL};
use crate::output;

/// More than this and things are dated wrongly, and waits end at the wrong time.
const CLOCK_TOLERANCE_SECONDS: i64 = 60;

const CHECK_NETWORK: &str = "check the network, the proxy (HTTPS_PROXY) and \
                             https://bitbucket.status.atlassian.com";

/// App passwords are refused before they are sent anywhere.
pub(super) fn app_password(credential: &Credential) -> Option<Finding> {
    credential.is_app_password().then(|| {
        Finding::failed(
            "credential",
            "an app password is set; Bitbucket removed app passwords on 2026-07-28",
            "make a personal API token with scopes and set it with the e-mail address of your \
             Atlassian account (BUCKETLOAD_BITBUCKET_EMAIL, BUCKETLOAD_BITBUCKET_API_TOKEN)",
        )
        .with_state(State::NotAuthorised)
    })
}

/// Whether the API answers. A refusal is an answer.
pub(super) fn api(client: &Client, found: &Capabilities) -> Finding {
    const CHECK: &str = "bitbucket";
    let host = client.api_url().origin().ascii_serialization();
    let answers = || Finding::ok(CHECK, format!("{host} answers"));
    let Err(error) = &found.account else {
        return answers();
    };
    let is_api = |(_, access): &(Capability, Access)| matches!(access, Access::Allowed);
    match &error.kind {
        RequestErrorKind::Status { status: 404, .. } if found.tried.iter().any(is_api) => answers(),
        RequestErrorKind::Status { status: 404, .. } => Finding::failed(
            CHECK,
            format!(
                "{host} answers, but there is no Bitbucket API at {}",
                client.api_url()
            ),
            "check BUCKETLOAD_BITBUCKET_API_URL; it ends in /2.0",
        ),
        RequestErrorKind::QuotaSpent { .. } => Finding::skipped(CHECK, "the quota is spent"),
        _ if is_answer(error) => answers(),
        kind => {
            let problem = Problem::of(format!("{host} does not answer as it should"), kind);
            Finding::of(CHECK, &problem).with_remedy(CHECK_NETWORK)
        }
    }
}

/// The API did not answer in the time that somebody waits in front of a screen.
pub(super) fn silent(client: &Client) -> Finding {
    let host = client.api_url().origin().ascii_serialization();
    let text = format!("{host} does not answer in time");
    Finding::failed("bitbucket", text, CHECK_NETWORK)
}

const fn is_answer(error: &RequestError) -> bool {
    matches!(
        error.class(),
        ErrorClass::Unauthorized | ErrorClass::Forbidden
    )
}

/// Whether both clocks show the same.
pub(super) fn clock(difference: Option<chrono::Duration>) -> Finding {
    const CHECK: &str = "clock";
    let Some(difference) = difference else {
        return Finding::skipped(CHECK, "no answer told the time");
    };
    let seconds = difference.num_seconds();
    if seconds.abs() <= CLOCK_TOLERANCE_SECONDS {
        return Finding::ok(CHECK, "agrees with Bitbucket's");
    }
    let direction = if seconds > 0 { "ahead of" } else { "behind" };
    let apart = output::counted(seconds.unsigned_abs(), "second", "seconds");
    Finding::warning(
        CHECK,
        format!("{apart} {direction} Bitbucket's"),
        "set the clock by the network (NTP); waits for quota end at the wrong time",
    )
}

/// Whether the credential is accepted, and whose it is.
pub(super) fn credential(credential: &CredentialSource, found: &Capabilities) -> Finding {
    const CHECK: &str = "credential";
    let who = credential.description();
    if credential.is_anonymous() {
        return Finding::warning(
            CHECK,
            "none: public repositories only, 60 requests an hour",
            SET_CREDENTIAL,
        );
    }
    if let Ok(account) = &found.account {
        let name = account.display_name.as_deref().unwrap_or("an account");
        return Finding::ok(CHECK, format!("{who} is accepted; it belongs to {name}"));
    }
    let is_accepted = |access: &Access| {
        matches!(
            access,
            Access::Allowed | Access::ScopeMissing(_) | Access::NotPermitted(_)
        )
    };
    let refusal = found.tried.iter().find_map(|(_, access)| match access {
        Access::Refused(error) => Some(error),
        _ => None,
    });
    match (&found.account, refusal) {
        (Err(error), _) if error.class() == ErrorClass::Forbidden => Finding::ok(
            CHECK,
            format!("{who} is accepted; whose it is it does not tell"),
        ),
        _ if found.tried.iter().any(|(_, access)| is_accepted(access)) => Finding::ok(
            CHECK,
            format!("{who} is accepted; it belongs to a repository, project or workspace"),
        ),
        (_, Some(error)) => refused(CHECK, error, credential),
        (Err(error), None) if error.class() == ErrorClass::Unauthorized => {
            let finding = refused(CHECK, error, credential);
            match credential {
                // A wrong token and one that belongs to no account look alike.
                CredentialSource::Fixed(Credential::AccessToken(_)) if found.tried_on.is_none() => {
                    finding.with_remedy(
                        "it may be mistyped, expired or revoked. A token of a repository, project \
                     or workspace can be checked there only: bucketload doctor \
                     WORKSPACE/REPOSITORY",
                    )
                }
                _ => finding,
            }
        }
        _ => Finding::skipped(CHECK, "Bitbucket gave no answer that tells"),
    }
}

fn refused(check: &'static str, error: &RequestError, credential: &CredentialSource) -> Finding {
    let problem = messages::request_failure("what it was asked", error, credential);
    Finding::of(check, &problem)
}

/// One capability: there, or what is missing and what an import lacks without it.
pub(in crate::commands) fn capability(
    capability: Capability,
    access: &Access,
    credential: &CredentialSource,
    found: &Capabilities,
) -> Finding {
    let check = capability.name();
    let on = found
        .tried_on
        .as_ref()
        .map_or_else(String::new, ToString::to_string);
    let who = credential.description();
    let endpoint = capability.endpoint();
    let lack = without(capability);
    let finding = match access {
        Access::Allowed => return allowed(capability, &on, found),
        Access::Unknown(error) => {
            let problem = messages::request_failure(&on, error, credential);
            return Finding::of(check, &problem);
        }
        Access::ScopeMissing(_) => Finding::warning(
            check,
            format!("{who} lacks the scope; {lack}"),
            format!(
                "make a new one with the scope “{}” (access token, OAuth) or “{}” (API token){}",
                endpoint.oauth_scopes().join(" "),
                endpoint.api_token_scope(),
                or_leave_out(capability)
            ),
        ),
        Access::NotPermitted(_) => Finding::warning(
            check,
            format!("{who} may not read them in {on}; {lack}"),
            format!(
                "use the credential of {}{}",
                who_may(capability),
                or_leave_out(capability)
            ),
        ),
        Access::Refused(_) if credential.is_anonymous() => Finding::warning(
            check,
            format!("not shown without a credential; {lack}"),
            SET_CREDENTIAL,
        ),
        Access::Refused(_) => return Finding::skipped(check, "the credential is refused"),
        Access::Absent(_) => {
            return Finding::skipped(check, &format!("{on} has none to try it on"));
        }
        Access::Hidden(_) => Finding::warning(
            check,
            format!("Bitbucket knows no {on}, or hides it from {who}"),
            "check the name, and that the credential is for that workspace",
        ),
    };
    if capability.is_essential() || matches!(access, Access::Hidden(_)) {
        finding.with_state(State::NotAuthorised)
    } else {
        finding
    }
}

fn allowed(capability: Capability, on: &str, found: &Capabilities) -> Finding {
    let check = capability.name();
    match capability {
        Capability::Workspaces => {
            let names: Vec<&str> = found.workspaces.iter().map(WorkspaceSlug::as_str).collect();
            match names.as_slice() {
                [] => Finding::warning(
                    check,
                    "the account is in no workspace",
                    "ask for an invitation; public repositories can be imported all the same",
                ),
                names => Finding::ok(check, names.join(", ")),
            }
        }
        Capability::Repositories => Finding::ok(check, "can be listed"),
        Capability::Repository => Finding::ok(check, format!("{on} can be read")),
        Capability::PullRequests
        | Capability::Issues
        | Capability::Project
        | Capability::Webhooks => Finding::ok(check, format!("of {on} can be read")),
        Capability::Administration => Finding::ok(
            check,
            format!("branch restrictions, deploy keys and permissions of {on} can be read"),
        ),
        Capability::Pipelines => Finding::ok(
            check,
            format!("variables, schedules and environments of {on} can be read"),
        ),
        Capability::Members => Finding::ok(check, "of the workspace can be read"),
    }
}

/// What an import lacks without a capability.
fn without(capability: Capability) -> String {
    match capability {
        Capability::Workspaces => {
            "workspaces cannot be listed, and are to be named to import them".to_owned()
        }
        Capability::Repositories => {
            "a workspace cannot be imported whole, only repositories by their names".to_owned()
        }
        Capability::Repository => "nothing can be imported".to_owned(),
        Capability::Project => gaps("the project"),
        Capability::Webhooks => gaps("webhooks"),
        Capability::Administration => gaps(
            "branch restrictions, settings of the branching model, deploy keys, permissions and \
             the switch of pipelines",
        ),
        Capability::Pipelines => {
            gaps("names of pipeline variables, schedules, known hosts and environments")
        }
        Capability::PullRequests | Capability::Members | Capability::Issues => {
            let stages = capability.stages().iter().map(|stage| stage.name());
            let stages: Vec<&str> = stages.collect();
            let noun = if stages.len() == 1 { "stage" } else { "stages" };
            format!("an import is without the {noun} {}", stages.join(", "))
        }
    }
}

/// Settings that cannot be read are named in the report of the import.
fn gaps(settings: &str) -> String {
    format!("an import will name as gaps: {settings}")
}

/// Who may read it, whatever the scopes.
const fn who_may(capability: Capability) -> &'static str {
    match capability {
        Capability::Administration => "an administrator of the repository",
        _ => "somebody who may",
    }
}

/// What can be done where nobody wants it.
fn or_leave_out(capability: Capability) -> &'static str {
    if capability.stages() == [Stage::Settings] {
        ", or leave settings out: --skip settings"
    } else {
        ""
    }
}

/// What is left of the quota: `hourly` requests, if we keep a limit at all, and the
/// account of them, if a database keeps it.
pub(super) fn quota(
    hourly: Option<u32>,
    state: Option<BucketState>,
    now: DateTime<Utc>,
) -> Finding {
    const CHECK: &str = "quota";
    let Some(hourly) = hourly else {
        return Finding::ok(
            CHECK,
            "no limit of our own; Bitbucket's refusals are obeyed",
        );
    };
    let Some(state) = state else {
        let text = format!("{hourly} requests in a window; the first import begins to count");
        return Finding::ok(CHECK, text);
    };
    let used = format!("{} of {} requests used", state.used, state.limit);
    let Some(until) = state.stopped_until else {
        return Finding::ok(CHECK, used);
    };
    let minutes = (until - now).num_seconds().max(0).div_euclid(60) + 1;
    let until = until.with_timezone(&chrono::Local).format("%H:%M:%S");
    let left = output::counted(minutes.unsigned_abs(), "minute", "minutes");
    Finding::warning(
        CHECK,
        format!("{used}; Bitbucket refuses more until {until}, {left} from now"),
        "nothing: imports wait by themselves and go on then",
    )
}

/// What Bitbucket announced to remove, once for each kind of request.
pub(super) fn removals(removals: &[AnnouncedRemoval]) -> Vec<Finding> {
    const CHECK: &str = "announced_removals";
    if removals.is_empty() {
        return vec![Finding::ok(CHECK, "none met so far")];
    }
    let finding = |removal: &AnnouncedRemoval| {
        let on = removal
            .sunset
            .as_ref()
            .map_or_else(String::new, |sunset| format!(" on {sunset}"));
        let link = removal.link.as_deref().map(address_in);
        let link = link.map_or_else(String::new, |link| format!("; read {link}"));
        Finding::warning(
            CHECK,
            format!("“{}” is going to be removed{on}", removal.endpoint),
            format!("import before, and keep bucketload up to date{link}"),
        )
    };
    removals.iter().map(finding).collect()
}

/// The address in a `Link` header, such as `<https://…>; rel="deprecation"`.
fn address_in(link: &str) -> &str {
    let inside = link
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or(link, |(address, _)| address)
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    #[test]
    fn clocks_that_differ_are_told_by_how_much_and_whither() {
        for (seconds, state, text) in [
            (3, State::Ok, "agrees with Bitbucket's"),
            (-60, State::Ok, "agrees with Bitbucket's"),
            (61, State::Warning, "61 seconds ahead of Bitbucket's"),
            (-7_200, State::Warning, "7,200 seconds behind Bitbucket's"),
        ] {
            let finding = clock(Some(Duration::seconds(seconds)));
            assert_eq!((finding.state, finding.text.as_str()), (state, text));
        }
        assert_eq!(clock(None).state, State::Skipped);
    }

    #[test]
    fn the_quota_is_told_with_the_end_of_a_stop() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let state = |seconds: i64| BucketState {
            used: 12,
            limit: 1000,
            stopped_until: (seconds > 0).then(|| now + Duration::seconds(seconds)),
        };
        let text = |hourly, state| quota(hourly, state, now).text;
        assert!(text(None, None).starts_with("no limit of our own"));
        assert!(text(Some(1000), None).starts_with("1000 requests"));
        assert_eq!(text(Some(1000), Some(state(0))), "12 of 1000 requests used");
        let stopped = text(Some(1000), Some(state(125)));
        assert!(stopped.ends_with("3 minutes from now"), "{stopped}");
    }

    #[test]
    fn a_link_header_is_shown_as_its_address() {
        let link = "<https://example.org/changelog#1>; rel=\"deprecation\"";
        assert_eq!(address_in(link), "https://example.org/changelog#1");
        assert_eq!(address_in("no brackets"), "no brackets");
    }
}
