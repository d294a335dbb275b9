//! Steps that the builder of the ramdisk has written down, in YAML: `steps`, a list.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::{ContainerError, GENERIC_STEPS, Wanted};

/// Whatever is larger is no list of steps.
const MAX_BYTES: u64 = 1 << 20;

/// A step that is a container.
#[derive(Clone, Debug, Deserialize)]
pub struct ContainerStep {
    pub name: String,
    pub image: String,
    pub interface: String,
    pub priority: i64,
    pub reboot_requested: bool,
    pub abortable: bool,
    #[serde(default)]
    pub pull_options: Value,
    #[serde(default)]
    pub run_options: Value,
}

#[derive(Default, Deserialize)]
struct StepsFile {
    #[serde(default)]
    steps: Option<Vec<ContainerStep>>,
}

impl ContainerStep {
    /// Its container.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        Wanted {
            container_url: Value::String(self.image.clone()),
            pull_options: self.pull_options.clone(),
            run_options: self.run_options.clone(),
        }
    }
}

/// Reads the steps; without a file there are none. A name that the agent has a step for cannot be taken.
///
/// # Errors
/// When the file is there and cannot be used.
pub fn read(path: &Path, taken: &[&str]) -> Result<Vec<ContainerStep>, ContainerError> {
    let text = match text(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        text => text.map_err(|source| ContainerError::Read {
            path: path.to_owned(),
            source,
        })?,
    };
    parse(&text, taken).map_err(|reason| ContainerError::Steps {
        path: path.to_owned(),
        reason,
    })
}

/// The path may be a conductor's: a device would not end, and a pipe not begin.
fn text(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut text = String::new();
    File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        let reason = format!("it has more than {MAX_BYTES} bytes");
        return Err(io::Error::other(reason));
    }
    Ok(text)
}

fn parse(text: &str, taken: &[&str]) -> Result<Vec<ContainerStep>, String> {
    let says_nothing = |line: &str| line.is_empty() || line.starts_with('#') || line == "---";
    if text.lines().map(str::trim).all(says_nothing) {
        return Ok(Vec::new());
    }
    let file: Option<StepsFile> =
        serde_norway::from_str(text).map_err(|error| error.to_string())?;
    let steps = file.unwrap_or_default().steps.unwrap_or_default();
    for (index, step) in steps.iter().enumerate() {
        let name = step.name.as_str();
        if name.is_empty() || step.image.is_empty() {
            return Err(format!("step {} must have a name and an image", index + 1));
        }
        let is_twice = steps[..index].iter().any(|other| other.name == name);
        if is_twice || taken.contains(&name) || GENERIC_STEPS.contains(&name) {
            return Err(format!(
                "there is another step {name:?}; give this one another name"
            ));
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const STEPS: &str = "steps:
  - name: check_fans
    image: docker://registry/fans:1
    interface: deploy
    priority: 10
    reboot_requested: false
    abortable: true
    pull_options:
      - --tls-verify=false
    run_options: --rm --privileged
";

    #[test]
    fn steps_are_read_with_all_their_keys() {
        let steps = parse(STEPS, &["erase_devices"]).unwrap();
        let step = &steps[0];
        assert_eq!(
            (steps.len(), step.name.as_str(), step.priority),
            (1, "check_fans", 10)
        );
        assert!(step.abortable && !step.reboot_requested);
        let wanted = step.wanted();
        assert_eq!(wanted.container_url, "docker://registry/fans:1");
        assert_eq!(wanted.pull_options, json!(["--tls-verify=false"]));
        assert_eq!(wanted.run_options, "--rm --privileged");
    }

    #[test]
    fn a_file_without_steps_has_none() {
        for text in ["", "steps:\n", "steps: []\n", "# nothing\n"] {
            assert!(parse(text, &[]).unwrap().is_empty(), "{text:?}");
        }
        assert!(
            read(Path::new("/no/such/file.yaml"), &[])
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn a_file_that_is_none_or_too_large_is_not_read() {
        let told = |path: &Path| {
            let error = read(path, &[]).unwrap_err();
            crate::commands::sentence(&error)
        };
        let none = told(Path::new("/dev/zero"));
        assert!(none.ends_with("/dev/zero: it is no file"), "{none}");
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_BYTES + 1).unwrap();
        let large = told(file.path());
        assert!(large.ends_with("more than 1048576 bytes"), "{large}");
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        for (text, taken, expected) in [
            (
                STEPS.replace("    priority: 10\n", ""),
                "x",
                "missing field `priority`",
            ),
            (
                STEPS.replace("docker://registry/fans:1", "''"),
                "x",
                "must have a name and an image",
            ),
            (
                STEPS.to_owned(),
                "check_fans",
                "there is another step \"check_fans\"",
            ),
            (
                STEPS.replace("check_fans", "generic_container_step"),
                "x",
                "another step",
            ),
            (
                format!("{STEPS}{}", STEPS.replace("steps:\n", "")),
                "x",
                "another step",
            ),
            ("steps: [".to_owned(), "x", "while parsing"),
            ("- a\n".to_owned(), "x", "invalid"),
        ] {
            let error = parse(&text, &[taken]).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
