//! Secrets inside texts (`token=...`, `--password ...`), masked as Ironic does: the words, the patterns and the order of
//! `mask_password` of oslo.utils.

use super::{MASK, shapes};
use regex::{Regex, RegexBuilder};
use std::borrow::Cow;
use std::ops::Range;
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

/// Longer ones that name a secret are masked as a whole, which bounds what each costs.
const LONGEST: usize = 64 << 10;

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
    static OF_WORD: [OnceLock<Regex>; WORDS.len()] = [const { OnceLock::new() }; WORDS.len()];
    if !ANY.is_match(text) {
        return Cow::Borrowed(text);
    }
    if text.len() > LONGEST {
        return Cow::Borrowed(MASK);
    }
    let mut masked = text.to_owned();
    for (word, name) in WORDS.iter().zip(&OF_WORD) {
        if masked.to_ascii_lowercase().contains(word) {
            masked = masked_behind(name.get_or_init(|| shapes::compiled(word)), masked);
        }
    }
    Cow::Owned(masked)
}

/// The same for one word: each shape sees what the one before has left.
fn masked_behind(name: &Regex, mut text: String) -> String {
    let places = |text: &str| -> Vec<Range<usize>> {
        let found = name.find_iter(text);
        found.map(|found| found.range()).collect()
    };
    let mut known = places(&text);
    for shape in shapes::all() {
        if let Some(changed) = shape.replaced(&text, &known) {
            known = places(&changed);
            text = changed;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

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

    /// The patterns of oslo.utils as it writes them.
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
    const QUOTED: &str = r#"(['"][^"']*WORD[0-9]*['"]\s*:\s*u?['"].*['"])[^"']*(['"])"#;

    /// What oslo.utils does for one word.
    struct Patterns {
        secrets: Vec<Regex>,
        quoted: Regex,
    }

    impl Patterns {
        fn of(word: &str) -> Self {
            let compiled = |pattern: &str| shapes::compiled(&pattern.replace("WORD", word));
            Self {
                secrets: PATTERNS.iter().map(|pattern| compiled(pattern)).collect(),
                quoted: compiled(QUOTED),
            }
        }

        fn mask(&self, mut text: String) -> String {
            for pattern in &self.secrets {
                let masked =
                    |found: &regex::Captures<'_>| format!("{}{MASK}{}", &found[1], &found[2]);
                text = pattern.replace_all(&text, masked).into_owned();
            }
            self.quoted.replace_all(&text, "${1}").into_owned()
        }
    }

    /// Of every kind that a pattern looks for, and names that other names end with.
    const PIECES: &[&str] = &[
        "password",
        "Token",
        "admin_password",
        "paſſword",
        "toKen",
        "=",
        "=",
        "'",
        "\"",
        "'",
        "\"",
        " ",
        "  ",
        "\n",
        ":",
        ",",
        "--",
        "-",
        "<",
        "</",
        ">",
        "1",
        "23",
        "u",
        "x",
        "^",
        "ü",
        "_",
        "\u{3000}",
        "******",
        "'--opt'",
        "<password>",
        "</password>",
        "'password': '",
        "\"token\": \"",
        "--token ",
    ];

    #[test]
    fn shapes_at_names_do_what_the_patterns_do_to_the_whole_text() {
        let mut random = StdRng::seed_from_u64(1);
        let names = ["password", "token", "admin_password"];
        let names = names.map(|word| (Patterns::of(word), shapes::compiled(word)));
        let mut changed = 0;
        for round in 0..600 {
            let length = random.random_range(2..[6, 14, 40][round % 3]);
            let pieces = (0..length).map(|_| PIECES[random.random_range(0..PIECES.len())]);
            let text: String = pieces.collect();
            for (patterns, name) in &names {
                let expected = patterns.mask(text.clone());
                assert_eq!(
                    masked_behind(name, text.clone()),
                    expected,
                    "{name} in {text:?}"
                );
                changed += usize::from(expected != text);
            }
        }
        assert!(changed > 100, "{changed}");
    }

    /// A place is looked for once only where no name begins within another one of its own.
    #[test]
    fn no_name_overlaps_itself() {
        for word in WORDS {
            let begins_as_it_ends = |length: &usize| word.ends_with(&word[..*length]);
            assert_eq!((1..word.len()).find(begins_as_it_ends), None, "{word}");
        }
    }
}
