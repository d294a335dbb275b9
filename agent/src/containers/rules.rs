//! The options of `[container]`, over which the conductor's `agent_containers` go.

use std::path::PathBuf;

use serde_json::Value;

/// Names in a registry mean the same with and without these. Another transport is another image.
const TRANSPORTS: [&str; 2] = ["docker://", "oci://"];

/// Which program runs containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runner {
    Podman,
    Docker,
}

impl Runner {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Podman => "podman",
            Self::Docker => "docker",
        }
    }

    /// `None` for any other program.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "podman" => Some(Self::Podman),
            "docker" => Some(Self::Docker),
            _ => None,
        }
    }
}

/// Which containers may run, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    pub allow_arbitrary: bool,
    pub allowed: Vec<String>,
    pub steps_file: PathBuf,
    pub runner: Runner,
    pub pull_options: Vec<String>,
    pub run_options: Vec<String>,
    /// No system is installed from a container.
    pub bootc_disabled: bool,
}

impl Default for Rules {
    /// As in Ironic's agent.
    fn default() -> Self {
        Self {
            allow_arbitrary: false,
            allowed: Vec::new(),
            steps_file: "/etc/ironic-python-agent.d/mysteps.yaml".into(),
            runner: Runner::Podman,
            pull_options: Vec::new(),
            run_options: ["--rm", "--network=host"].map(str::to_owned).to_vec(),
            bootc_disabled: false,
        }
    }
}

impl Rules {
    /// With what the conductor says. A key that is not known, or a value that makes no sense, is told of in the log:
    /// a node is not to be stranded for it.
    #[must_use]
    pub fn overridden(mut self, by: Option<&Value>) -> Self {
        for (key, value) in by.and_then(Value::as_object).into_iter().flatten() {
            if self.set(key, value).is_none() {
                // Not its value: options of podman may hold passwords.
                tracing::warn!(key, "the conductor's option for containers is ignored");
            }
        }
        self
    }

    fn set(&mut self, key: &str, value: &Value) -> Option<()> {
        match key {
            "allow_arbitrary_containers" => self.allow_arbitrary = value.as_bool()?,
            "allowed_containers" => self.allowed = names(value)?,
            "container_steps_file" => self.steps_file = value.as_str()?.into(),
            "runner" => self.runner = Runner::of(value.as_str()?)?,
            "pull_options" => self.pull_options = options(value)?,
            "run_options" => self.run_options = options(value)?,
            _ => return None,
        }
        Some(())
    }

    /// Whether an image is one of those that are allowed, by its whole name.
    pub(super) fn allows(&self, image: &str) -> bool {
        let image = without_transport(image);
        let mut allowed = self.allowed.iter();
        allowed.any(|allowed| without_transport(allowed) == image)
    }
}

fn without_transport(image: &str) -> &str {
    let mut transports = TRANSPORTS.iter();
    transports
        .find_map(|transport| image.strip_prefix(transport))
        .unwrap_or(image)
}

/// A list, or one text with commas.
fn names(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect(),
        Value::String(text) => {
            let names = text
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty());
            Some(names.map(str::to_owned).collect())
        }
        _ => None,
    }
}

/// Options for a program: of each text the words.
pub(super) fn options(value: &Value) -> Option<Vec<String>> {
    let words = |text: &str| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    match value {
        Value::String(text) => Some(words(text)),
        Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            Some(texts?.into_iter().flat_map(words).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_conductor_says_wins_where_it_makes_sense() {
        let said = json!({
            "allow_arbitrary_containers": true, "allowed_containers": ["a/b:1", "c"], "runner": "docker",
            "container_steps_file": "/x.yaml", "pull_options": "--tls-verify=false -q", "run_options": ["--rm -t"],
        });
        let expected = Rules {
            allow_arbitrary: true,
            allowed: ["a/b:1", "c"].map(str::to_owned).to_vec(),
            steps_file: "/x.yaml".into(),
            runner: Runner::Docker,
            pull_options: ["--tls-verify=false", "-q"].map(str::to_owned).to_vec(),
            run_options: ["--rm", "-t"].map(str::to_owned).to_vec(),
            bootc_disabled: false,
        };
        assert_eq!(Rules::default().overridden(Some(&said)), expected);
        let wrong =
            json!({"runner": "sh", "allow_arbitrary_containers": "yes", "pull_options": 7, "x": 1});
        assert_eq!(Rules::default().overridden(Some(&wrong)), Rules::default());
        assert_eq!(Rules::default().overridden(None), Rules::default());
    }

    #[test]
    fn an_image_is_allowed_by_its_whole_name_whatever_its_registry_is_called() {
        let rules = Rules {
            allowed: ["docker://example.com/tool@sha256:77", "oci://b:1"]
                .map(str::to_owned)
                .to_vec(),
            ..Rules::default()
        };
        assert!(rules.allows("example.com/tool@sha256:77"));
        assert!(rules.allows("oci://example.com/tool@sha256:77"));
        assert!(rules.allows("b:1"));
        for image in [
            "b",
            "b:11",
            "example.com/tool",
            "containers-storage:b:1",
            "docker://oci://b:1",
        ] {
            assert!(!rules.allows(image), "{image}");
        }
    }
}
