//! What an answer is written as, by what the client says that it reads.

use super::details::Details;
use super::finding::{Finding, OK};
use http::{HeaderMap, header};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// In this order where a client likes several alike, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Html,
    Json,
}

impl Form {
    const ALL: [Self; 3] = [Self::Text, Self::Html, Self::Json];

    /// The one that a client likes best; a text where it likes none of them.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let accept = headers.get(header::ACCEPT);
        let accept = accept.and_then(|accept| accept.to_str().ok());
        let (mut best, mut liked) = (Self::Text, 0.0);
        for form in Self::ALL {
            let quality = quality(accept.unwrap_or("*/*"), form.media_type());
            if quality > liked {
                (best, liked) = (form, quality);
            }
        }
        best
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Html => "text/html",
            Self::Json => "application/json",
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=UTF-8",
            Self::Html => "text/html; charset=UTF-8",
            Self::Json => "application/json",
        }
    }

    /// A text has the reasons only, also with details.
    pub(super) fn write(self, findings: &[Finding], details: Option<&Details>) -> String {
        match self {
            Self::Text => reasons(findings).join("\n"),
            Self::Html => page(findings, details),
            Self::Json => object(findings, details).to_string(),
        }
    }
}

/// What is wrong; where nothing is, that.
fn reasons(findings: &[Finding]) -> Vec<&'static str> {
    let wrong = findings.iter().filter(|finding| !finding.is_good());
    let reasons: Vec<&str> = wrong.map(|finding| finding.reason).collect();
    match reasons.is_empty() {
        true => vec![OK],
        false => reasons,
    }
}

fn object(findings: &[Finding], details: Option<&Details>) -> Value {
    let Some(details) = details else {
        return json!({"detailed": false, "reasons": reasons(findings)});
    };
    let reasons = findings.iter().map(|finding| {
        json!({"class": Finding::CLASS, "reason": finding.reason, "details": finding.details})
    });
    json!({
        "detailed": true,
        "ferric_version": Details::VERSION,
        "now": details.now,
        "platform": details.platform,
        "reasons": reasons.collect::<Vec<_>>(),
        "threads": details.threads,
    })
}

fn page(findings: &[Finding], details: Option<&Details>) -> String {
    let mut body = String::new();
    match details {
        // Reasons are words of ours, in which nothing has to be escaped.
        None => list(&mut body, &reasons(findings)),
        Some(details) => {
            let Details { host, now, .. } = details;
            body.push_str("<h1>Server status</h1>\n");
            for (title, text) in [
                ("Server hostname", host.as_str()),
                ("Current time", now.as_str()),
                ("Ferric version", Details::VERSION),
                ("Platform", details.platform.as_str()),
            ] {
                put(
                    &mut body,
                    format_args!("<p>{title}: {}</p>\n", escaped(text)),
                );
            }
            table(&mut body, findings);
            let threads: Vec<String> = details.threads.iter().map(|text| escaped(text)).collect();
            let count = threads.len();
            put(
                &mut body,
                format_args!("<h2>{count} thread(s) active:</h2>\n"),
            );
            list(&mut body, &threads);
        }
    }
    format!(
        "<!DOCTYPE html>\n<html><head><title>Healthcheck Status</title></head>\n<body>{body}</body></html>\n"
    )
}

fn table(body: &mut String, findings: &[Finding]) {
    let count = findings.len();
    put(
        body,
        format_args!("<h2>Result of {count} checks:</h2>\n<table border=\"1\">\n"),
    );
    body.push_str("<tr><th>Kind</th><th>Reason</th><th>Details</th></tr>\n");
    for Finding { reason, details } in findings {
        let (kind, details) = (Finding::CLASS, escaped(details));
        put(
            body,
            format_args!("<tr><td>{kind}</td><td>{reason}</td><td>{details}</td></tr>\n"),
        );
    }
    body.push_str("</table>\n");
}

/// Of texts that are HTML already.
fn list<T: AsRef<str>>(body: &mut String, texts: &[T]) {
    body.push_str("<ul>");
    for text in texts {
        put(body, format_args!("<li>{}</li>", text.as_ref()));
    }
    body.push_str("</ul>");
}

fn put(body: &mut String, text: std::fmt::Arguments<'_>) {
    body.write_fmt(text).expect("a text takes everything");
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

/// How much the header `Accept` likes a media type, from 0 to 1: by what names it most closely (RFC 9110, 12.5.1).
fn quality(accept: &str, media_type: &str) -> f32 {
    let ranges: Vec<(&str, f32)> = accept.split(',').map(range).collect();
    let family = media_type.split('/').next().unwrap_or_default();
    let any_of_family = format!("{family}/*");
    let names = [media_type, any_of_family.as_str(), "*/*"];
    let mut qualities = names.iter().filter_map(|wanted| {
        let found = ranges
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, quality)| *quality)
    });
    qualities.next().unwrap_or(0.0)
}

/// A media range and its quality.
fn range(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q="));
    (
        name,
        quality.and_then(|text| text.parse().ok()).unwrap_or(1.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_choose_what_they_read() {
        assert_eq!(Form::of(&HeaderMap::new()), Form::Text);
        for (accept, expected) in [
            ("*/*", Form::Text),
            ("text/*", Form::Text),
            ("text/html", Form::Html),
            ("application/json", Form::Json),
            ("Application/*", Form::Json),
            ("application/json, */*;q=0.5", Form::Json),
            ("text/plain;q=0.5, */*;q=0.1", Form::Text),
            ("text/plain;q=0.1, text/html; q=0.2", Form::Html),
            ("application/json;q=0, */*", Form::Text),
            ("text/html,application/xml;q=0.9,*/*;q=0.8", Form::Html),
            // No answer at all would be taken for a service that is down.
            ("image/png", Form::Text),
            ("nonsense", Form::Text),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            assert_eq!(Form::of(&headers), expected, "{accept}");
        }
    }

    fn found() -> [Finding; 2] {
        let finding = |reason, details: &str| Finding {
            reason,
            details: details.to_owned(),
        };
        [
            finding(OK, "the store answers"),
            finding("DISABLED BY FILE", "Path '/a&<b>' was found"),
        ]
    }

    fn details() -> Details {
        Details {
            host: "a<b".to_owned(),
            now: "2026-01-02 03:04:05.000006".to_owned(),
            platform: "Linux-6.1-x86_64".to_owned(),
            threads: vec!["ferric 7: S (sleeping)".to_owned()],
        }
    }

    #[test]
    fn without_details_it_says_what_is_wrong() {
        let wrong = found();
        assert_eq!(Form::Text.write(&wrong, None), "DISABLED BY FILE");
        assert_eq!(Form::Text.write(&wrong[..1], None), "OK");
        let page = Form::Html.write(&wrong, None);
        assert!(
            page.contains("<body><ul><li>DISABLED BY FILE</li></ul></body>"),
            "{page}"
        );
        let object = Form::Json.write(&wrong, None);
        assert_eq!(
            object,
            r#"{"detailed":false,"reasons":["DISABLED BY FILE"]}"#
        );
    }

    #[test]
    fn with_details_it_says_what_was_looked_at_and_on_what() {
        let (wrong, details) = (found(), details());
        assert_eq!(Form::Text.write(&wrong, Some(&details)), "DISABLED BY FILE");
        let object: Value =
            serde_json::from_str(&Form::Json.write(&wrong, Some(&details))).unwrap();
        let expected = json!({
            "detailed": true,
            "ferric_version": env!("CARGO_PKG_VERSION"),
            "now": "2026-01-02 03:04:05.000006",
            "platform": "Linux-6.1-x86_64",
            "reasons": [
                {"class": "HealthcheckResult", "reason": "OK", "details": "the store answers"},
                {"class": "HealthcheckResult", "reason": "DISABLED BY FILE", "details": "Path '/a&<b>' was found"},
            ],
            "threads": ["ferric 7: S (sleeping)"],
        });
        assert_eq!(object, expected);
        let page = Form::Html.write(&wrong, Some(&details));
        for part in [
            "<h1>Server status</h1>",
            "<p>Server hostname: a&lt;b</p>",
            "<p>Current time: 2026-01-02 03:04:05.000006</p>",
            "<h2>Result of 2 checks:</h2>",
            "<td>DISABLED BY FILE</td><td>Path '/a&amp;&lt;b&gt;' was found</td>",
            "<h2>1 thread(s) active:</h2>\n<ul><li>ferric 7: S (sleeping)</li></ul>",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("<b>"), "{page}");
    }
}
