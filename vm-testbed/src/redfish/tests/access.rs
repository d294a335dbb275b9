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
    for path in ["/redfish", paths::ROOT, paths::METADATA, paths::ODATA] {
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
    client.bmc.sessions.lock().open("admin");
    let reset = format!("{}/Actions/Manager.Reset", paths::MANAGER);
    for (body, expected) in [
        (json!({"ResetType": "Cut"}), 400),
        (json!({"ResetType": 1}), 400),
        (json!({"ResetType": "ForceRestart"}), 204),
    ] {
        assert_eq!(
            client.status(Method::POST, &reset, body.clone()).await,
            expected,
            "{body}"
        );
    }
    assert_eq!(client.bmc.sessions.lock().ids().len(), 0);
    let (_, token) = client.bmc.sessions.lock().open("admin");
    let without_type = client.post_text(&reset, "").await;
    assert_eq!(without_type.status(), StatusCode::NO_CONTENT);
    let response = client
        .send(Method::GET, SYSTEM, &[("x-auth-token", &token)], None)
        .await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_login_goes_to_the_collection_or_its_members_and_needs_all_of_it() {
    let client = Client::new().await;
    let members = format!("{}/Members", paths::SESSIONS);
    let login = r#"{"UserName": "admin", "Password": "password"}"#;
    for path in [paths::SESSIONS, &members] {
        let request = Request::post(path).body(Body::from(login)).unwrap();
        let opened = client.bmc.router().oneshot(request).await.unwrap();
        assert_eq!(opened.status(), StatusCode::CREATED, "{path}");
    }
    for (body, expected) in [
        ("{", "MalformedJSON"),
        ("", "MalformedJSON"),
        (r#"{"UserName": "admin"}"#, "PropertyMissing"),
        (
            r#"{"UserName": "admin", "Password": 1}"#,
            "PropertyValueTypeError",
        ),
    ] {
        let refused = client.post_text(paths::SESSIONS, body).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(message_id(refused).await, expected, "{body}");
    }
}

#[tokio::test]
async fn the_timeout_of_sessions_can_be_set_within_bounds() {
    let client = Client::new().await;
    for (patch, expected, timeout) in [
        (json!({"SessionTimeout": 30}), 204, 30),
        (json!({"SessionTimeout": 86_400}), 204, 86_400),
        (json!({"SessionTimeout": 29}), 400, 86_400),
        (json!({"SessionTimeout": 86_401}), 400, 86_400),
        (json!({"SessionTimeout": "60"}), 400, 86_400),
        (json!({"SessionTimeout": 60, "Name": "x"}), 400, 86_400),
    ] {
        assert_eq!(
            client
                .status(Method::PATCH, paths::SESSION_SERVICE, patch.clone())
                .await,
            expected,
            "{patch}"
        );
        let service = client.get(paths::SESSION_SERVICE).await;
        assert_eq!(service["SessionTimeout"], json!(timeout), "{patch}");
    }
}
