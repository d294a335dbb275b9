//! A program in the place of podman, which writes down what it was started with.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::RunnerProgram;
use crate::image::Stop;

pub(super) struct FakePodman(tempfile::TempDir);

impl FakePodman {
    /// `script` is run after the arguments were written down, one line a call.
    pub(super) fn new(script: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let calls = directory.path().join("calls");
        let text = format!("#!/bin/sh\necho \"$@\" >> {}\n{script}\n", calls.display());
        let program = directory.path().join("podman");
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self(directory)
    }

    pub(super) fn program(&self) -> RunnerProgram {
        let path = self.0.path().join("podman");
        RunnerProgram {
            name: "podman",
            program: path.to_str().unwrap().to_owned(),
            stop: Stop::default(),
        }
    }

    /// What it was started with, each time.
    pub(super) fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.0.path().join("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}
