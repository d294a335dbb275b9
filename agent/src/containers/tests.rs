//! The rules, and what the program is started with.

use serde_json::json;

use super::testing::FakePodman;
use super::*;

fn wanted(value: Value) -> Wanted {
    serde_json::from_value(value).unwrap()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn rules() -> Rules {
    Rules {
        allowed: vec!["example.com/tool:1".to_owned()],
        pull_options: words("-q"),
        ..Rules::default()
    }
}

fn permitted(step: Value, origin: Origin, rules: &Rules) -> Result<Container, String> {
    Container::permitted(&wanted(step), origin, rules).map_err(|error| error.to_string())
}

#[test]
fn an_image_of_arguments_must_be_allowed_and_may_choose_nothing() {
    let step = json!({"container_url": "docker://example.com/tool:1", "run_options": "--privileged -v /:/host"});
    let container = permitted(step.clone(), Origin::Arguments, &rules()).unwrap();
    assert_eq!(container.run_options, words("--rm --network=host"));
    assert_eq!(container.pull_options, words("-q"));
    let other = json!({"container_url": "example.com/other", "run_options": "--rm"});
    let error = permitted(other.clone(), Origin::Arguments, &rules()).unwrap_err();
    assert!(
        error.starts_with("the container image example.com/other is not in "),
        "{error}"
    );
    let open = Rules {
        allow_arbitrary: true,
        ..rules()
    };
    let container = permitted(step, Origin::Arguments, &open).unwrap();
    assert_eq!(container.run_options, words("--privileged -v /:/host"));
    let container = permitted(other, Origin::Ramdisk, &rules()).unwrap();
    assert_eq!(
        container.run_options,
        words("--rm"),
        "the ramdisk's own is trusted"
    );
}

#[test]
fn what_is_no_name_of_an_image_is_refused() {
    let open = Rules {
        allow_arbitrary: true,
        ..rules()
    };
    for image in [
        json!(""),
        json!(7),
        json!(null),
        json!("--privileged"),
        json!("a b"),
        json!("a\nb"),
    ] {
        let error =
            permitted(json!({"container_url": image}), Origin::Arguments, &open).unwrap_err();
        assert!(error.contains("must be the name of an image"), "{error}");
    }
}

#[test]
fn a_container_is_pulled_and_run() {
    let podman = FakePodman::new("");
    let step = json!({"container_url": "docker://example.com/tool:1"});
    let container = permitted(step, Origin::Arguments, &rules()).unwrap();
    let permit = SystemPermit::of_a_namespace();
    container.run(&permit, &podman.program()).unwrap();
    let expected = [
        "--version",
        "pull -q docker://example.com/tool:1",
        "run --rm --network=host docker://example.com/tool:1",
    ];
    assert_eq!(podman.calls(), expected);
}

#[test]
fn a_container_that_fails_is_told_with_what_it_said() {
    let step = json!({"container_url": "example.com/tool:1"});
    let container = permitted(step, Origin::Arguments, &rules()).unwrap();
    let permit = SystemPermit::of_a_namespace();
    let run = |script: &str| {
        let podman = FakePodman::new(script);
        let error = container.run(&permit, &podman.program()).unwrap_err();
        (crate::commands::sentence(&error), podman.calls().len())
    };
    let (error, calls) = run("[ \"$1\" != run ] || { echo broken fan >&2; exit 3; }");
    assert!(
        error.starts_with("running the container image example.com/tool:1: "),
        "{error}"
    );
    assert!(error.contains("broken fan") && calls == 3, "{error}");
    let (error, calls) = run("[ \"$1\" != pull ] || exit 1");
    assert!(
        error.starts_with("pulling the container image") && calls == 2,
        "{error}"
    );
    let (error, calls) = run("exit 1");
    assert!(
        error.contains("cannot be used in this ramdisk") && calls == 1,
        "{error}"
    );
}

#[test]
fn options_of_a_container_that_fails_are_not_told() {
    let rules = Rules {
        run_options: words("--env=PASSWORD=secret"),
        ..rules()
    };
    let step = json!({"container_url": "example.com/tool:1"});
    let container = permitted(step, Origin::Arguments, &rules).unwrap();
    let podman = FakePodman::new("[ \"$1\" != run ] || exit 3");
    let permit = SystemPermit::of_a_namespace();
    let error = container.run(&permit, &podman.program()).unwrap_err();
    let text = crate::commands::sentence(&error);
    assert!(podman.calls()[2].contains("secret"), "{:?}", podman.calls());
    assert!(!text.contains("secret"), "{text}");
    let expected = "`podman run example.com/tool:1` ended with exit status: 3";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_container_ends_with_the_agent() {
    let step = json!({"container_url": "example.com/tool:1"});
    let container = permitted(step, Origin::Arguments, &rules()).unwrap();
    let podman = FakePodman::new("[ \"$1\" != run ] || sleep 60");
    let program = podman.program();
    let permit = SystemPermit::of_a_namespace();
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        let running = scope.spawn(|| container.run(&permit, &program));
        while podman.calls().len() < 3 {
            assert!(begun.elapsed() < Duration::from_secs(20));
            std::thread::yield_now();
        }
        program.stop.request();
        let error = running.join().unwrap().unwrap_err();
        let text = crate::commands::sentence(&error);
        assert!(text.ends_with("was ended because the agent ends"), "{text}");
    });
    assert!(begun.elapsed() < Duration::from_secs(30));
}
