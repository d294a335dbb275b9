//! Reads INI files as OpenStack writes them: sections, `key = value` or `key: value`, whole-line comments, and
//! lines that begin with a blank and go on with the value before.

use std::path::{Path, PathBuf};

use super::ConfigError;
use super::options::Options;

/// A configuration file is small; a larger one is something else.
const MAX_BYTES: u64 = 1 << 20;

/// Reads `*.conf` in alphabetical order; a directory that does not exist has no files.
pub(super) fn read_directory(directory: &Path, options: &mut Options) -> Result<(), ConfigError> {
    let failed = |source| ConfigError::Read {
        path: directory.to_owned(),
        source,
    };
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "conf")
    });
    paths.sort();
    paths.iter().try_for_each(|path| read_file(path, options))
}

fn read_file(path: &Path, options: &mut Options) -> Result<(), ConfigError> {
    let failed = |source| ConfigError::Read {
        path: path.to_owned(),
        source,
    };
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > MAX_BYTES {
        return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let parsed = parse(&text).map_err(|(line, what)| ConfigError::Ini {
        path: path.to_owned(),
        line,
        what,
    })?;
    for (section, key, value) in &parsed {
        options.set_in(section, key, value);
    }
    Ok(())
}

/// Section, key and value.
pub(super) type Entry = (String, String, String);

/// The line of an error is counted from one.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>, (usize, &'static str)> {
    let mut section = "DEFAULT".to_owned();
    let mut entries: Vec<Entry> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with([' ', '\t']) {
            let (_, _, value) = entries
                .last_mut()
                .ok_or((index + 1, "a value goes on here that has not begun"))?;
            value.push('\n');
            value.push_str(trimmed);
        } else if let Some(name) = trimmed.strip_prefix('[') {
            let name = name
                .strip_suffix(']')
                .ok_or((index + 1, "a section ends with ]"))?;
            name.trim().clone_into(&mut section);
        } else {
            let (key, value) = trimmed
                .split_once(['=', ':'])
                .ok_or((index + 1, "a line is a section, a comment or key = value"))?;
            entries.push((
                section.clone(),
                key.trim().to_owned(),
                unquote(value.trim()),
            ));
        }
    }
    Ok(entries)
}

fn unquote(value: &str) -> String {
    let inner = ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
    inner.unwrap_or(value).to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::*;

    #[test]
    fn sections_comments_quotes_and_continued_values_are_read() {
        let text = "# comment\napi_url = http://a:6385\n[ssl]\ncert_file: \"/etc/a b\"\n[DEFAULT]\nlist = one,\n  two\n; end\n";
        let entry = |section: &str, key: &str, value: &str| {
            (section.to_owned(), key.to_owned(), value.to_owned())
        };
        let expected = [
            entry("DEFAULT", "api_url", "http://a:6385"),
            entry("ssl", "cert_file", "/etc/a b"),
            entry("DEFAULT", "list", "one,\ntwo"),
        ];
        assert_eq!(parse(text).unwrap(), expected);
    }

    #[test]
    fn errors_name_the_line() {
        assert_eq!(parse("a = 1\nnonsense").unwrap_err().0, 2);
        assert_eq!(parse(" indented").unwrap_err().0, 1);
        assert_eq!(parse("[open").unwrap_err().0, 1);
    }

    proptest! {
        #[test]
        fn any_text_is_understood_or_refused(text in "[a=:# \\t\"'\\[\\]\\n]{0,60}|\\PC{0,60}") {
            if let Err((line, _)) = parse(&text) {
                prop_assert!((1..=text.lines().count()).contains(&line));
            }
        }
    }

    #[test]
    fn files_are_read_in_order_of_their_names() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("20.conf"), "a = second").unwrap();
        std::fs::write(directory.path().join("10.conf"), "a = first\nb = kept").unwrap();
        std::fs::write(directory.path().join("30.txt"), "a = not read").unwrap();
        let mut options = Options::default();
        read_directory(directory.path(), &mut options).unwrap();
        assert_eq!(options.text("a"), Some("second"));
        assert_eq!(options.text("b"), Some("kept"));
        read_directory(&directory.path().join("absent"), &mut options).unwrap();
    }
}
