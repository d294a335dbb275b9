//! `/docs`: the document as a page for people. Without scripts, and nothing on it comes from elsewhere.

use super::document;
use crate::api::answers::Shared;
use axum::Extension;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header;
use serde_json::{Map, Value};
use std::sync::LazyLock;

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#1c2024}\
    code,pre{font-family:ui-monospace,monospace;font-size:13px}nav a{margin-right:.8rem}\
    details{border:1px solid #d5d9de;border-radius:4px;margin:.3rem 0;padding:.3rem .6rem}summary{cursor:pointer}\
    .m{display:inline-block;width:4.5rem;font-weight:600}table{border-collapse:collapse;margin:.4rem 0}\
    td,th{text-align:left;padding:.1rem .8rem .1rem 0;vertical-align:top}h4{margin:.6rem 0 .1rem}\
    @media(prefers-color-scheme:dark){body{background:#15181c;color:#d9dde2}a{color:#7ab0ff}details{border-color:#3a4048}}";
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

pub(super) async fn serve() -> Response {
    static PAGE: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(page(&document())));
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, Extension(Shared), PAGE.clone()).into_response()
}

fn page(document: &Value) -> String {
    let info = &document["info"];
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}: the API</title>\
         <style>{STYLE}</style></head><body><h1>{title}</h1><p>{summary}. {description} \
         <a href=\"openapi.json\">openapi.json</a></p>",
        title = text(&info["title"]),
        summary = text(&info["summary"]),
        description = text(&info["description"]),
    );
    let groups = groups(document);
    page.push_str("<nav>");
    for (tag, _) in &groups {
        let tag = escaped(tag);
        add(&mut page, format_args!("<a href=\"#{tag}\">{tag}</a>"));
    }
    page.push_str("<a href=\"#schemas\">schemas</a></nav>");
    for (tag, operations) in &groups {
        let tag = escaped(tag);
        add(&mut page, format_args!("<h2 id=\"{tag}\">{tag}</h2>"));
        operations
            .iter()
            .for_each(|operation| operation.write(&mut page));
    }
    page.push_str("<h2 id=\"schemas\">schemas</h2>");
    for (name, schema) in members(&document["components"]["schemas"]) {
        let name = escaped(name);
        add(
            &mut page,
            format_args!("<h3 id=\"schema-{name}\">{name}</h3>"),
        );
        properties(&mut page, schema);
    }
    page.push_str("</body></html>\n");
    page
}

struct Operation<'d> {
    method: &'d str,
    path: &'d str,
    of_path: &'d Value,
    itself: &'d Value,
}

/// The operations by their headings, in the order of the document.
fn groups(document: &Value) -> Vec<(&str, Vec<Operation<'_>>)> {
    let mut groups: Vec<(&str, Vec<Operation<'_>>)> = Vec::new();
    for (path, methods) in members(&document["paths"]) {
        let operations = members(methods).filter(|(method, _)| *method != "parameters");
        for (method, itself) in operations {
            let tag = itself["tags"][0].as_str().unwrap_or_default();
            let operation = Operation {
                method,
                path,
                of_path: &methods["parameters"],
                itself,
            };
            match groups.iter_mut().find(|(known, _)| *known == tag) {
                Some((_, group)) => group.push(operation),
                None => groups.push((tag, vec![operation])),
            }
        }
    }
    groups
}

impl Operation<'_> {
    fn write(&self, page: &mut String) {
        let (method, path) = (escaped(&self.method.to_uppercase()), escaped(self.path));
        let summary = text(&self.itself["summary"]);
        add(
            page,
            format_args!(
                "<details><summary><span class=\"m\">{method}</span><code>{path}</code> {summary}</summary>"
            ),
        );
        let of_query = items(&self.itself["parameters"]);
        let named = items(self.of_path)
            .chain(of_query)
            .filter(|parameter| parameter["name"].is_string());
        let rows: Vec<String> = named.map(row_of_parameter).collect();
        if !rows.is_empty() {
            add(
                page,
                format_args!("<h4>parameters</h4><table>{}</table>", rows.concat()),
            );
        }
        let body = &self.itself["requestBody"]["content"];
        if body.is_object() {
            add(
                page,
                format_args!("<h4>body</h4><p>{}</p>", of_content(body)),
            );
        }
        page.push_str("<h4>answers</h4><table>");
        for (status, answer) in members(&self.itself["responses"]) {
            let (status, why) = (escaped(status), text(&answer["description"]));
            let content = of_content(&answer["content"]);
            add(page, format_args!("<tr><td>{status}<td>{why}<td>{content}"));
        }
        page.push_str("</table></details>");
    }
}

fn row_of_parameter(parameter: &Value) -> String {
    let name = text(&parameter["name"]);
    let place = text(&parameter["in"]);
    format!(
        "<tr><td><code>{name}</code><td>{place}<td>{}",
        form(&parameter["schema"])
    )
}

/// Which types a body has, each with its schema.
fn of_content(content: &Value) -> String {
    let types =
        members(content).map(|(kind, body)| format!("{} {}", escaped(kind), form(&body["schema"])));
    types.collect::<Vec<_>>().join(", ")
}

fn properties(page: &mut String, schema: &Value) {
    if !schema["properties"].is_object() {
        return add(page, format_args!("<p>{}</p>", form(schema)));
    }
    page.push_str("<table>");
    for (name, property) in members(&schema["properties"]) {
        let needed = items(&schema["required"]).any(|required| required == name);
        let mark = if needed { "required" } else { "" };
        let (name, about) = (escaped(name), text(&property["description"]));
        let form = form(property);
        add(
            page,
            format_args!("<tr><td><code>{name}</code><td>{form}<td>{mark}<td>{about}"),
        );
    }
    page.push_str("</table>");
}

/// A schema in a few words.
fn form(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = escaped(reference.rsplit('/').next().unwrap_or(reference));
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    if let Some(choice) = schema["enum"].as_array() {
        let words: Vec<String> = choice.iter().map(word).collect();
        return words.join(" | ");
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(word).collect::<Vec<_>>().join(" or "),
        Value::String(kind) => escaped(kind),
        _ => "anything".to_owned(),
    };
    match (&schema["items"], schema["format"].as_str()) {
        (Value::Null, None) => kind,
        (Value::Null, Some(format)) => format!("{kind}, {}", escaped(format)),
        (items, _) => format!("{kind} of {}", form(items)),
    }
}

fn word(value: &Value) -> String {
    let plain = value.as_str().map(str::to_owned);
    escaped(&plain.unwrap_or_else(|| value.to_string()))
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let object: Option<&Map<String, Value>> = value.as_object();
    object
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value))
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    escaped(value.as_str().unwrap_or_default())
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn add(page: &mut String, what: std::fmt::Arguments<'_>) {
    page.push_str(&what.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_has_every_operation_and_schema_and_each_link_leads_somewhere() {
        let document = document();
        let page = page(&document);
        for (path, methods) in members(&document["paths"]) {
            assert!(page.contains(&format!("<code>{path}</code>")), "{path}");
            let operations = members(methods).filter(|(method, _)| *method != "parameters");
            for (method, operation) in operations {
                let summary = operation["summary"].as_str().unwrap();
                assert!(page.contains(&escaped(summary)), "{method} {path}");
            }
        }
        for link in page.split("href=\"#").skip(1) {
            let target = link.split('"').next().unwrap();
            assert!(page.contains(&format!("id=\"{target}\"")), "#{target}");
        }
    }

    #[test]
    fn what_the_document_says_is_no_markup() {
        let schema = json!({"enum": ["<b>", "\"&"]});
        assert_eq!(form(&schema), "&lt;b&gt; | &quot;&amp;");
    }
}
