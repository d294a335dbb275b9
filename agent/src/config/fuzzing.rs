//! The kernel command line and INI files, as foreign bytes.

use std::path::PathBuf;

use tracing_subscriber::filter::Targets;

use super::cmdline::KernelParameters;
use super::options::Options;
use super::{Flags, Settings, ini};

/// Nothing is lost or made up, and what was understood is understood again when it is written down.
pub(crate) fn kernel_command_line(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let parameters = KernelParameters::parse(&text);
    for (name, value) in parameters.pairs() {
        let pair = format!("{name}=");
        assert!(text.contains(&pair) && text.contains(value));
    }
    let quoted = parameters
        .pairs()
        .map(|(name, value)| format!("\"{name}={value}\""));
    let written = quoted.collect::<Vec<_>>().join(" ");
    let again = KernelParameters::parse(&written);
    assert!(parameters.pairs().eq(again.pairs()), "{written:?}");
    let mut options = Options::default();
    parameters.apply(&mut options);
    understand(&options);
}

/// A file is understood or refused at one of its lines; what was understood is understood again when it is written down.
pub(crate) fn ini(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let entries = match ini::parse(text) {
        Ok(entries) => entries,
        Err((line, _)) => {
            assert!((1..=text.lines().count()).contains(&line));
            return;
        }
    };
    let written: String = entries.iter().map(written).collect();
    assert_eq!(ini::parse(&written).as_ref(), Ok(&entries), "{written:?}");
    let mut options = Options::default();
    for (section, key, value) in &entries {
        options.set_in(section, key, value);
    }
    understand(&options);
}

/// In quotes, as a value may begin with a blank; the lines behind its first one have none.
fn written((section, key, value): &ini::Entry) -> String {
    let (first, rest) = match value.split_once('\n') {
        Some((first, rest)) => (first, Some(rest)),
        None => (value.as_str(), None),
    };
    let rest = rest.map(|rest| format!("\n {}", rest.replace('\n', "\n ")));
    let rest = rest.unwrap_or_default();
    format!("[{section}]\n{key}=\"{first}\"{rest}\n")
}

/// Whatever was written, there are settings or a sentence about what is wrong with it.
fn understand(options: &Options) {
    match Settings::from_options(options, &flags()) {
        Ok(settings) => {
            let inspection = &settings.inspection.callback_urls;
            let is_http = |url: &String| url.starts_with("http:") || url.starts_with("https:");
            assert!(settings.api.urls.iter().chain(inspection).all(is_http));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn flags() -> Flags {
    Flags {
        api_url: None,
        listen: None,
        advertise_host: None,
        only_devices: Vec::new(),
        run_hardware_managers: false,
        cmdline: PathBuf::new(),
        state: PathBuf::new(),
        config_dirs: Vec::new(),
        log: Targets::new(),
    }
}
