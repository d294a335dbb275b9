//! The scripts that users call, and what they and the machine tests stand on: each with made-up parts in a folder of its
//! own. No machine is started here, and nothing is built.

mod demo;
mod fuzz;
mod harness;
mod image_build;
mod rolling;
mod runner;
mod setup;

use ferric_tests::images::top;
use ferric_tests::process::command;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;

/// A checkout with some of our files and some made up.
struct Tree {
    folder: TempDir,
}

impl Tree {
    /// With these files and folders of ours.
    fn with(ours: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Whoever it is run as has to get in.
        chmod(folder.path(), 0o755);
        let tree = Self { folder };
        std::fs::create_dir(tree.path("")).unwrap();
        for name in ours {
            let to = tree.path(name);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            let copied = command("cp")
                .arg("-R")
                .arg(top().join(name))
                .arg(&to)
                .status();
            assert!(copied.unwrap().success(), "copying {name}");
        }
        tree
    }

    fn path(&self, name: &str) -> PathBuf {
        // No script may take a path for two words.
        self.folder.path().join("a tree").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }

    fn program(&self, name: &str, text: &str) {
        self.write(name, &format!("#!/usr/bin/env bash\n{text}\n"));
        chmod(&self.path(name), 0o755);
    }

    /// A bash script in this folder, with a cache of its own.
    fn bash(&self, script: &str) -> Said {
        let mut bash = command("bash");
        bash.args(["-c", script]).current_dir(self.path(""));
        bash.env("XDG_CACHE_HOME", self.path("cache"));
        Said::of(bash.output().unwrap())
    }
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// How a program ended and what it said.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
