//! What an answer means, and that there need not be one.

use super::{Server, lets, may_switch, of_text, policy};
use crate::api::access::policy::Answers;
use crate::config::auth::PolicyServers;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn one_word_lets_and_nothing_else() {
    let server = Server::start().await;
    for (path, expected) in [
        ("/yes", true),
        ("/quoted", true),
        ("/no", false),
        ("/lower", false),
        ("/line", false),
        ("/long", false),
        ("/broken", false),
        ("/elsewhere", false),
    ] {
        assert_eq!(lets(&server.at(path), "ours"), expected, "{path}");
        assert_eq!(server.paths(), [path], "no redirect is followed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_nothing_holds() {
    let server = Server::start().await;
    // Nobody listens at port 9 of this machine (RFC 863).
    let nobody = "http://127.0.0.1:9/";
    for down in [nobody, &server.at("/broken")] {
        for (check, expected) in [
            (down.to_owned(), false),
            (format!("not {down}"), false),
            (format!("not (not {down})"), false),
            (format!("{down} or role:member"), false),
            (format!("not {down} or @"), false),
            // Who is let before a server is asked needs none.
            (format!("role:member or {down}"), true),
            (format!("role:admin and {down}"), false),
            (format!("not (role:admin and {down})"), true),
        ] {
            assert_eq!(lets(&check, "ours"), expected, "{check}");
        }
    }
    server.paths();
    // Nobody else is asked once nothing can hold any more.
    assert!(!lets(&format!("{nobody} or {}", server.at("/yes")), "ours"));
    assert_eq!(server.paths(), [""; 0]);
    assert!(lets(&format!("not {}", server.at("/no")), "ours"));
}

/// A service is who the server says, and so its silence takes Ferric's own rules from others, too.
#[tokio::test(flavor = "multi_thread")]
async fn rules_that_refer_to_one_go_by_it() {
    let server = Server::start().await;
    for (path, owner, expected) in [
        ("/yes", "theirs", true),
        ("/no", "theirs", false),
        ("/broken", "theirs", false),
        ("/no", "ours", true),
        ("/broken", "ours", false),
    ] {
        let text = format!("'service_role': '{}'", server.at(path));
        let policy = of_text(&text).asking(&PolicyServers::default()).unwrap();
        let is_let = may_switch(&policy, owner, &Answers::default());
        assert_eq!(is_let, expected, "{path}, {owner}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_asked_once_for_a_request() {
    let server = Server::start().await;
    let check = server.at("/yes/%(node.owner)s");
    let policy = policy(&check, &PolicyServers::default());
    let answers = Answers::default();
    for _ in 0..3 {
        assert!(may_switch(&policy, "a", &answers));
        assert!(may_switch(&policy, "b", &answers));
    }
    assert_eq!(server.paths(), ["/yes/a", "/yes/b"]);
    // Where nobody may wait, what is known holds, and nothing else.
    let closed = answers.closed();
    assert!(may_switch(&policy, "a", &closed) && !may_switch(&policy, "c", &closed));
    assert_eq!(server.paths(), [""; 0]);
    assert!(may_switch(&policy, "c", &answers) && may_switch(&policy, "c", &closed));
    assert_eq!(server.paths(), ["/yes/c"]);
    // Another request asks again.
    assert!(may_switch(&policy, "a", &Answers::default()));
    assert_eq!(server.paths(), ["/yes/a"]);
}

/// The time is for all questions of a request together: fifty silent ones would take fifty seconds else.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_does_not_wait_for_longer_than_it_may() {
    let server = Server::start().await;
    let check = server.at("/silent?owner=%(node.owner)s");
    let settings = PolicyServers {
        timeout: Duration::from_secs(1),
        ..PolicyServers::default()
    };
    let policy = policy(&check, &settings);
    let (answers, began) = (Answers::default(), Instant::now());
    for number in 0..50 {
        assert!(!may_switch(&policy, &number.to_string(), &answers));
    }
    assert!(began.elapsed() < Duration::from_secs(30));
    assert_eq!(server.paths(), ["/silent?owner=0"]);
}

#[tokio::test]
async fn nobody_is_asked_where_no_other_thread_goes_on() {
    let server = Server::start().await;
    assert!(!lets(&server.at("/yes"), "ours"));
    assert_eq!(server.paths(), [""; 0]);
}
