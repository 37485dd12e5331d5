//! What the archive holds, by the API.

use serde_json::{Value, json};

use crate::discussions::recording;
use crate::imports_api::{Script, json_of};
use crate::support::House;

const ALL: &str = "/api/v1/repositories";
const KETTLE: &str = "/api/v1/repositories/teapots/kettle";

#[tokio::test]
async fn lists_lead_to_their_next_page_and_say_what_they_cannot_filter_by() {
    let house = House::new().await;
    house.import(&recording()).await;
    house
        .store("boats/oar", "{00000000-0000-4000-8000-000000000001}")
        .await;
    let script = Script::new(&house, &["imports:read"]).await;
    let requests = format!("{KETTLE}/pull-requests");
    for (list, of, first, second) in [
        (
            ALL,
            "repositories",
            json!("boats/oar"),
            json!("teapots/kettle"),
        ),
        (&requests, "pull_requests", json!(2), json!(1)),
    ] {
        let key = if of == "repositories" { "name" } else { "id" };
        let page = script.get(&format!("{list}?limit=1")).await.is(200);
        let answer = json_of(&page);
        assert_eq!(answer[of][0][key], first);
        let next = answer["next"].as_str().unwrap();
        assert_eq!(page.headers["link"], format!("<{next}>; rel=\"next\""));
        let path = next.strip_prefix(house.url.as_str()).unwrap();
        let answer = json_of(&script.get(&format!("/{path}")).await.is(200));
        assert_eq!(answer[of][0][key], second);
        assert_eq!(answer["next"], Value::Null);
        for bad in ["limit=0", "page=2", "before=x"] {
            script.get(&format!("{list}?{bad}")).await.is(400);
        }
    }
    let answer = json_of(&script.get(&format!("{ALL}?workspace=boats")).await);
    assert_eq!(answer["repositories"].as_array().unwrap().len(), 1);
    let answer = json_of(
        &script
            .get(&format!("{requests}?state=MERGED&author=an"))
            .await,
    );
    assert_eq!(answer["pull_requests"][0]["title"], "Whistle");
    assert_eq!(answer["pull_requests"][0]["author"]["name"], "Anna");
    let answer = json_of(&script.get(&format!("{KETTLE}/issues?q=DRIPS")).await);
    assert_eq!(answer["issues"][0]["reporter"], "Anna");
}

#[tokio::test]
async fn one_is_answered_with_its_discussion_as_it_was_typed() {
    let house = House::new().await;
    house.import(&recording()).await;
    let script = Script::new(&house, &["imports:read"]).await;
    let held = json_of(&script.get(KETTLE).await.is(200));
    assert_eq!(held["pull_requests"], json!({"MERGED": 1, "OPEN": 1}));
    assert_eq!(held["issues"], json!({"open": 1}));
    assert_eq!(held["issue_comments"], 1);
    let one = format!("{KETTLE}/pull-requests/1");
    let page = script.get(&one).await.is(200);
    let answer = json_of(&page);
    assert_eq!(answer["title"], "Boil <b>faster</b>");
    let description = answer["description"]["raw"].as_str().unwrap();
    assert!(description.starts_with("# Why"), "{description}");
    assert_eq!(answer["tasks"][0]["is_done"], true);
    let types = |answer: &Value| -> Vec<String> {
        let said = answer["discussion"].as_array().unwrap().iter();
        said.map(|one| match one["event"]["what"].as_str() {
            Some(what) => what.to_owned(),
            None => one["comment"]["id"].to_string(),
        })
        .collect()
    };
    let expected = ["opened", "10", "11", "approved", "12", "13"];
    assert_eq!(types(&answer), expected);
    let place = &answer["discussion"][1]["comment"]["place"];
    assert_eq!(
        (&place["last_line"], &place["is_outdated"]),
        (&json!(7), &json!(true))
    );
    let last = &answer["discussion"][5]["comment"]["text"];
    assert!(last["cut_from"].as_u64() > Some(400_000));
    let later = json_of(&script.get(&format!("{one}?after=12")).await.is(200));
    assert_eq!(types(&later), ["13"]);
    let issue = json_of(&script.get(&format!("{KETTLE}/issues/7")).await.is(200));
    assert_eq!(types(&issue), ["field", "70"]);
    assert_eq!(issue["labels"]["component"], "lid");
    for nothing in ["pull-requests/9", "issues/9", "pull-requests/x"] {
        script.get(&format!("{KETTLE}/{nothing}")).await.is(404);
    }
    script.get(&format!("{one}?before=1")).await.is(400);
}
