//! A line without what nobody may read in it: secrets that are known, and what looks like one.

const STARS: &str = "***";

/// How the names of secrets end, in parameters, options, headers and queries.
const NAMES: [&str; 9] = [
    "authorization",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "sig",
    "signature",
    "token",
];

/// Too much is hidden rather than too little: a line is read by people.
pub(super) fn redacted(line: &str, secrets: &[String]) -> String {
    let mut text = line.to_owned();
    for secret in secrets
        .iter()
        .filter(|secret| line.contains(secret.as_str()))
    {
        text = text.replace(secret.as_str(), STARS);
    }
    without_values(&without_users(&text))
}

/// URLs without the user and password before their host.
fn without_users(text: &str) -> String {
    const SCHEME_END: &str = "://";
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(SCHEME_END) {
        let (scheme, behind) = rest.split_at(at + SCHEME_END.len());
        kept.push_str(scheme);
        rest = behind;
        let ends = |letter: char| letter.is_whitespace() || "/?#\"'".contains(letter);
        let end = behind.find(ends).unwrap_or(behind.len());
        if let Some(host) = behind[..end].rfind('@') {
            kept.push_str(STARS);
            rest = &behind[host..];
        }
    }
    kept.push_str(rest);
    kept
}

/// Without what stands behind the name of a secret and `=` or `:`.
fn without_values(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['=', ':']) {
        let (name, value) = rest.split_at(at + 1);
        kept.push_str(name);
        rest = value;
        if !is_of_secret(&name[..at]) {
            continue;
        }
        let start = value.len() - value.trim_start_matches([' ', '"', '\'', '\\']).len();
        let (before, value) = value.split_at(start);
        let end = value_end(before, value);
        kept.push_str(before);
        if end > 0 {
            kept.push_str(STARS);
        }
        rest = &value[end..];
    }
    kept.push_str(rest);
    kept
}

fn is_of_secret(before: &str) -> bool {
    let name = before.trim_end_matches([' ', '"', '\'', '\\']);
    let name = name.to_ascii_lowercase();
    NAMES.iter().any(|ending| name.ends_with(ending))
}

/// Where the value ends that has this before it: at the same quote, or as a word.
fn value_end(before: &str, value: &str) -> usize {
    let scheme = ["basic ", "bearer "].into_iter().find(|scheme| {
        let begin = value.get(..scheme.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
    });
    let from = scheme.map_or(0, str::len);
    let quote = before
        .chars()
        .rev()
        .find(|letter| matches!(letter, '"' | '\''));
    let ends = |letter: char| match quote {
        Some(quote) => letter == quote,
        None => letter.is_whitespace() || "\"'&".contains(letter),
    };
    value[from..]
        .find(ends)
        .map_or(value.len(), |end| from + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_hidden() {
        for (line, expected) in [
            (
                "quiet ipa-agent-token=abc ipa-debug=1",
                "quiet ipa-agent-token=*** ipa-debug=1",
            ),
            (
                "GET http://h/?agent_token=a%26b&wait=true",
                "GET http://h/?agent_token=***&wait=true",
            ),
            (
                "http://h/i?temp_url_sig=ab12&temp_url_expires=5",
                "http://h/i?temp_url_sig=***&temp_url_expires=5",
            ),
            ("https://u:p%40ss@h:8080/i?a=b", "https://***@h:8080/i?a=b"),
            (
                "a=http://u@h b=ftp://x:y@z/",
                "a=http://***@h b=ftp://***@z/",
            ),
            (
                r#"{"password": "two words", "user": "u"}"#,
                r#"{"password": "***", "user": "u"}"#,
            ),
            (
                r#"body="{\"password\":\"x\",\"a\":1}""#,
                r#"body="{\"password\":\"***"#,
            ),
            ("Authorization: Basic dTpw next", "Authorization: *** next"),
            (
                "authorization=\"bearer a.b.c\" x",
                "authorization=\"***\" x",
            ),
            (
                "Login { rootpwd: hunter2, x: 1 }",
                "Login { rootpwd: *** x: 1 }",
            ),
            ("X-Amz-Signature=ab", "X-Amz-Signature=***"),
            ("password=", "password="),
            ("password:", "password:"),
        ] {
            let found = redacted(line, &[]);
            // What is escaped may be hidden up to the end.
            assert!(found.starts_with(expected), "{line}: {found}");
            assert!(!found.contains("hunter2"));
        }
    }

    #[test]
    fn other_lines_stay_as_they_are() {
        for line in [
            "",
            "2026-12-01T07:00:00Z  INFO ferric-agent begins root=Ram version=\"1\"",
            "device=\"/dev/sda\" serial=\"Z1D\" size_bytes=10 a disk is going to be written",
            "https://h/a@b c@d \u{e4}=\u{e4}:",
        ] {
            assert_eq!(redacted(line, &[]), line);
        }
    }

    #[test]
    fn known_secrets_are_hidden_wherever_they_stand() {
        let secrets = ["abcdef".to_owned(), "abc".to_owned()];
        assert_eq!(redacted("an abcdef, xabcabc", &secrets), "an ***, x******");
    }
}
