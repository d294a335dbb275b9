//! What holds for every resource: headers, entity tags, queries.

use super::*;

#[tokio::test]
async fn every_answer_is_marked_and_another_version_of_odata_is_refused() {
    let client = Client::new().await;
    for (path, version, expected) in [
        (paths::ROOT, "4.0", 200),
        (paths::ROOT, "4.1", 412),
        (SYSTEM, "4.0", 401),
        (SYSTEM, "4.1", 412),
        ("/redfish/v1/none", "4.0", 401),
    ] {
        let response = client
            .send(Method::GET, path, &[("odata-version", version)], None)
            .await;
        assert_eq!(response.status().as_u16(), expected, "{path} {version}");
        let headers = response.headers();
        assert_eq!(headers["odata-version"], "4.0", "{path} {version}");
        assert_eq!(
            headers[header::CACHE_CONTROL],
            "no-cache",
            "{path} {version}"
        );
    }
}

#[tokio::test]
async fn a_resource_says_what_it_allows_and_where_its_schema_is() {
    let client = Client::new().await;
    for (path, allow) in [
        (paths::ROOT, "GET, HEAD"),
        (SYSTEM, "GET, HEAD, PATCH"),
        (paths::SESSIONS, "GET, HEAD, POST"),
        (paths::SESSION_SERVICE, "GET, HEAD, PATCH"),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let response = client
                .send(method, path, &[("authorization", BASIC)], None)
                .await;
            let header = |name| response.headers()[name].to_str().unwrap();
            assert_eq!(header(header::ALLOW), allow, "{path}");
            assert!(
                header(header::LINK).ends_with("; rel=describedby"),
                "{path}"
            );
            assert!(response.headers().contains_key(header::ETAG), "{path}");
        }
    }
    let response = client
        .send(
            Method::DELETE,
            paths::ROOT,
            &[("authorization", BASIC)],
            None,
        )
        .await;
    assert_eq!(response.headers()[header::ALLOW], "GET,HEAD");
}

#[tokio::test]
async fn a_version_that_the_client_has_is_not_sent_again() {
    let client = Client::new().await;
    let body = client.get(paths::CHASSIS).await;
    let tag = body["@odata.etag"].as_str().unwrap();
    for (condition, expected) in [(tag, 304), ("*", 304), ("\"another\"", 200)] {
        let headers = [("authorization", BASIC), ("if-none-match", condition)];
        let response = client
            .send(Method::GET, paths::CHASSIS, &headers, None)
            .await;
        assert_eq!(response.status().as_u16(), expected, "{condition}");
        assert_eq!(response.headers()[header::ETAG], tag, "{condition}");
    }
}

#[tokio::test]
async fn queries_of_odata_are_refused_and_others_ignored() {
    let client = Client::new().await;
    for (query, expected) in [("$top=1", 501), ("%24expand=.", 501), ("a=$b", 200)] {
        let path = format!("{}?{query}", paths::SYSTEMS);
        let response = client
            .send(Method::GET, &path, &[("authorization", BASIC)], None)
            .await;
        assert_eq!(response.status().as_u16(), expected, "{query}");
    }
}
