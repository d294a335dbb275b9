//! From one conductor to two: `ferric cluster` makes and hands over what they need, and each takes requests for both's
//! nodes.

use crate::program::{Ferric, ferric, program, until};
use crate::server::{Server, free_port};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

fn cluster(arguments: &[&str], state: &Path) -> Output {
    let mut command = ferric();
    let (verb, rest) = arguments.split_first().unwrap();
    command.args(["cluster", verb, "--state"]).arg(state);
    command.args(rest).output().unwrap()
}

fn done(output: &Output) -> String {
    let (said, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}{errors}");
    said
}

fn refused(output: &Output, part: &str) {
    let said = text(&output.stderr);
    assert!(!output.status.success(), "{}", text(&output.stdout));
    assert!(said.contains(part), "{said}");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The passphrase of an invitation that was made for `two`.
fn invite(state: &Path, url: &str, out: &Path) -> String {
    let out = out.to_str().unwrap();
    let said = done(&cluster(
        &["invite", "--host", "two", "--url", url, "--out", out],
        state,
    ));
    said.lines().last().unwrap().to_owned()
}

fn join(state: &Path, file: &Path, passphrase: &str, more: &[&str]) -> Output {
    let kept = file.with_extension("passphrase");
    std::fs::write(&kept, passphrase).unwrap();
    let (file, kept) = (file.to_str().unwrap(), kept.to_str().unwrap());
    let arguments = [&["join", file, "--passphrase-file", kept], more].concat();
    cluster(&arguments, state)
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

const ONE: &[&str] = &["init", "--host", "one", "--url", "https://127.0.0.1:6390"];
const TWO_URL: &str = "https://127.0.0.2:6390";

#[test]
fn certificates_are_made_handed_over_and_renewed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (one, two, file) = (at("one"), at("two"), at("invitation"));
    let said = done(&cluster(ONE, &one));
    for part in ["host = \"one\"", "[cluster]", "listen = \"127.0.0.1:6390\""] {
        assert!(said.contains(part), "{said}");
    }
    for secret in ["cluster/ca.key", "cluster/key.pem"] {
        assert_eq!(mode(&one.join(secret)), 0o600, "{secret}");
    }
    refused(&cluster(ONE, &one), "exists already");
    let asked = ["invite", "--host", "two", "--url", TWO_URL, "--out", "x"];
    refused(&cluster(&asked, &one), "start ferric once");
    std::fs::write(one.join("store.key"), "01".repeat(32)).unwrap();

    let passphrase = invite(&one, TWO_URL, &file);
    assert_eq!(mode(&file), 0o600);
    let again = ["invite", "--host", "two", "--url", TWO_URL, "--out"];
    let again = [&again[..], &[file.to_str().unwrap()]].concat();
    refused(&cluster(&again, &one), "making");
    refused(
        &join(&two, &file, "abcd-efgh", &[]),
        "passphrase is not the one",
    );
    done(&join(&two, &file, &passphrase, &[]));
    let key = std::fs::read_to_string(two.join("store.key")).unwrap();
    assert_eq!(key, "01".repeat(32));
    for secret in ["store.key", "cluster/key.pem"] {
        assert_eq!(mode(&two.join(secret)), 0o600, "{secret}");
    }
    assert!(!two.join("cluster/ca.key").exists());
    refused(&join(&two, &file, &passphrase, &[]), "exists already");
    done(&join(&two, &file, &passphrase, &["--replace"]));
    refused(
        &join(&one, &file, &passphrase, &["--replace"]),
        "conductor two",
    );
    std::fs::write(two.join("store.key"), "02".repeat(32)).unwrap();
    refused(
        &join(&two, &file, &passphrase, &["--replace"]),
        "another store",
    );

    verified(&one, &one, "one");
    verified(&one, &two, "two");
    let before = std::fs::read(one.join("cluster/certificate.pem")).unwrap();
    done(&cluster(&["renew"], &one));
    assert_ne!(
        before,
        std::fs::read(one.join("cluster/certificate.pem")).unwrap()
    );
    verified(&one, &one, "one");
    refused(&cluster(&["renew"], &two), "ferric cluster invite");
    done(&cluster(&["renew", "--authority"], &one));
    verified(&one, &one, "one");
    done(&cluster(&["renew"], &one));
    verified(&one, &one, "one");
}

/// OpenSSL believes it too: the chain, the name, and both uses.
fn verified(authority: &Path, state: &Path, name: &str) {
    for purpose in ["sslserver", "sslclient"] {
        let mut command = program("openssl");
        command.arg("verify").arg("-CAfile");
        command.arg(authority.join("cluster/ca.pem"));
        command.args(["-x509_strict", "-purpose", purpose]);
        command.args(["-verify_hostname", name]);
        let output = command.arg(state.join("cluster/certificate.pem")).output();
        let said = done(&output.unwrap());
        assert!(said.contains("OK"), "{said}");
    }
}

#[test]
fn each_of_two_conductors_takes_requests_for_the_nodes_of_both() {
    let server = Server::start(&[]);
    let store = server.url(&server.database());
    let start = |host: &str| {
        let port = free_port();
        let url = format!("https://127.0.0.1:{port}");
        let text =
            format!("store = '{store}'\nhost = '{host}'\n[cluster]\nlisten = '127.0.0.1:{port}'");
        (Ferric::new(&text), url)
    };
    let ((mut one, url), (mut two, url_of_two)) = (start("one"), start("two"));
    refused(&one.run_to_its_end(), "ferric cluster init");
    done(&cluster(
        &["init", "--host", "one", "--url", &url],
        &one.state(),
    ));
    one.start();
    one.enroll("a");
    let file = one.folder.path().join("invitation");
    let passphrase = invite(&one.state(), &url_of_two, &file);
    done(&join(&two.state(), &file, &passphrase, &[]));
    two.start();
    two.enroll("b");

    let verb = json!({"target": "manage"});
    let managed = |by: &Ferric, node: &str| {
        let path = format!("/v1/nodes/{node}/states/provision");
        let (status, _, body) = by.put(&path, &verb).unwrap();
        assert_eq!(status, 202, "{body}");
        until("manageable", || {
            let (_, _, body) = by.get(&format!("/v1/nodes/{node}")).unwrap();
            (body["provision_state"] == "manageable").then_some(())
        });
    };
    managed(&two, "a");
    managed(&one, "b");

    // Another certificate, and no restart.
    done(&cluster(&["renew"], &one.state()));
    let off = |by: &Ferric| {
        by.put("/v1/nodes/a/maintenance", &json!({"reason": "a fan"}))
            .unwrap()
    };
    assert_eq!(off(&two).0, 202);
    until("the new certificate to be taken", || {
        // Looked at with the calls of another conductor.
        assert_eq!(off(&two).0, 202);
        let log = one.log();
        log.contains("certificates of the cluster have changed")
            .then_some(())
    });

    one.crash();
    let (status, retry, body) = off(&two);
    assert_eq!(status, 503, "{body}");
    assert!(retry.is_some());
    assert!(body.to_string().contains("nothing was done"), "{body}");
    for log in [one.log(), two.log()] {
        assert!(!log.contains(passphrase.as_str()));
        assert!(!log.contains("PRIVATE KEY"));
    }
    two.stop();
}

/// The command line at this API: its exit code, and what it says.
fn asked(by: &Ferric, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = ferric();
    command.args(arguments).args(["--url", &by.url()]);
    let output = command.output().unwrap();
    let said = text(&output.stdout) + &text(&output.stderr);
    (output.status.code(), said)
}

#[test]
fn a_conductor_is_drained_from_the_command_line() {
    let server = Server::start(&[]);
    let store = server.url(&server.database());
    let new = |host: &str| Ferric::new(&format!("store = '{store}'\nhost = '{host}'"));
    let (mut one, mut two) = (new("one"), new("two"));
    one.start();
    one.enroll("a");
    one.enroll("b");
    std::fs::create_dir(two.state()).unwrap();
    let key = |of: &Ferric| of.state().join("store.key");
    std::fs::copy(key(&one), key(&two)).unwrap();
    two.start();

    let (code, said) = asked(&one, &["drain", "--wait"]);
    assert_eq!(code, Some(0), "{said}");
    for part in ["one leaves", "one has ended"] {
        assert!(said.contains(part), "{said}");
    }
    one.ended();
    let (_, _, state) = two.get("/ferric/v1/drain").unwrap();
    let expected = json!({"conductor": "two", "draining": false, "nodes": 2});
    assert_eq!(state, expected);
    let (code, said) = asked(&one, &["drain"]);
    assert_eq!(code, Some(75), "nobody is there: {said}");
    // What a second attempt would not change is no reason to try again.
    let (code, said) = asked(
        &two,
        &["node", "create", "--name", "a", "--driver", "fake-hardware"],
    );
    assert_eq!(code, Some(70), "{said}");
    assert!(said.contains("already exists"), "{said}");
    let (code, said) = asked(&two, &["drain"]);
    assert_eq!(code, Some(0), "{said}");
    two.ended();
}

#[test]
fn the_drivers_are_those_of_both_conductors_whichever_is_asked() {
    let server = Server::start(&[]);
    let store = server.url(&server.database());
    let new = |host: &str, driver: &str| {
        let enabled = format!("[drivers]\nenabled_hardware_types = ['{driver}']");
        Ferric::new(&format!("store = '{store}'\nhost = '{host}'\n{enabled}"))
    };
    let (mut one, mut two) = (new("one", "fake-hardware"), new("two", "redfish"));
    one.start();
    std::fs::create_dir(two.state()).unwrap();
    let key = |of: &Ferric| of.state().join("store.key");
    std::fs::copy(key(&one), key(&two)).unwrap();
    two.start();
    for asked in [&one, &two] {
        let (_, _, body) = asked.get("/v1/drivers").unwrap();
        let drivers = body["drivers"].as_array().unwrap().iter();
        let hosts: Vec<_> = drivers
            .map(|driver| json!([driver["name"], driver["hosts"]]))
            .collect();
        let expected = [
            json!(["fake-hardware", ["one"]]),
            json!(["redfish", ["two"]]),
        ];
        assert_eq!(hosts, expected);
        let (status, _, body) = asked.get("/v1/drivers/redfish/properties").unwrap();
        assert_eq!(status, 200, "{body}");
    }
    two.stop();
    one.stop();
}
