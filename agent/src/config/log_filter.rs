//! What is logged: a level for everything, or for a part of the program, by the beginning of its module's path.
//!
//! Less than `EnvFilter` takes: its spans and fields nobody asked for, and they cost the ramdisk room.

use tracing_subscriber::filter::{LevelFilter, Targets};

const LEVELS: [(&str, LevelFilter); 6] = [
    ("off", LevelFilter::OFF),
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
];

/// A part of the text that makes no sense.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} is neither a level (off, error, warn, info, debug, trace) nor TARGET=LEVEL; \
     several are separated by commas"
)]
pub(super) struct LogFilterError(String);

/// Understands what `--log` and `FERRIC_LOG` say; nothing is as good as `info`. Where targets alone are named, nothing
/// else is logged.
pub(super) fn parse(text: &str) -> Result<Targets, LogFilterError> {
    let parts = text.split(',').map(str::trim);
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        return Ok(Targets::new().with_default(LevelFilter::INFO));
    }
    let mut filter = Targets::new();
    for part in parts {
        filter = added(filter, part).ok_or_else(|| LogFilterError(part.to_owned()))?;
    }
    Ok(filter)
}

fn added(filter: Targets, part: &str) -> Option<Targets> {
    let Some((target, name)) = part.split_once('=') else {
        return Some(filter.with_default(level(part)?));
    };
    let target = target.trim();
    let is_path = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | ':');
    if target.is_empty() || !target.chars().all(is_path) {
        return None;
    }
    Some(filter.with_target(target, level(name.trim())?))
}

fn level(text: &str) -> Option<LevelFilter> {
    let mut levels = LEVELS.into_iter();
    let found = levels.find(|(name, _)| name.eq_ignore_ascii_case(text))?;
    Some(found.1)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    /// The finest level that is logged of a target.
    fn check(text: &str, target: &str, expected: Option<Level>) {
        let filter = parse(text).unwrap();
        let levels = [
            Level::ERROR,
            Level::WARN,
            Level::INFO,
            Level::DEBUG,
            Level::TRACE,
        ];
        let mut logged = levels.into_iter();
        let finest = logged.rfind(|level| filter.would_enable(target, level));
        assert_eq!(finest, expected, "{text:?}: {target}");
    }

    #[test]
    fn the_most_exact_part_counts() {
        check("", "ferric_agent::image", Some(Level::INFO));
        check(" , ", "hyper", Some(Level::INFO));
        check("warn", "ferric_agent::image", Some(Level::WARN));
        check("DEBUG", "hyper", Some(Level::DEBUG));
        check("off", "ferric_agent", None);
        let several = "info, ferric_agent::image = trace,hyper=off";
        check(several, "ferric_agent::disk", Some(Level::INFO));
        check(several, "ferric_agent::image::client", Some(Level::TRACE));
        check(several, "hyper::proto", None);
        check("ferric_agent=debug", "ferric_agent", Some(Level::DEBUG));
        check("ferric_agent=debug", "hyper", None);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (text, part) in [
            ("loud", "loud"),
            ("info,ferric_agent", "ferric_agent"),
            ("ferric_agent=", "ferric_agent="),
            ("ferric_agent=loud,info", "ferric_agent=loud"),
            ("=info", "=info"),
            ("a=info=debug", "a=info=debug"),
            ("ferric_agent[step]=debug", "ferric_agent[step]=debug"),
            ("3", "3"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{part:?} is")), "{error}");
        }
    }
}
