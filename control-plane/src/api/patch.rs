//! Ironic's dialect of JSON patch: three operations, roots from a list, and the result checked as a whole.

use super::error::{ApiError, ApiResult};
use super::fields::{Field, find, newer};
use super::masking::refuse_masked;
use super::version::ApiVersion;
use crate::api::gates::ANY_KEY;
use json_patch::PatchOperation;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Objects whose secrets are shown masked, and must not be sent back so.
const MASKED_ROOTS: &[&str] = &["driver_info", "instance_info"];

/// A parsed patch, of which nothing is known yet but that it is one.
#[derive(Debug)]
pub(super) struct Patch(Vec<Operation>);

#[derive(Debug)]
struct Operation {
    root: String,
    path: String,
    removes: bool,
    value: Value,
    applied: PatchOperation,
}

impl Patch {
    /// 400 unless it is a list of `add`, `replace` and `remove` with paths that this version can read.
    pub(super) fn parse(body: Value, version: ApiVersion) -> ApiResult<Self> {
        let Value::Array(operations) = body else {
            return Err(ApiError::invalid("a patch must be a list of operations"));
        };
        let parsed = operations
            .into_iter()
            .map(|operation| Operation::parse(operation, version));
        parsed.collect::<ApiResult<_>>().map(Self)
    }

    /// Refuses roots that are not for patching (400) or not there yet in this version (406), and masked secrets (400).
    pub(super) fn check(&self, table: &'static [Field], version: ApiVersion) -> ApiResult<()> {
        for operation in &self.0 {
            let field = find(table, &operation.root).filter(|field| field.writable_by_patch());
            let field = field.ok_or_else(|| not_patchable(table, &operation.path))?;
            if !operation.removes && !field.exists_in(version) {
                return Err(newer(&format!("the field {}", field.name), field.since));
            }
            if MASKED_ROOTS.contains(&field.name) {
                refuse_masked(&operation.path, &operation.value)?;
            }
        }
        Ok(())
    }

    /// Applies it to the object, and answers with the fields that it touched and their checked values.
    pub(super) fn apply(
        &self,
        table: &'static [Field],
        object: Map<String, Value>,
    ) -> ApiResult<Vec<(&'static Field, Value)>> {
        let mut document = Value::Object(object);
        for (index, operation) in self.0.iter().enumerate() {
            let one = std::slice::from_ref(&operation.applied);
            json_patch::patch(&mut document, one).map_err(|error| {
                let path = &operation.path;
                ApiError::invalid(format!(
                    "operation {index} of the patch, on {path}: {}",
                    error.kind
                ))
            })?;
        }
        let roots: BTreeSet<&str> = self
            .0
            .iter()
            .map(|operation| operation.root.as_str())
            .collect();
        let touched = table.iter().filter(|field| roots.contains(field.name));
        touched
            .map(|field| {
                Ok((
                    field,
                    checked(field, document.get_mut(field.name).map(Value::take))?,
                ))
            })
            .collect()
    }

    /// The values that are put at exactly this path.
    pub(super) fn values(&self, path: &str) -> impl Iterator<Item = &Value> {
        let matching = move |operation: &&Operation| operation.path == path && !operation.removes;
        self.0
            .iter()
            .filter(matching)
            .map(|operation| &operation.value)
    }

    /// The field of each operation, with the value that it puts there: null where it takes something away.
    pub(super) fn touched(&self) -> impl Iterator<Item = (&str, &Value)> {
        let operations = self.0.iter();
        operations.map(|operation| (operation.root.as_str(), &operation.value))
    }

    /// The same but for what removes this field.
    #[must_use]
    pub(super) fn without_removal(mut self, root: &str) -> Self {
        let removes = |operation: &Operation| operation.removes && operation.path[1..] == *root;
        self.0.retain(|operation| !removes(operation));
        self
    }

    /// Whether it does something to this field, or to a part of it.
    pub(super) fn touches(&self, root: &str) -> bool {
        self.0.iter().any(|operation| operation.root == root)
    }

    /// Whether this field is gone afterwards.
    pub(super) fn removes(&self, path: &str) -> bool {
        let mut at_it = self.0.iter().filter(|operation| operation.path == path);
        at_it.next_back().is_some_and(|last| last.removes)
    }

    /// Whether it does nothing but remove this one field.
    pub(super) fn only_removes(&self, path: &str) -> bool {
        matches!(self.0.as_slice(), [operation] if operation.removes && operation.path == path)
    }
}

impl Operation {
    fn parse(operation: Value, version: ApiVersion) -> ApiResult<Self> {
        let Value::Object(object) = &operation else {
            return Err(ApiError::invalid(
                "each operation of a patch must be an object",
            ));
        };
        if let Some(key) = object
            .keys()
            .find(|key| !["op", "path", "value"].contains(&key.as_str()))
        {
            return Err(ApiError::invalid(format!(
                "{key} is not a key of a patch operation"
            )));
        }
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        let (op, path) = (text("op").to_owned(), text("path").to_owned());
        if !["add", "replace", "remove"].contains(&op.as_str()) {
            return Err(ApiError::invalid(format!(
                "{op:?} is not an operation of a patch: use add, replace or remove"
            )));
        }
        let root = root(&path, version)?.to_owned();
        let removes = op == "remove";
        if !removes && !object.contains_key("value") {
            return Err(ApiError::invalid(format!(
                "the operation {op} on {path} has no value"
            )));
        }
        let value = object.get("value").cloned().unwrap_or_default();
        let applied = serde_json::from_value(operation)
            .map_err(|error| ApiError::invalid(format!("the operation {op} on {path}: {error}")))?;
        Ok(Self {
            root,
            path,
            removes,
            value,
            applied,
        })
    }
}

/// The first segment. Fields have names of word characters, so it is never written with `~`.
fn root(path: &str, version: ApiVersion) -> ApiResult<&str> {
    let (fits, form): (fn(&str) -> bool, _) = match version.0 >= ANY_KEY {
        true => (
            is_pointer,
            "behind slashes, where ~1 stands for a slash and ~0 for a tilde in a name",
        ),
        false => (
            is_word,
            "of letters, digits, _ and - behind slashes; API version 1.98 and newer takes others too",
        ),
    };
    let segments = path.strip_prefix('/').map(|rest| rest.split('/'));
    match segments {
        Some(mut segments) if segments.clone().all(fits) => Ok(segments.next().unwrap_or_default()),
        Some(_) | None => Err(ApiError::invalid(format!(
            "{path:?} is not a path for a patch: segments {form}"
        ))),
    }
}

fn is_word(segment: &str) -> bool {
    let allowed = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '-';
    !segment.is_empty() && segment.chars().all(allowed)
}

/// A name as JSON pointers write it. An empty one would be a key too, and is a slash too many.
fn is_pointer(segment: &str) -> bool {
    let mut behind_tildes = segment.split('~').skip(1);
    !segment.is_empty() && behind_tildes.all(|rest| rest.starts_with(['0', '1']))
}

fn not_patchable(table: &'static [Field], path: &str) -> ApiError {
    let names = table.iter().filter(|field| field.writable_by_patch());
    let names: Vec<_> = names.map(|field| field.name).collect();
    ApiError::invalid(format!(
        "{path} cannot be patched; these can: {}",
        names.join(", ")
    ))
}

fn checked(field: &'static Field, value: Option<Value>) -> ApiResult<Value> {
    match value {
        Some(value) => field.shape.check(field.name, value),
        None => field.shape.absent().ok_or_else(|| {
            ApiError::invalid(format!(
                "{} must be there and cannot be removed",
                field.name
            ))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::Write;
    use super::super::shape::Shape;
    use super::*;
    use serde_json::json;

    const TABLE: &[Field] = &[
        Field::new("uuid", 1, Write::Create, Shape::Uuid),
        Field::new("driver", 1, Write::Both, Shape::Required),
        Field::new("driver_info", 1, Write::Both, Shape::Object),
        Field::new("name", 5, Write::Both, Shape::Text(255)),
    ];

    fn run(patch: Value, version: u16) -> ApiResult<Vec<(&'static str, Value)>> {
        let patch = Patch::parse(patch, ApiVersion(version))?;
        patch.check(TABLE, ApiVersion(version))?;
        let object = json!({"driver": "d", "driver_info": {"a": {"b": 1}, "l": [1]}, "name": null});
        let changes = patch.apply(TABLE, object.as_object().unwrap().clone())?;
        Ok(changes
            .into_iter()
            .map(|(field, value)| (field.name, value))
            .collect())
    }

    fn accepts(patch: Value, expected: &[(&'static str, Value)]) {
        assert_eq!(run(patch, 115).unwrap(), expected);
    }

    fn refuses_in(version: u16, patch: Value, status: &str, text: &str) {
        let error = format!("{:?}", run(patch, version).unwrap_err());
        assert!(error.contains(status) && error.contains(text), "{error}");
    }

    #[test]
    fn what_a_patch_touches() {
        let patch = json!([
            {"op": "remove", "path": "/name"},
            {"op": "add", "path": "/name", "value": "n"},
            {"op": "remove", "path": "/driver_info/a"},
            {"op": "remove", "path": "/driver"},
        ]);
        let patch = Patch::parse(patch, ApiVersion::MAX).unwrap();
        assert!(patch.touches("driver_info") && !patch.touches("extra"));
        assert!(patch.removes("/driver") && !patch.removes("/driver_info"));
        assert!(!patch.removes("/name"), "it is there again");
        let patch = patch.without_removal("driver");
        assert!(!patch.touches("driver") && patch.touches("driver_info"));
    }

    #[test]
    fn operations() {
        accepts(
            json!([{"op": "add", "path": "/name", "value": "n"}]),
            &[("name", json!("n"))],
        );
        accepts(
            json!([{"op": "replace", "path": "/driver_info/a/b", "value": 2}, {"op": "add", "path": "/driver_info/l/-", "value": 2}]),
            &[("driver_info", json!({"a": {"b": 2}, "l": [1, 2]}))],
        );
        accepts(
            json!([{"op": "remove", "path": "/driver_info/a"}]),
            &[("driver_info", json!({"l": [1]}))],
        );
        accepts(
            json!([{"op": "remove", "path": "/driver_info"}]),
            &[("driver_info", json!({}))],
        );
        accepts(
            json!([{"op": "remove", "path": "/name"}]),
            &[("name", json!(null))],
        );
    }

    /// At the newest version.
    fn refuses(patch: Value, text: &str) {
        refuses_in(115, patch, "400", text);
    }

    fn op(op: &str, path: &str, value: impl Into<Value>) -> Value {
        let value: Value = value.into();
        json!([{"op": op, "path": path, "value": value}])
    }

    #[test]
    fn what_is_no_patch_is_refused() {
        refuses(json!({}), "a list");
        refuses(json!([1]), "an object");
        let moved = json!([{"op": "move", "from": "/name", "path": "/driver"}]);
        refuses(moved, "from");
        refuses(op("test", "/name", json!(1)), "not an operation");
        refuses(op("add", "name", json!("n")), "not a path");
        refuses(json!([{"op": "add", "path": "/name"}]), "no value");
    }

    /// 1.98 brought the keys that JSON pointers can name.
    #[test]
    fn keys_of_any_name() {
        for (path, key) in [
            ("/driver_info/a.b", "a.b"),
            ("/driver_info/a~1b", "a/b"),
            ("/driver_info/a~0b", "a~b"),
            ("/driver_info/~01", "~1"),
            ("/driver_info/a b", "a b"),
        ] {
            let added = run(op("add", path, 1), 98).unwrap();
            assert_eq!(added[0].1[key], 1, "{path}");
            refuses_in(97, op("add", path, 1), "400", "1.98");
        }
        for path in [
            "/driver_info/a~",
            "/driver_info/a~2b",
            "/driver_info/",
            "//a",
            "/",
            "",
        ] {
            refuses(op("add", path, 1), "not a path");
        }
        refuses(op("add", "/driver~1info", 1), "cannot be patched");
    }

    #[test]
    fn what_may_not_change_is_refused() {
        refuses(op("add", "/uuid", json!("x")), "cannot be patched");
        refuses(op("add", "/bogus", json!("x")), "driver, driver_info, name");
        refuses(
            json!([{"op": "remove", "path": "/driver"}]),
            "cannot be removed",
        );
        refuses(
            json!([{"op": "remove", "path": "/driver_info/none"}]),
            "operation 0",
        );
        refuses(op("add", "/driver_info", json!(1)), "an object");
        refuses(
            op("add", "/driver_info/redfish_password", json!("******")),
            "never stored",
        );
        refuses_in(4, op("add", "/name", json!("n")), "406", "1.5");
    }
}
