//! The shell functions of the image build that remove files, name cache entries and refuse what cannot work.

use super::{Tree, chmod};
use std::collections::BTreeMap;

const GROUND: &str = "set -Eeuo pipefail; . image-build/lib/common.sh;";
const AGENT_LIMIT: u32 = 8 << 20;
const AGENT_UNIT: &str =
    "image-build/elements/ferric-ramdisk/static/usr/lib/systemd/system/ferric-agent.service";

fn tree() -> Tree {
    Tree::with(&["image-build"])
}

#[test]
fn the_cache_keeps_three_of_a_kind_and_touches_nothing_else() {
    let tree = tree();
    // Cut at its space, the path of an entry would lead here.
    let cut = tree.folder.path().join("a");
    std::fs::create_dir(&cut).unwrap();
    let said = tree.bash(&format!(
        "{GROUND} mkdir -p \"$IMAGES\"/{{os-1,os-2,os-3,ramdisk-1,new}}; touch \"$IMAGES/new/os.qcow2\"
         for n in 1 2 3; do touch --date=\"2020-01-0$n\" \"$IMAGES/os-$n\"; done
         publish \"$IMAGES/new\" os-4; ls \"$IMAGES\""
    ));
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.out, "os-2\nos-3\nos-4\nramdisk-1\n", "{said:?}");
    assert!(cut.exists());
}

/// The digests that name the two cached parts.
fn digests(tree: &Tree) -> (String, String) {
    let said = tree.bash(&format!(
        "{GROUND} . image-build/lib/ramdisk.sh; . image-build/lib/os.sh
         name_ramdisk_base; name_os_image; echo $RAMDISK_DIGEST $OS_DIGEST"
    ));
    assert_eq!(said.code, Some(0), "{said:?}");
    let (ramdisk, os) = said.out.trim().split_once(' ').unwrap();
    (ramdisk.to_owned(), os.to_owned())
}

#[test]
fn a_cached_image_is_named_by_all_that_makes_it() {
    let tree = tree();
    let mut last = digests(&tree);
    assert_eq!(digests(&tree), last);
    let parts = BTreeMap::from([
        ("lib/dib.sh", (true, true)),
        ("lib/apt/proxy.py", (true, true)),
        ("lib/bin/sudo", (true, true)),
        ("requirements.txt", (true, true)),
        ("elements/ferric-apt/root.d/20-ferric-apt", (true, true)),
        ("lib/ramdisk.sh", (true, false)),
        ("lib/pack-initramfs", (true, false)),
        ("elements/ferric-ramdisk/modules.list", (true, false)),
        ("lib/os.sh", (false, true)),
        ("lib/os_disk.py", (false, true)),
        ("README.md", (false, false)),
    ]);
    for (name, expected) in parts {
        let path = tree.path("image-build").join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text + "\n").unwrap();
        let now = digests(&tree);
        assert_eq!((now.0 != last.0, now.1 != last.1), expected, "{name}");
        last = now;
    }
    // An element's hook that is no program any more is not run.
    chmod(
        &tree.path("image-build/elements/ferric-apt/root.d/20-ferric-apt"),
        0o644,
    );
    let now = digests(&tree);
    assert!(now.0 != last.0 && now.1 != last.1);
}

#[test]
fn an_agent_that_was_built_small_is_held_to_its_limit() {
    let tree = tree();
    let problem = |profile: &str, bytes: u32| {
        let said = tree.bash(&format!(
            "{GROUND} . image-build/lib/agent_size.sh
             truncate --size={bytes} 'an agent'; agent_size_problem 'an agent' {profile}"
        ));
        assert_eq!(said.code, Some(0), "{said:?}");
        said.out
    };
    assert_eq!(problem("ramdisk", AGENT_LIMIT), "");
    let words = "the small agent has 8388609 bytes, 1 more than 8 MiB";
    let found = problem("ramdisk", AGENT_LIMIT + 1);
    assert!(found.starts_with(words), "{found}");
    assert_eq!(found.lines().count(), 1, "{found}");
    for profile in ["release", "none", "null"] {
        assert_eq!(problem(profile, AGENT_LIMIT + 1), "", "{profile}");
    }
}

/// What the build tells cargo, by a cargo that writes it down and leaves an agent.
#[test]
fn a_small_agent_is_built_alone_and_linked_small() {
    let tree = tree();
    tree.program(
        "bin/cargo",
        "echo \"$*\" >said; mkdir -p target/{ramdisk,release}; touch target/{ramdisk,release}/ferric-agent",
    );
    let told = |profile: &str| {
        let said = tree.bash(&format!(
            "{GROUND} unset FERRIC_AGENT_BINARY FERRIC_AGENT_PROFILE
             PATH=$PWD/bin:$PATH CONTAINED=(env); mkdir -p \"$PRODUCTS\"
             . image-build/lib/ramdisk.sh; {profile} provide_agent; cat said; echo $AGENT_PROFILE"
        ));
        assert_eq!(said.code, Some(0), "{said:?}");
        said.out
    };
    let small = told("FERRIC_AGENT_PROFILE=ramdisk");
    assert!(small.starts_with("rustc --profile ramdisk "), "{small}");
    let end = "--package=ferric-agent -- -C link-arg=-Wl,--icf=all -C link-arg=-Wl,-z,pack-relative-relocs\nramdisk\n";
    assert!(small.ends_with(end), "{small}");
    let usual = told("");
    assert!(usual.starts_with("build --profile release "), "{usual}");
    assert!(usual.ends_with(" --workspace\nrelease\n"), "{usual}");
}

/// What a conductor asks meanwhile fails; an agent that ends by itself would fill the console.
#[test]
fn an_agent_that_dies_is_started_again_at_once_and_for_ever() {
    let tree = tree();
    let text = std::fs::read_to_string(tree.path(AGENT_UNIT)).unwrap();
    let (unit, service) = text.split_once("[Service]").unwrap();
    let has = |section: &str, line: &str| section.lines().any(|found| found == line);
    assert!(has(unit, "StartLimitIntervalSec=0"), "{text}");
    assert!(has(service, "Restart=always"), "{text}");
    assert!(has(service, "RestartSec=100ms"), "{text}");
    assert!(!service.contains("RestartPreventExitStatus"), "{text}");
    let mut lines = service.lines();
    let post = lines.find_map(|line| line.strip_prefix("ExecStopPost="));
    // As systemd hands it on.
    let post = post.unwrap().replace("$$", "$");
    tree.program("bin/sleep", "echo \"$*\"");
    for (result, pause_s) in [
        ("exit-code", "2\n"),
        ("signal", ""),
        ("core-dump", ""),
        ("oom-kill", ""),
        ("success", ""),
    ] {
        let said = tree.bash(&format!(
            "export PATH=$PWD/bin:$PATH SERVICE_RESULT={result}; {post}"
        ));
        assert_eq!(
            (said.code, said.out.as_str()),
            (Some(0), pause_s),
            "{result}: {said:?}"
        );
    }
}

#[test]
fn a_cache_path_that_cannot_work_is_refused_in_one_line() {
    let said = tree().bash(&format!("{GROUND} CLAIMED=yes; open_workshop"));
    assert_eq!(said.code, Some(1));
    assert!(
        said.err
            .contains("a path without space and colon: set XDG_CACHE_HOME"),
        "{said:?}"
    );
    assert_eq!(said.err.lines().count(), 1, "{said:?}");
}
