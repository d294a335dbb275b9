//! Templates: `{node.driver}`, `{inventory[cpu][count]}`, in the notation of Python's `str.format`, as far as it makes
//! sense for JSON. Nothing is called and no attribute but a node's is read.

mod specification;

use super::python::{Text, TooLong};
use super::secrets::Shown;
use serde_json::Value;
use specification::formatted;
use std::cell::Cell;

/// What templates may name.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) node: &'a Value,
    pub(super) inventory: &'a Value,
    pub(super) plugin_data: &'a Value,
    pub(super) item: Option<&'a Value>,
    /// Whether secrets are hidden.
    pub(super) masked: bool,
    /// Bytes that the texts of this inspection may still have.
    pub(super) left: &'a Cell<usize>,
}

/// Why a template cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unfilled {
    /// A key is not there.
    Missing(String),
    /// It is no template, or names what cannot be there.
    Wrong(String),
    TooLong,
}

impl From<TooLong> for Unfilled {
    fn from(TooLong: TooLong) -> Self {
        Self::TooLong
    }
}

/// A value that a field stands for, and how much of it may be shown.
type Named<'a> = (&'a Value, Shown);

/// The template as a text.
pub(super) fn fill(template: &str, scope: Scope<'_>) -> Result<String, Unfilled> {
    let mut text = Text::new(scope.left);
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        text.push(&rest[..at])?;
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix(brace) {
            text.push(brace)?;
            rest = behind;
            continue;
        }
        if brace == "}" {
            return Err(wrong("a single } stands in it"));
        }
        let end = end_of_field(rest)?;
        push_field(&mut text, &rest[..end], scope)?;
        rest = &rest[end + 1..];
    }
    text.push(rest)?;
    Ok(text.into_string())
}

/// The value itself, of a template that is nothing but one field.
pub(super) fn lone_value<'a>(template: &str, scope: Scope<'a>) -> Option<&'a Value> {
    let field = template.strip_prefix('{')?.strip_suffix('}')?;
    if field.contains(['{', '}', '!', ':']) {
        return None;
    }
    find(field, scope).ok().map(|(value, _)| value)
}

fn wrong(problem: impl Into<String>) -> Unfilled {
    Unfilled::Wrong(problem.into())
}

/// The closing brace; one within the specification is for nested fields, which nobody needs.
fn end_of_field(rest: &str) -> Result<usize, Unfilled> {
    let end = rest
        .find(['{', '}'])
        .ok_or_else(|| wrong("a { is not closed"))?;
    if rest[end..].starts_with('{') {
        return Err(wrong("a { stands within braces"));
    }
    Ok(end)
}

fn push_field(text: &mut Text<'_>, field: &str, scope: Scope<'_>) -> Result<(), Unfilled> {
    let (field, specification) = match split_outside_brackets(field, ':') {
        Some((field, specification)) => (field, specification),
        None => (field, ""),
    };
    let (name, conversion) = match split_outside_brackets(field, '!') {
        Some((name, conversion)) => (name, Some(conversion)),
        None => (field, None),
    };
    let (value, shown) = find(name, scope)?;
    match conversion {
        None if !specification.is_empty() => {
            return Ok(text.push(&formatted(value, specification)?)?);
        }
        None | Some("s") => text.push_str_of(value, shown)?,
        Some("r" | "a") => text.push_repr(value, shown)?,
        Some(other) => return Err(wrong(format!("!{other} is no conversion"))),
    }
    if specification.is_empty() {
        return Ok(());
    }
    Err(wrong("a conversion and a format do not go together"))
}

/// At the first such letter that is not within brackets.
fn split_outside_brackets(field: &str, at: char) -> Option<(&str, &str)> {
    let mut inside = false;
    for (index, letter) in field.char_indices() {
        match letter {
            '[' => inside = true,
            ']' => inside = false,
            letter if letter == at && !inside => {
                return Some((&field[..index], &field[index + letter.len_utf8()..]));
            }
            _ => {}
        }
    }
    None
}

/// Walks from a name through `.attribute` and `[key]`.
fn find<'a>(path: &str, scope: Scope<'a>) -> Result<Named<'a>, Unfilled> {
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (name, mut rest) = path.split_at(end);
    let (root, shown) = match name {
        "node" => (Some(scope.node), Shown::NoSecrets),
        "inventory" => (Some(scope.inventory), Shown::NoCredentials),
        "plugin_data" => (Some(scope.plugin_data), Shown::NoCredentials),
        "item" => (scope.item, Shown::All),
        _ => (None, Shown::All),
    };
    let shown = if scope.masked { shown } else { Shown::All };
    let mut value = match root {
        Some(value) => value,
        None if name.is_empty() || name.bytes().all(|byte| byte.is_ascii_digit()) => {
            return Err(wrong("a field must have a name"));
        }
        None => return Err(Unfilled::Missing(format!("there is no {name}"))),
    };
    let mut attributes = name == "node";
    while !rest.is_empty() {
        let (key, behind, is_attribute) = part(rest)?;
        value = if is_attribute {
            let found = value.get(key).filter(|_| attributes);
            let found = found.ok_or_else(|| wrong(format!("there is no attribute {key}")))?;
            shown.of(key, found)
        } else {
            index(value, key, shown)?
        };
        attributes = false;
        rest = behind;
    }
    Ok((value, shown))
}

/// The first part of a path, what is behind it, and whether it is an attribute.
fn part(rest: &str) -> Result<(&str, &str, bool), Unfilled> {
    if let Some(inner) = rest.strip_prefix('[') {
        let end = inner.find(']').filter(|end| *end > 0);
        let end = end.ok_or_else(|| wrong("a [ is not closed, or empty"))?;
        let behind = &inner[end + 1..];
        if !(behind.is_empty() || behind.starts_with(['.', '['])) {
            return Err(wrong("only . or [ may follow ]"));
        }
        return Ok((&inner[..end], behind, false));
    }
    let inner = &rest[1..];
    let end = inner.find(['.', '[']).unwrap_or(inner.len());
    if end == 0 {
        return Err(wrong("an attribute has no name"));
    }
    Ok((&inner[..end], &inner[end..], true))
}

fn index<'a>(value: &'a Value, key: &str, shown: Shown) -> Result<&'a Value, Unfilled> {
    let missing = || Unfilled::Missing(format!("there is no {key}"));
    match value {
        Value::Object(object) => {
            let found = object.get(key).ok_or_else(missing)?;
            Ok(shown.of(key, found))
        }
        Value::Array(items) => {
            let index: usize = key
                .parse()
                .map_err(|_| wrong(format!("{key} is no place in a list")))?;
            let found = items.get(index);
            found.ok_or_else(|| wrong(format!("there is no place {key} in the list")))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Err(wrong(format!("{key} is asked of what has no keys")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};
    use serde_json::json;

    fn with<T>(work: impl FnOnce(Scope<'_>) -> T) -> T {
        let node = json!({"driver": "idrac", "name": null, "properties": {"cpus": 8},
            "driver_info": {"redfish_password": "hunter2"}});
        let inventory = json!({"cpu": {"count": 16, "flags": ["vmx", "aes"]}, "bmc_password": "x",
            "boot": {"mode": "uefi"}});
        let (plugin_data, item) = (json!({"a:b": 1, "auto": true}), json!({"path": "/p"}));
        let left = Cell::new(1 << 20);
        work(Scope {
            node: &node,
            inventory: &inventory,
            plugin_data: &plugin_data,
            item: Some(&item),
            masked: true,
            left: &left,
        })
    }

    fn check(template: &str, expected: Result<&str, &str>) {
        let found = with(|scope| fill(template, scope));
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{template}"),
            (Err(found), Err(expected)) => {
                let found = format!("{found:?}");
                assert!(found.contains(expected), "{template}: {found}");
            }
            (found, expected) => panic!("{template}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn fields() {
        check("plain", Ok("plain"));
        check("{node.driver}-{item[path]}", Ok("idrac-/p"));
        check("{node[driver]}", Ok("idrac"));
        check("{node.name}", Ok("None"));
        check("{node.properties[cpus]}", Ok("8"));
        check("{inventory[cpu][flags][1]}", Ok("aes"));
        check("{inventory[cpu][flags]}", Ok("['vmx', 'aes']"));
        check("{plugin_data[a:b]} {plugin_data[auto]}", Ok("1 True"));
        check("{{{node.driver}}}", Ok("{idrac}"));
        check("{node.driver!r}", Ok("'idrac'"));
        check(
            "{inventory[cpu][count]:04d}|{node.driver:>7}|{node.driver:*^9.2}",
            Ok("0016|  idrac|***id****"),
        );
        check("{inventory[cpu][count]:x}", Ok("10"));
    }

    #[test]
    fn secrets_are_hidden() {
        check("{node.driver_info[redfish_password]}", Ok("***"));
        check("{node.driver_info}", Ok("{'redfish_password': '***'}"));
        check("{inventory[bmc_password]}", Ok("***"));
        let shown = with(|scope| {
            let scope = Scope {
                masked: false,
                ..scope
            };
            fill(
                "{node.driver_info[redfish_password]}{inventory[bmc_password]}",
                scope,
            )
        });
        assert_eq!(shown.unwrap(), "hunter2x");
    }

    #[test]
    fn what_cannot_be_filled_in() {
        check("{inventory[nothing]}", Err("Missing"));
        check("{nothing}", Err("Missing"));
        check("{inventory.cpu}", Err("no attribute cpu"));
        check("{node.properties.cpus}", Err("no attribute cpus"));
        check("{inventory[cpu][flags][9]}", Err("no place 9"));
        check("{inventory[cpu][flags][x]}", Err("no place in a list"));
        check("{node.driver[x]}", Err("no keys"));
        for template in [
            "{",
            "}",
            "{}",
            "{0}",
            "a{2}",
            "{node.driver",
            "{node.}",
            "{inventory[}",
            "{inventory[]}",
        ] {
            check(template, Err("Wrong"));
        }
        check("{node.driver!x}", Err("Wrong"));
        check("{node.driver:99999}", Err("Wrong"));
        check("{node.driver:{item}}", Err("Wrong"));
        check("{node.__class__}", Err("Wrong"));
    }

    #[test]
    fn a_lone_field_is_a_value() {
        with(|scope| {
            assert_eq!(lone_value("{node.name}", scope), Some(&json!(null)));
            assert_eq!(lone_value("{node.name} ", scope), None);
            assert_eq!(lone_value("{node.nothing}", scope), None);
        });
    }

    #[test]
    fn texts_are_bounded() {
        with(|scope| {
            let left = Cell::new(10);
            let scope = Scope {
                left: &left,
                ..scope
            };
            assert_eq!(fill("{inventory}", scope), Err(Unfilled::TooLong));
        });
    }

    proptest! {
        #[test]
        fn no_template_is_too_strange(template in "[{}\\[\\].:!a-z0-9 é<>^]{0,40}", other in any::<String>()) {
            with(|scope| {
                drop(fill(&template, scope));
                drop(fill(&other, scope));
                assert!(lone_value(&template, scope).is_none() || template.starts_with('{'));
            });
        }

        #[test]
        fn doubled_braces_come_back_single(text in "[{}a-z]{0,20}") {
            let template = text.replace('{', "{{").replace('}', "}}");
            with(|scope| assert_eq!(fill(&template, scope).unwrap(), text));
        }

        #[test]
        fn no_format_is_too_strange(specification in ".{0,12}", parts in prop::collection::vec(any::<i64>(), 1)) {
            drop(formatted(&json!(parts[0]), &specification));
            drop(formatted(&json!("text"), &specification));
        }
    }
}
