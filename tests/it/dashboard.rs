//! The way of a person through the dashboard, from nothing to an archive that is proven: a
//! real browser, the service as a process, and Bitbucket's double behind it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bucketload_simulator::{Control, Effect, Fault, LoggedRequest};

use crate::serving::Serving;
use crate::support::{Consumer, Double, bare_command, run, small};
use crate::webdriver::Chromium;

const NAME: &str = "seaside/lighthouse";

/// One service after the other at the same address.
struct Houses<'a> {
    double: &'a Double,
    consumer: Consumer,
    data_dir: &'a Path,
}

impl Houses<'_> {
    /// The service as whoever tries it first starts it: nothing is set up.
    fn bare(&self) -> Serving {
        self.serve(bare_command(self.data_dir))
    }

    /// The service that knows its consumer, and has no credential of its own.
    fn with_consumer(&self) -> Serving {
        let mut command = self.double.command_with(&self.consumer, self.data_dir);
        command.env("BUCKETLOAD_REST_QUOTA", "1000");
        self.serve(command)
    }

    fn serve(&self, mut command: Command) -> Serving {
        let listen = self.consumer.public_url.trim_start_matches("http://");
        command
            .env("BUCKETLOAD_BITBUCKET_API_URL", self.double.api_url())
            .env("BUCKETLOAD_BITBUCKET_WEB_URL", self.double.web_url())
            .env("BUCKETLOAD_PUBLIC_URL", &self.consumer.public_url)
            .args(["serve", "--listen", listen, "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Serving::spawned(command)
    }
}

#[test]
fn from_the_first_run_to_a_proven_archive() {
    let double = Double::seeded(small());
    let folder = tempfile::tempdir().unwrap();
    let houses = Houses {
        double: &double,
        consumer: double.consumer(),
        data_dir: folder.path(),
    };
    double.runtime.block_on(async {
        let Some(browser) = Chromium::start().await else {
            return;
        };
        set_up(&houses, &browser).await;
        let house = houses.with_consumer();
        sign_in_with_bitbucket(&houses, &browser).await;
        let control = double.control();
        // One list cannot be read, and one answer never comes: the import is in its middle.
        let members = Fault::on_path("/members", forbidden());
        control.add_fault(members);
        control.add_fault(Fault::on_path("/activity", Effect::Hang).times(1));
        start_import(&houses, &browser).await;
        let import = watch_it_move(&houses, &browser).await;
        let house = die_and_come_back(&houses, &browser, house, &control, &import).await;
        look_at_gaps_and_retry(&houses, &browser, &control).await;
        prove(&houses, &browser).await;
        house.stop();
        assert_who_asked(&control.requests());
    });
}

fn forbidden() -> Effect {
    Effect::Answer {
        status: 403,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: r#"{"type": "error", "error": {"message": "Not allowed"}}"#.to_owned(),
    }
}

/// The first administrator, and what the administration says about the consumer.
async fn set_up(houses: &Houses<'_>, browser: &Chromium) {
    let mut house = houses.bare();
    let home = &houses.consumer.public_url;
    let code = house.code();
    browser.go(home).await;
    browser.write("[name=code]", &code).await;
    browser.write("[name=display_name]", "Ada").await;
    browser.click("form button").await;
    browser.wait_for(".blank").await;
    browser.go(&format!("{home}/administration/sign-in")).await;
    let said = browser.text("main").await;
    let callback = format!("{home}/auth/bitbucket/callback");
    assert!(said.contains(&callback), "{said}");
    house.stop();
}

/// The session lives on in the service that begins anew with its consumer. An account is
/// connected, and from then on Bitbucket says who it is.
async fn sign_in_with_bitbucket(houses: &Houses<'_>, browser: &Chromium) {
    let home = &houses.consumer.public_url;
    browser.go(&format!("{home}/account")).await;
    browser
        .click("form[action='account/identities'] button")
        .await;
    browser.wait_for("#identities .rows li").await;
    browser.click(".leave button").await;
    browser
        .click("form[action='sign-in/bitbucket'] button")
        .await;
    browser.wait_for("main[data-events]").await;
    assert_eq!(browser.property(".who", "title").await, "Ada");
}

/// Connects Bitbucket for imports, picks, and looks at what it takes before it begins.
async fn start_import(houses: &Houses<'_>, browser: &Chromium) {
    let home = &houses.consumer.public_url;
    browser.go(&format!("{home}/imports/new")).await;
    browser
        .click("form[action='account/connections'] button")
        .await;
    browser.wait_for("#connections .rows li").await;
    browser.go(&format!("{home}/imports/new")).await;
    browser
        .click("input[name=repository][value=lighthouse]")
        .await;
    browser.click(".bulk button").await;
    let said = browser.text("#estimate").await;
    assert!(said.contains("requests"), "{said}");
    browser
        .click("form[action='imports/new/start'] button.primary")
        .await;
    browser.wait_for("tr[data-import]").await;
    let row = browser.text("tr[data-import]").await;
    assert!(row.contains(NAME), "{row}");
}

/// The row goes on by itself to a running import with something done. Returns its id.
async fn watch_it_move(houses: &Houses<'_>, browser: &Chromium) -> String {
    browser.run("window.same = true").await;
    browser
        .wait_for("tr[data-import][data-state=running]")
        .await;
    browser
        .wait_for("tr[data-import] progress:not([value='0'])")
        .await;
    assert_eq!(browser.run("return window.same").await, true);
    let import = browser
        .run("return document.querySelector('tr[data-import]').dataset.import")
        .await;
    let import = import.as_str().unwrap().to_owned();
    let home = &houses.consumer.public_url;
    browser.go(&format!("{home}/imports/{import}")).await;
    browser.wait_for("#stages .stage.running").await;
    import
}

/// The plug is pulled in the middle; the page says that it is alone, and goes on by itself
/// when the service is back.
async fn die_and_come_back(
    houses: &Houses<'_>,
    browser: &Chromium,
    house: Serving,
    control: &Control,
    import: &str,
) -> Serving {
    browser.run("window.same = true").await;
    house.kill();
    browser.wait_for("[data-offline]:not([hidden])").await;
    let before = control.requests().len();
    let house = houses.with_consumer();
    let row = format!("#import-{import}");
    browser
        .wait_for_at_most(
            &format!("{row}[data-state=complete_with_gaps]"),
            Duration::from_mins(2),
        )
        .await;
    browser.wait_for("[data-offline][hidden]").await;
    assert_eq!(browser.run("return window.same").await, true);
    assert!(control.requests().len() > before, "it went on");
    house
}

/// The gap is named with what to do; when Bitbucket allows it, the missing part is brought.
async fn look_at_gaps_and_retry(houses: &Houses<'_>, browser: &Chromium, control: &Control) {
    browser.wait_for("#gaps .gap-group").await;
    let said = browser.text("#gaps").await;
    assert!(said.contains("members"), "{said}");
    control.clear_faults();
    let before = control.requests().len();
    browser.click("#asks [value=retry]").await;
    browser
        .wait_for_at_most("[data-state=complete]", Duration::from_mins(1))
        .await;
    let asked = control.requests().split_off(before);
    assert!(asked.iter().any(|one| one.target.contains("/members")));
    assert!(!asked.iter().any(|one| one.target.contains("/activity")));
    let home = &houses.consumer.public_url;
    browser.go(&format!("{home}/repositories/{NAME}")).await;
    browser.wait_for("#holdings .amounts").await;
    let said = browser.text("main").await;
    assert!(said.contains("never proven"), "{said}");
}

/// `verify` finds everything right, and the page says since when.
async fn prove(houses: &Houses<'_>, browser: &Chromium) {
    let mut verify = bare_command(houses.data_dir);
    let ran = tokio::task::spawn_blocking(move || run(verify.args(["verify", NAME])));
    ran.await.unwrap().expect(0);
    let home = &houses.consumer.public_url;
    browser.go(&format!("{home}/repositories/{NAME}")).await;
    let said = browser.text("main").await;
    assert!(said.contains("last proven"), "{said}");
}

/// All that Bitbucket was asked for was asked for in the name of the person. The log has no name
/// for those that the double did not really answer.
fn assert_who_asked(requests: &[LoggedRequest]) {
    let rest = requests
        .iter()
        .filter(|request| request.target.starts_with("/2.0/"));
    let mut count = 0;
    for request in rest {
        if let Some(credential) = &request.credential {
            assert_eq!(credential, "oauth2", "{}", request.target);
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}
