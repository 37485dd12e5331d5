//! People of a seeded world.

use super::dice::{Dice, count, index};
use super::text::NAMES;
use crate::world::links::{Links, braces};
use serde_json::{Value, json};

/// One account of the seeded world.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_field_names,
    reason = "`account_id` is Bitbucket's name for it"
)]
pub(crate) struct Account {
    pub(crate) uuid: String,
    pub(crate) account_id: String,
    pub(crate) display_name: String,
    pub(crate) nickname: String,
    kind: &'static str,
    created_on: String,
}

impl Account {
    pub(crate) fn new(dice: Dice, number: usize) -> Self {
        let (name, nickname) = NAMES[number % NAMES.len()];
        let round = number / NAMES.len();
        let display_name = if round == 0 {
            name.to_owned()
        } else {
            format!("{name} {}", round + 1)
        };
        // The three shapes that account ids have had over the years.
        let account_id = match number % 3 {
            0 => format!("557058:{}", dice.bare_uuid("account id")),
            1 => format!("712020:{}", dice.bare_uuid("account id")),
            _ => dice.hex("account id", 24),
        };
        Self {
            uuid: dice.uuid("uuid"),
            account_id,
            display_name,
            // Nicknames are not unique on Bitbucket, and so they are not here.
            nickname: nickname.to_owned(),
            kind: if nickname == "build-bot" {
                "app_user"
            } else {
                "user"
            },
            created_on: super::time::format(
                super::time::EPOCH - 86_400_000_000 * i64::try_from(number).unwrap_or(0),
            ),
        }
    }

    pub(crate) fn outsider(dice: Dice) -> Self {
        Self {
            display_name: "Nomad Wanderer".to_owned(),
            nickname: "nomad".to_owned(),
            ..Self::new(dice.named("outsider"), 0)
        }
    }

    pub(crate) fn members(dice: Dice, members: usize) -> Vec<Self> {
        (0..members)
            .map(|number| Self::new(dice.named("account").with(count(number)), number))
            .collect()
    }

    /// As it stands inside other objects.
    pub(crate) fn json(&self, links: &Links) -> Value {
        let uuid = braces(&self.uuid);
        json!({
            "display_name": self.display_name,
            "links": {
                "self": {"href": format!("{}/users/{uuid}", links.api)},
                "avatar": {"href": format!(
                    "https://avatar-management--avatars.us-west-2.prod.public.atl-paas.net/initials/{}-{}.png",
                    self.display_name.chars().filter(char::is_ascii_uppercase).take(2).collect::<String>(),
                    self.account_id.len() % 6)},
                "html": {"href": format!("{}/{uuid}/", links.web)},
            },
            "type": self.kind,
            "uuid": self.uuid,
            "account_id": self.account_id,
            "nickname": self.nickname,
        })
    }

    /// As `/user` and `/users/{selected_user}` answer it.
    pub(crate) fn full_json(&self, links: &Links) -> Value {
        let mut value = self.json(links);
        value["created_on"] = json!(self.created_on);
        value["account_status"] = json!("active");
        value["is_staff"] = json!(false);
        value
    }

    pub(crate) fn is(&self, selector: &str) -> bool {
        self.uuid == selector || self.account_id == selector
    }
}

/// A member, or nobody: the account of a "former user" is null.
pub(crate) fn pick<'a>(
    members: &'a [Account],
    dice: Dice,
    question: &str,
    deleted_per_mille: u32,
) -> Option<&'a Account> {
    if members.is_empty() || dice.named(question).chance("deleted", deleted_per_mille) {
        return None;
    }
    members.get(index(dice.below(question, count(members.len()))))
}
