//! Downloads: a redirect to another host, which wants no credential.

use reqwest::header::{AUTHORIZATION, LOCATION, REFERER};

use crate::support::{Double, R, small};

async fn location(double: &Double, file: &str) -> String {
    let response = double.send(&format!("{R}/downloads/{file}")).await;
    assert_eq!(response.status(), 302);
    response.headers()[LOCATION].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_file_lies_on_another_host_and_is_as_long_as_its_list_says() {
    let double = small().await;
    for file in double.all(&format!("{R}/downloads")).await {
        let link = file["links"]["self"]["href"].as_str().unwrap();
        let name = link.rsplit_once('/').unwrap().1;
        let address = location(&double, name).await;
        assert!(address.starts_with(&double.simulator.storage_url()));
        assert_ne!(double.simulator.storage_url(), double.simulator.web_url());
        let bytes = double.client.get(&address).send().await.unwrap();
        let bytes = bytes.bytes().await.unwrap();
        assert_eq!(bytes.len() as u64, file["size"].as_u64().unwrap());
        let again = double.client.get(&address).send().await.unwrap();
        assert_eq!(again.bytes().await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn the_store_takes_signed_addresses_and_nothing_else() {
    let double = small().await;
    let address = location(&double, "lighthouse-1.0.tar.gz").await;
    for (name, value) in [
        (AUTHORIZATION, "Bearer simulator-full-access"),
        (REFERER, "https://bitbucket.org/"),
    ] {
        let request = double.client.get(&address).header(name, value);
        assert_eq!(request.send().await.unwrap().status(), 400);
    }
    let unsigned = address.split_once('?').unwrap().0;
    for address in [
        unsigned.to_owned(),
        format!("{unsigned}?X-Amz-Signature=0"),
        address.replace("lighthouse-1.0", "lighthouse-2.0"),
    ] {
        let response = double.client.get(&address).send().await.unwrap();
        assert_eq!(response.status(), 403, "{address}");
    }
    // And the other host knows nothing of files.
    let here = address.replace(&double.simulator.storage_url(), &double.simulator.web_url());
    let response = double.client.get(here).send().await.unwrap();
    assert_eq!(response.status(), 404);
}

#[tokio::test]
async fn pasted_images_refuse_tokens_and_show_themselves_in_public_alone() {
    let double = small().await;
    let root = double.simulator.web_url();
    let get = |path: &str| double.client.get(format!("{root}/repo/{path}"));
    let public = get("a1b2c3/images/1-screen%20shot.png")
        .send()
        .await
        .unwrap();
    assert_eq!(public.status(), 200);
    let bytes = public.bytes().await.unwrap();
    assert!(bytes.starts_with(b"\x89PNG"), "{bytes:?}");
    for path in ["a1b2c3/images/1-screen%20shot.png", "oAndzz/images/1-a.png"] {
        let request = get(path).bearer_auth("simulator-full-access");
        let refused = request.send().await.unwrap();
        assert_eq!(refused.status(), 403, "{path}");
        let message = refused.text().await.unwrap();
        assert!(message.contains("token-based authentication"), "{message}");
    }
    assert_eq!(
        get("oAndzz/images/1-a.png").send().await.unwrap().status(),
        403
    );
    assert_eq!(get("oAndzz/1-a.png").send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_not_found() {
    let double = small().await;
    for path in ["downloads/nothing", "downloads/..-not-a-path/more"] {
        assert_eq!(double.status(&format!("{R}/{path}")).await, 404, "{path}");
    }
    assert_eq!(
        double.status(&format!("{R}/issues/1/attachments/a")).await,
        410
    );
}
