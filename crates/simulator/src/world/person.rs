//! The people who can sign in: members of workspaces, and one who is a member of none.

use super::World;
use super::links::Links;
use serde_json::{Value, json};

/// An account that can sign in, and what it may show of itself.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) uuid: String,
    account_id: String,
    pub(crate) nickname: String,
    pub(crate) display_name: String,
    pub(crate) emails: Vec<Email>,
    /// Slugs of the workspaces that it is a member of.
    pub(crate) workspaces: Vec<String>,
}

/// An address as `/user/emails` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Email {
    pub(crate) address: String,
    pub(crate) is_primary: bool,
    pub(crate) is_confirmed: bool,
}

impl Email {
    fn new(address: impl Into<String>, is_primary: bool, is_confirmed: bool) -> Self {
        Self {
            address: address.into(),
            is_primary,
            is_confirmed,
        }
    }

    pub(crate) fn json(&self, links: &Links) -> Value {
        let encoded: String =
            url::form_urlencoded::byte_serialize(self.address.as_bytes()).collect();
        json!({
            "type": "email",
            "email": self.address,
            "is_primary": self.is_primary,
            "is_confirmed": self.is_confirmed,
            "links": {"self": {"href": format!("{}/user/emails/{encoded}", links.api)}},
        })
    }
}

impl Person {
    fn new(account: &Value) -> Self {
        let text = |name: &str| account[name].as_str().unwrap_or_default().to_owned();
        let nickname = text("nickname");
        Self {
            uuid: text("uuid"),
            account_id: text("account_id"),
            emails: emails(&nickname),
            nickname,
            display_name: text("display_name"),
            workspaces: Vec::new(),
        }
    }

    /// By UUID, account id or nickname.
    pub(crate) fn is(&self, selector: &str) -> bool {
        self.uuid == selector || self.account_id == selector || self.nickname == selector
    }

    /// The address that may be trusted: there is none unless it is primary and confirmed.
    pub(crate) fn confirmed_email(&self) -> Option<&str> {
        self.emails
            .iter()
            .find(|email| email.is_primary && email.is_confirmed)
            .map(|email| email.address.as_str())
    }
}

/// The addresses of a nickname, with those that software trusts and should not.
fn emails(nickname: &str) -> Vec<Email> {
    let local: String = nickname
        .chars()
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_'))
        .collect();
    let own = format!("{local}@example.com");
    match nickname {
        "ghopper" => vec![
            Email::new("grace@navy.example", false, true),
            Email::new(own, true, true),
        ],
        "yamada" => vec![Email::new(own, true, false)],
        "zoe" => Vec::new(),
        // She would like to be taken for somebody else.
        "eve" => vec![
            Email::new("ada@example.com", false, false),
            Email::new(own, true, true),
        ],
        _ => vec![Email::new(own, true, true)],
    }
}

impl World {
    /// Everybody who can sign in, each once; bots cannot.
    pub(crate) fn people(&self, links: &Links) -> Vec<Person> {
        let mut people: Vec<Person> = Vec::new();
        for workspace in &self.workspaces {
            for account in workspace.members(links) {
                if account["type"] != "user" {
                    continue;
                }
                let position = people
                    .iter()
                    .position(|known| account["uuid"] == known.uuid.as_str());
                let position = position.unwrap_or_else(|| {
                    people.push(Person::new(&account));
                    people.len() - 1
                });
                people[position].workspaces.push(workspace.slug.clone());
            }
        }
        let outsiders = self
            .workspaces
            .iter()
            .filter_map(|known| known.outsider(links));
        people.extend(outsiders.map(|account| Person::new(&account)));
        people
    }
}
