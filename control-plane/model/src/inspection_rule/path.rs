//! Places in nested objects: `a/b/c`, `a.b.c`, and what can be done there.

use crate::node::Object;
use serde_json::Value;

/// Deeper than that nothing is made: what is stored must be readable again.
const DEEPEST: usize = 20;

/// The parts of a path: with a slash in it they are parted by slashes, otherwise by dots.
pub(super) fn parts(path: &str) -> Result<Vec<&str>, String> {
    let parts: Vec<_> = if path.contains('/') {
        path.trim_matches('/').split('/').collect()
    } else {
        path.split('.').collect()
    };
    checked(path, parts)
}

/// The parts of a path in plugin data, whose keys may have slashes.
pub(super) fn dotted(path: &str) -> Result<Vec<&str>, String> {
    checked(path, path.split('.').collect())
}

fn checked<'a>(path: &str, parts: Vec<&'a str>) -> Result<Vec<&'a str>, String> {
    if parts.iter().any(|part| part.is_empty()) {
        return Err(format!(
            "{path:?} is not a path such as driver_info/redfish_address"
        ));
    }
    if parts.len() > DEEPEST {
        return Err(format!("a path may have at most {DEEPEST} parts"));
    }
    Ok(parts)
}

/// The object that holds the last part; missing ones on the way are made.
fn holder<'a>(object: &'a mut Object, way: &[&str]) -> Result<&'a mut Object, String> {
    let mut current = object;
    for part in way {
        let next = current
            .entry(*part)
            .or_insert_with(|| Value::Object(Object::new()));
        current = next
            .as_object_mut()
            .ok_or_else(|| format!("{part} is not an object"))?;
    }
    Ok(current)
}

pub(super) fn set(object: &mut Object, parts: &[&str], value: Value) -> Result<(), String> {
    let Some((last, way)) = parts.split_last() else {
        return Err("the path is empty".to_owned());
    };
    holder(object, way)?.insert((*last).to_owned(), value);
    Ok(())
}

/// Appends to the list there; one that is missing or null is made.
pub(super) fn extend(
    object: &mut Object,
    parts: &[&str],
    value: Value,
    unique: bool,
) -> Result<(), String> {
    let Some((last, way)) = parts.split_last() else {
        return Err("the path is empty".to_owned());
    };
    let list = holder(object, way)?
        .entry(*last)
        .or_insert_with(|| Value::Array(Vec::new()));
    if list.is_null() {
        *list = Value::Array(Vec::new());
    }
    let items = list
        .as_array_mut()
        .ok_or_else(|| format!("{last} is not a list"))?;
    if !(unique && items.iter().any(|item| super::python::equal(item, &value))) {
        items.push(value);
    }
    Ok(())
}

/// Whether something was there.
pub(super) fn remove(object: &mut Object, parts: &[&str]) -> bool {
    let Some((last, way)) = parts.split_last() else {
        return false;
    };
    let mut current = object;
    for part in way {
        match current.get_mut(*part).and_then(Value::as_object_mut) {
            Some(next) => current = next,
            None => return false,
        }
    }
    current.shift_remove(*last).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths() {
        assert_eq!(parts("/a/b.c/").unwrap(), ["a", "b.c"]);
        assert_eq!(parts("a.b").unwrap(), ["a", "b"]);
        assert_eq!(dotted("a.b/c").unwrap(), ["a", "b/c"]);
        assert!(parts("").is_err() && parts("/").is_err() && parts("a..b").is_err());
        assert!(parts(&"a/".repeat(1000)).unwrap_err().contains("at most"));
    }

    #[test]
    fn places() {
        let mut object = json!({"a": {"b": 1}, "n": null})
            .as_object()
            .unwrap()
            .clone();
        set(&mut object, &["a", "c", "d"], json!(2)).unwrap();
        assert!(set(&mut object, &["a", "b", "d"], json!(2)).is_err());
        extend(&mut object, &["l"], json!(1), false).unwrap();
        extend(&mut object, &["l"], json!(1), true).unwrap();
        extend(&mut object, &["l"], json!(1), false).unwrap();
        extend(&mut object, &["n"], json!(1), true).unwrap();
        assert!(extend(&mut object, &["a"], json!(1), true).is_err());
        assert!(remove(&mut object, &["a", "b"]) && !remove(&mut object, &["a", "x", "y"]));
        let expected = json!({"a": {"c": {"d": 2}}, "n": [1], "l": [1, 1]});
        assert_eq!(Value::Object(object), expected);
    }
}
