//! Who is let in, and for how long.

use super::*;

#[tokio::test]
async fn strangers_are_refused_with_a_challenge() {
    let client = Client::new().await;
    for headers in [
        &[][..],
        &[("authorization", "Basic YWRtaW46d3Jvbmc=")],
        &[("x-auth-token", "made-up")],
    ] {
        let response = client.send(Method::GET, SYSTEM, headers, None).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{headers:?}");
        assert!(response.headers().contains_key(header::WWW_AUTHENTICATE));
        let body = body_of(response).await;
        assert_eq!(
            body["error"]["@Message.ExtendedInfo"][0]["MessageId"],
            "Base.1.18.NoValidSession"
        );
    }
    for path in ["/redfish", paths::ROOT] {
        assert_eq!(
            client.send(Method::GET, path, &[], None).await.status(),
            StatusCode::OK,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_session_lives_from_post_to_delete() {
    let client = Client::new().await;
    let wrong = json!({"UserName": "admin", "Password": "wrong"});
    let refused = client
        .send(Method::POST, paths::SESSIONS, &[], Some(wrong))
        .await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let login = json!({"UserName": "admin", "Password": "password"});
    let opened = client
        .send(Method::POST, paths::SESSIONS, &[], Some(login))
        .await;
    assert_eq!(opened.status(), StatusCode::CREATED);
    let header = |name: &str| opened.headers()[name].to_str().unwrap().to_owned();
    let (token, location) = (header("x-auth-token"), header("location"));
    let with_token = [("x-auth-token", token.as_str())];
    for (method, path, expected) in [
        (Method::GET, SYSTEM, 200),
        (Method::GET, location.as_str(), 200),
        (Method::DELETE, location.as_str(), 204),
        (Method::GET, SYSTEM, 401),
    ] {
        let response = client.send(method.clone(), path, &with_token, None).await;
        assert_eq!(response.status().as_u16(), expected, "{method} {path}");
    }
}

#[tokio::test]
async fn a_restart_of_the_bmc_ends_sessions() {
    let client = Client::new().await;
    let (_, token) = client.bmc.sessions.lock().open("admin");
    let reset = format!("{}/Actions/Manager.Reset", paths::MANAGER);
    assert_eq!(client.status(Method::POST, &reset, json!({})).await, 204);
    let response = client
        .send(Method::GET, SYSTEM, &[("x-auth-token", &token)], None)
        .await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}
