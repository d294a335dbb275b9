//! A Redfish resource as the BMC gave it. No field is taken for granted.

use serde_json::Value;

/// A resource, its path, and the entity tag under which it may be changed.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) path: String,
    etag: Option<String>,
    body: Value,
}

impl Resource {
    /// The tag comes as a header, or within the resource where a BMC forgets the header.
    pub(crate) fn new(path: &str, header: Option<String>, body: Value) -> Self {
        let etag = header.or_else(|| Some(body.get("@odata.etag")?.as_str()?.to_owned()));
        Self {
            path: path.to_owned(),
            etag,
            body,
        }
    }

    pub(crate) fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    pub(crate) fn value(&self, pointer: &str) -> Option<&Value> {
        self.body.pointer(pointer).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&self, pointer: &str) -> Option<&str> {
        self.value(pointer)?.as_str()
    }

    /// Where another resource is: the `@odata.id` of the object at `pointer`.
    pub(crate) fn link(&self, pointer: &str) -> Option<&str> {
        self.value(pointer)?.get("@odata.id")?.as_str()
    }

    /// The texts of a list; `None` where there is no list, which is not the same as an empty one.
    pub(crate) fn texts(&self, pointer: &str) -> Option<Vec<String>> {
        texts(self.value(pointer)?)
    }

    /// All that the BMC gave.
    pub(crate) fn into_body(self) -> Value {
        self.body
    }

    /// The members of a collection.
    pub(crate) fn members(&self) -> Vec<String> {
        let members = self.value("/Members").and_then(Value::as_array);
        let link = |member: &Value| Some(member.get("@odata.id")?.as_str()?.to_owned());
        members.into_iter().flatten().filter_map(link).collect()
    }
}

/// The texts of a JSON list.
pub(crate) fn texts(value: &Value) -> Option<Vec<String>> {
    Some(
        value
            .as_array()?
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    )
}
