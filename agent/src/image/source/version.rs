//! Whether two answers of a server are about the same bytes. Pure.

use reqwest::header::{ETAG, HeaderMap, LAST_MODIFIED};

/// What tells one version of a file from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Version {
    /// Only a strong ETag promises equal bytes.
    etag: Option<String>,
    last_modified: Option<String>,
    pub(super) length: Option<u64>,
}

impl Version {
    pub(super) fn of(headers: &HeaderMap, length: Option<u64>) -> Self {
        let text = |name| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let etag = text(ETAG).filter(|etag| !etag.starts_with("W/"));
        Self {
            etag,
            last_modified: text(LAST_MODIFIED),
            length,
        }
    }

    pub(super) fn validator(&self) -> Option<&str> {
        self.etag.as_deref().or(self.last_modified.as_deref())
    }

    /// A header that one of two answers lacks says nothing; the digest has the last word.
    pub(super) fn contradicts(&self, other: &Self) -> bool {
        fn differ<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
            a.zip(b).is_some_and(|(a, b)| a != b)
        }
        differ(self.length.as_ref(), other.length.as_ref())
            || match (&self.etag, &other.etag) {
                (Some(a), Some(b)) => a != b,
                _ => differ(self.last_modified.as_ref(), other.last_modified.as_ref()),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(etag: &str, modified: &str, length: Option<u64>) -> Version {
        let mut headers = HeaderMap::new();
        for (name, value) in [(ETAG, etag), (LAST_MODIFIED, modified)] {
            if !value.is_empty() {
                headers.insert(name, value.parse().unwrap());
            }
        }
        Version::of(&headers, length)
    }

    #[test]
    fn only_what_both_answers_say_can_contradict() {
        let check = |other: Version, expected: bool| {
            let first = version("\"a\"", "Mon", Some(5));
            assert_eq!(first.contradicts(&other), expected, "{other:?}");
            assert_eq!(other.contradicts(&first), expected, "{other:?}");
        };
        check(version("\"a\"", "Mon", Some(5)), false);
        check(version("\"a\"", "Tue", Some(5)), false);
        check(version("", "", None), false);
        check(version("W/\"b\"", "Mon", None), false);
        check(version("\"b\"", "Mon", Some(5)), true);
        check(version("", "Tue", Some(5)), true);
        check(version("\"a\"", "Mon", Some(6)), true);
    }

    #[test]
    fn a_weak_etag_validates_nothing() {
        assert_eq!(version("W/\"a\"", "Mon", None).validator(), Some("Mon"));
        assert_eq!(version("W/\"a\"", "", None).validator(), None);
        assert_eq!(version("\"a\"", "Mon", None).validator(), Some("\"a\""));
    }
}
