//! The stream of events of several conductors: the same one, whichever is asked.

use crate::program::Ferric;
use crate::server::Server;
use serde_json::json;

#[test]
fn a_stream_tells_what_another_conductor_does_and_goes_on_at_any_of_them() {
    let server = Server::start(&[]);
    let store = server.url(&server.database());
    let new = |host: &str, driver: &str| {
        let enabled = format!("[drivers]\nenabled_hardware_types = ['{driver}']");
        Ferric::new(&format!("store = '{store}'\nhost = '{host}'\n{enabled}"))
    };
    // The second one can never have the node.
    let (mut one, mut two) = (new("one", "fake-hardware"), new("two", "redfish"));
    one.start();
    std::fs::create_dir(two.state()).unwrap();
    let key = |of: &Ferric| of.state().join("store.key");
    std::fs::copy(key(&one), key(&two)).unwrap();
    two.start();

    let (mut elsewhere, mut here) = (two.follow(None), one.follow(None));
    one.enroll("a");
    let manage = json!({"target": "manage"});
    let (status, _, body) = one.put("/v1/nodes/a/states/provision", &manage).unwrap();
    assert_eq!(status, 202, "{body}");
    let told = elsewhere.until(|event| event["to"] == "manageable");
    assert_eq!(told[0].1["event"], "enrolled");
    assert!(told.len() > 3, "{told:?}");
    assert!(told.iter().all(|(_, event)| event["conductor"] == "one"));
    assert!(told.is_sorted_by_key(|(id, _)| *id), "{told:?}");
    assert_eq!(here.until(|event| event["to"] == "manageable"), told);

    // A client that was cut off behind the first one goes on wherever it comes to.
    let (last, rest) = (Some(told[0].0), &told[1..]);
    for resumed in [&one, &two] {
        let told = resumed
            .follow(last)
            .until(|event| event["to"] == "manageable");
        assert_eq!(told, rest);
    }
    // Nothing holds up the end of a conductor that is followed.
    drop(elsewhere);
    two.stop();
    one.stop();
}
