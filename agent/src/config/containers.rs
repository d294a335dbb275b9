//! The options of `[container]`.

use super::options::{OptionError, Options};
use crate::containers::{Rules, Runner};

pub(super) fn rules(options: &Options) -> Result<Rules, OptionError> {
    let usual = Rules::default();
    // Commas separate options in these files, and blanks where somebody has written them as for a shell.
    let words = |name: &str| {
        let list = options.list(name)?;
        let words = list.iter().flat_map(|text| text.split_whitespace());
        Some(words.map(str::to_owned).collect())
    };
    let steps_file = options.text("container.container_steps_file");
    Ok(Rules {
        allow_arbitrary: options.flag("container.allow_arbitrary_containers", false)?,
        allowed: options
            .list("container.allowed_containers")
            .unwrap_or_default(),
        steps_file: steps_file.map_or(usual.steps_file, Into::into),
        runner: options
            .parsed("container.runner", "podman or docker", Runner::of)?
            .unwrap_or(usual.runner),
        pull_options: words("container.pull_options").unwrap_or(usual.pull_options),
        run_options: words("container.run_options").unwrap_or(usual.run_options),
        bootc_disabled: options.flag("disable_bootc_deploy", false)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::Sources;
    use super::*;

    fn read(ini: &str) -> Result<Rules, String> {
        let settings = Sources::new("ipa-api-url=http://a", ini).load(&[]);
        settings
            .map(|settings| settings.containers)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn options_of_containers_are_read() {
        assert_eq!(read("").unwrap(), Rules::default());
        let rules = read(
            "[DEFAULT]\ndisable_bootc_deploy = True\n[container]\nallow_arbitrary_containers = True\nallowed_containers = a:1, b@sha256:2\n\
             container_steps_file = /etc/steps.yaml\nrunner = docker\npull_options = --tls-verify=false -q\n\
             run_options = --rm,--network=host --privileged\n",
        );
        let owned = |words: &[&str]| {
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        let expected = Rules {
            allow_arbitrary: true,
            allowed: owned(&["a:1", "b@sha256:2"]),
            steps_file: "/etc/steps.yaml".into(),
            runner: Runner::Docker,
            pull_options: owned(&["--tls-verify=false", "-q"]),
            run_options: owned(&["--rm", "--network=host", "--privileged"]),
            bootc_disabled: true,
        };
        assert_eq!(rules.unwrap(), expected);
        assert!(
            read("[container]\nrunner = sh\n")
                .unwrap_err()
                .contains("podman or docker")
        );
    }
}
