//! Secrets inside texts (`token=...`, `--password ...`), masked as Ironic does: the words, the patterns and the order of
//! `mask_password` of oslo.utils.

use super::MASK;
use regex::{Regex, RegexBuilder};
use std::borrow::Cow;
use std::sync::{LazyLock, OnceLock};

/// What follows a name that ends with one of these, in any case, is a secret.
pub(super) const WORDS: &[&str] = &[
    "adminpass",
    "admin_pass",
    "password",
    "admin_password",
    "auth_token",
    "new_pass",
    "auth_password",
    "secret_uuid",
    "secret",
    "sys_pswd",
    "token",
    "configdrive",
    "chappassword",
    "encrypted_key",
    "private_key",
    "fernetkey",
    "sslkey",
    "passphrase",
    "cephclusterfsid",
    "octaviaheartbeatkey",
    "rabbitcookie",
    "cephmanilaclientkey",
    "pacemakerremoteauthkey",
    "designaterndckey",
    "cephadminkey",
    "heatauthencryptionkey",
    "cephclientkey",
    "keystonecredential",
    "barbicansimplecryptokek",
    "cephrgwkey",
    "swifthashsuffix",
    "migrationsshkey",
    "cephmdskey",
    "cephmonkey",
    "chapsecret",
];

/// What the groups hold stays, and between them goes the mask. `WORD` is each of the words.
const PATTERNS: &[&str] = &[
    r#"(WORD[0-9]*\s*[=]\s*["'])[^"']*(["'])"#,
    r#"(WORD[0-9]*\s*[=]\s*["])[^"]*(["])"#,
    r"(WORD[0-9]*\s*[=]\s*['])[^']*(['])",
    r#"(WORD[0-9]*\s+["'])[^"']*(["'])"#,
    r#"([-]{2}WORD[0-9]*\s+)[^'^"=\s]+([\s]*)"#,
    r"(<WORD[0-9]*>)[^<]*(</WORD[0-9]*>)",
    r#"(["']WORD[0-9]*["']\s*:\s*["'])[^"']*(["'])"#,
    r#"(['"][^"']*WORD[0-9]*['"]\s*:\s*u?['"])[^"']*(['"])"#,
    r#"(['"][^'"]*WORD[0-9]*['"]\s*,\s*'--?[A-z]+'\s*,\s*u?['"])[^"']*(['"])"#,
    r"(WORD[0-9]*\s*--?[A-z]+\s*)\S+(\s*)",
    r#"(WORD[0-9]*\s*[=]\s*)[^\s^'"]+()"#,
];

/// Of a secret that has quotes in it, what is behind the last but one is dropped.
const QUOTED: &str = r#"(['"][^"']*WORD[0-9]*['"]\s*:\s*u?['"].*['"])[^"']*(['"])"#;

/// Longer ones that name a secret are masked as a whole, which bounds what each costs.
const LONGEST: usize = 64 << 10;

struct Patterns {
    secrets: Vec<Regex>,
    quoted: Regex,
}

impl Patterns {
    fn of(word: &str) -> Self {
        Self {
            secrets: PATTERNS
                .iter()
                .map(|pattern| compiled(pattern, word))
                .collect(),
            quoted: compiled(QUOTED, word),
        }
    }

    fn mask(&self, mut text: String) -> String {
        for pattern in &self.secrets {
            let masked = |found: &regex::Captures<'_>| format!("{}{MASK}{}", &found[1], &found[2]);
            text = pattern.replace_all(&text, masked).into_owned();
        }
        self.quoted.replace_all(&text, "${1}").into_owned()
    }
}

fn compiled(pattern: &str, word: &str) -> Regex {
    let pattern = pattern.replace("WORD", word);
    let mut builder = RegexBuilder::new(&pattern);
    builder.case_insensitive(true).dot_matches_new_line(true);
    builder.build().expect("the patterns are regular")
}

/// One that finds any of the words, in any case.
pub(super) fn any_of(words: &[&str]) -> Regex {
    let mut builder = RegexBuilder::new(&words.join("|"));
    builder.case_insensitive(true).unicode(false);
    builder.build().expect("words are patterns")
}

/// The text with its secrets masked.
pub(super) fn masked(text: &str) -> Cow<'_, str> {
    static ANY: LazyLock<Regex> = LazyLock::new(|| any_of(WORDS));
    // Few texts name any, so that nothing is compiled for most words.
    static OF_WORD: [OnceLock<Patterns>; WORDS.len()] = [const { OnceLock::new() }; WORDS.len()];
    if !ANY.is_match(text) {
        return Cow::Borrowed(text);
    }
    if text.len() > LONGEST {
        return Cow::Borrowed(MASK);
    }
    let mut masked = text.to_owned();
    for (word, patterns) in WORDS.iter().zip(&OF_WORD) {
        if masked.to_ascii_lowercase().contains(word) {
            let patterns = patterns.get_or_init(|| Patterns::of(word));
            masked = patterns.mask(masked);
        }
    }
    Cow::Owned(masked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(masked(text), expected, "{text}");
    }

    /// As oslo.utils 10 masks them, to the letter.
    #[test]
    fn texts_are_masked_as_ironic_does() {
        for (text, expected) in [
            (
                "nofb rescue_password=hush x=1",
                "nofb rescue_password=****** x=1",
            ),
            ("https://h/i?token=abc&x=1", "https://h/i?token=******"),
            ("--password hush next", "--password ****** next"),
            (
                "AUTH_TOKEN2 = \"hush hush\" rest",
                "AUTH_TOKEN2 = \"******\" rest",
            ),
            ("x_Token12='a b' y", "x_Token12='******' y"),
            ("secret \"hush\"", "secret \"******\""),
            ("<password>hush</password>", "<password>******</password>"),
            ("password-protected disk", "password-protected ******"),
            (
                "['--token', '--opt', 'hush']",
                "['--token', '--opt', '******']",
            ),
            ("rootpwd=\"a\" sslkey=k", "rootpwd=\"a\" sslkey=******"),
            ("password=token=abc", "password=******"),
            (
                "Passwörter: password=ü€ end",
                "Passwörter: password=****** end",
            ),
            ("token=a^b c", "token=******^b c"),
            (
                "secret_uuid=1 fernetkey=2",
                "secret_uuid=****** fernetkey=******",
            ),
            (
                "heatauthencryptionkey=abc\npassword = def\n",
                "heatauthencryptionkey=******\npassword = ******\n",
            ),
        ] {
            check(text, expected);
        }
    }

    /// What oslo.utils does to such a text is no JSON any more.
    #[test]
    fn of_quoted_secrets_the_rest_goes_too() {
        check(
            r#"{"password": "hush", "n": 1}"#,
            r#"{"password": "******", ": 1}"#,
        );
        check(
            r#"{"password": "hu'sh", "b": "c"}"#,
            r#"{"password": "******'sh", "b": "}"#,
        );
        check(
            "{'admin_password': 'hu', 'b': 'c'}",
            "{'admin_password': '******', 'b'}",
        );
        check(
            r#"{"auth_token": "a", "x": "y", "password": "p", "z": "q"}"#,
            r#"{"auth_token": "******", "x": "y", "password": "******", "}"#,
        );
    }

    #[test]
    fn what_names_no_secret_or_has_none_stays() {
        for text in [
            "",
            "nofb console=ttyS0",
            "a password in words",
            "password=",
            "passphrase : 'x'",
            "passwd=x credential=y",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn a_long_text_that_names_a_secret_is_masked_as_a_whole() {
        let long = "x".repeat(LONGEST);
        check(&long, &long);
        check(&format!("{long}token=t"), MASK);
    }
}
