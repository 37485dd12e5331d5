//! Who has signed in, and what they may show of themselves.

use super::{approved_by, get, tokens};
use crate::support::{json, small};
use bucketload_simulator::{Credential, CredentialKind};
use serde_json::{Value, json as value};

async fn emails(nickname: &str) -> Vec<(String, bool, bool)> {
    let double = approved_by(nickname).await;
    let tokens = tokens(&double, &[]).await;
    let page = json(get(&double, "/user/emails", &tokens).await).await;
    let values = page["values"].as_array().unwrap().iter();
    values
        .map(|email| {
            assert_eq!(email["type"], "email");
            (
                email["email"].as_str().unwrap().to_owned(),
                email["is_primary"].as_bool().unwrap(),
                email["is_confirmed"].as_bool().unwrap(),
            )
        })
        .collect()
}

fn email(address: &str, is_primary: bool, is_confirmed: bool) -> (String, bool, bool) {
    (address.to_owned(), is_primary, is_confirmed)
}

#[tokio::test]
async fn addresses_are_not_all_to_be_trusted() {
    assert_eq!(emails("ada").await, [email("ada@example.com", true, true)]);
    assert_eq!(
        emails("yamada").await,
        [email("yamada@example.com", true, false)]
    );
    assert_eq!(emails("zoe").await, []);
    let two = [
        email("grace@navy.example", false, true),
        email("ghopper@example.com", true, true),
    ];
    assert_eq!(emails("ghopper").await, two);
    let pretends = [
        email("ada@example.com", false, false),
        email("eve@example.com", true, true),
    ];
    assert_eq!(emails("eve").await, pretends);
}

#[tokio::test]
async fn addresses_want_their_scope() {
    let double = approved_by("ada").await;
    let narrow = tokens(&double, &[("scope", "account")]).await;
    assert_eq!(get(&double, "/user/emails", &narrow).await.status(), 403);
    let email = tokens(&double, &[("scope", "email")]).await;
    assert_eq!(get(&double, "/user", &email).await.status(), 403);
    let one = get(&double, "/user/emails/ada%40example.com", &email).await;
    assert_eq!(json(one).await["is_primary"], true);
    let other = get(&double, "/user/emails/eve%40example.com", &email).await;
    assert_eq!(other.status(), 404);
}

async fn workspaces(nickname: &str) -> (Value, u16, Value) {
    let double = approved_by(nickname).await;
    let tokens = tokens(&double, &[]).await;
    let list = json(get(&double, "/user/workspaces", &tokens).await).await;
    let path = "/user/workspaces/seaside/permission";
    let permission = get(&double, path, &tokens).await;
    let status = permission.status().as_u16();
    let permission = json(permission).await;
    let missing = get(&double, "/user/workspaces/nowhere/permission", &tokens).await;
    assert_eq!(missing.status(), 404);
    let private = get(&double, "/repositories/seaside/harbour", &tokens).await;
    assert_eq!(private.status().is_success(), status == 200);
    let values = list["values"].as_array().unwrap().iter();
    let values =
        values.map(|access| value!([access["workspace"]["slug"], access["administrator"]]));
    (values.collect(), status, permission["permission"].clone())
}

#[tokio::test]
async fn people_have_the_workspaces_that_they_are_members_of() {
    let owner = workspaces("ada").await;
    assert_eq!(owner, (value!([["seaside", true]]), 200, value!("owner")));
    let member = workspaces("zoe").await;
    assert_eq!(
        member,
        (value!([["seaside", false]]), 200, value!("member"))
    );
    let outsider = workspaces("nomad").await;
    assert_eq!(outsider, (value!([]), 403, Value::Null));
}

#[tokio::test]
async fn an_outsider_is_a_user_like_others() {
    let double = approved_by("nomad").await;
    let tokens = tokens(&double, &[]).await;
    let user = json(get(&double, "/user", &tokens).await).await;
    assert_eq!(user["nickname"], "nomad");
    let path = format!("/users/{}", user["account_id"].as_str().unwrap());
    let same = get(&double, &path, &tokens);
    assert_eq!(json(same.await).await["uuid"], user["uuid"]);
    let members = double.all("/workspaces/seaside/members").await;
    assert!(
        members
            .iter()
            .all(|member| member["user"]["uuid"] != user["uuid"])
    );
}

#[tokio::test]
async fn tokens_that_tests_make_have_a_person_and_a_view() {
    let double = small().await;
    let control = double.simulator.control();
    let elsewhere = Credential::new("elsewhere", CredentialKind::OAuth).with_visible(&["nowhere"]);
    control.add_credential(elsewhere);
    control.add_credential(Credential::new("zoe's", CredentialKind::OAuth).with_user("zoe"));
    let email = "ghopper@example.com".to_owned();
    control.add_credential(Credential::new("api", CredentialKind::ApiToken { email }));
    let bearer = async |token: &str, path: &str| {
        let request = double.client.get(double.url(path)).bearer_auth(token);
        json(request.send().await.unwrap()).await
    };
    let list = bearer("elsewhere", "/user/workspaces").await;
    assert_eq!(list["values"], value!([]));
    assert_eq!(bearer("elsewhere", "/user").await["nickname"], "ada");
    assert_eq!(bearer("zoe's", "/user").await["nickname"], "zoe");
    let list = bearer("zoe's", "/user/workspaces").await;
    assert_eq!(list["values"][0]["administrator"], false);
    let request = double.client.get(double.url("/user"));
    let request = request.basic_auth("ghopper@example.com", Some("api"));
    let user = json(request.send().await.unwrap()).await;
    assert_eq!(user["nickname"], "ghopper");
}

#[tokio::test]
async fn an_app_password_is_nobody() {
    let double = small().await;
    for path in [
        double.url("/user"),
        double.simulator.web_url() + "/seaside/lighthouse.git/info/refs?service=git-upload-pack",
    ] {
        let request = double.client.get(&path);
        let request = request.basic_auth("ada", Some("simulator-api-token"));
        assert_eq!(request.send().await.unwrap().status(), 401, "{path}");
    }
}
