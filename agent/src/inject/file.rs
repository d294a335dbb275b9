//! The list of files: what is wanted of each, checked before anything is done.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::InjectError;

/// More than anybody writes down.
const MAX_FILES: usize = 1000;
const KEYS: [&str; 8] = [
    "path",
    "partition",
    "content",
    "deleted",
    "mode",
    "dirmode",
    "owner",
    "group",
];
const MAX_MODE: u64 = 0o7777;

/// One file of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InjectedFile {
    /// As it was written down, for messages.
    pub(super) path: String,
    /// The names of the directories on the way, and of the file.
    pub(super) names: Vec<String>,
    pub(super) target: Target,
    pub(super) change: Change,
    pub(super) mode: Option<u32>,
    /// Of the directory that the file is in, if that is made.
    pub(super) directory_mode: Option<u32>,
    pub(super) owner: Option<u32>,
    pub(super) group: Option<u32>,
}

/// The partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Of the root device, the first is 1.
    Number(u32),
    Device(PathBuf),
    /// The first one of the root device with the first directory of the path.
    Found,
}

/// What becomes of the file.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// Base64, or an address.
    Write(String),
    Delete,
}

/// A content may be a secret.
impl std::fmt::Debug for Change {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Write(_) => "Write(***)",
            Self::Delete => "Delete",
        })
    }
}

impl InjectedFile {
    /// What a partition must have if none is named.
    pub(super) fn first_directory(&self) -> String {
        self.names.first().cloned().unwrap_or_default()
    }
}

/// The files of the node's properties, and then those of the argument.
///
/// # Errors
/// Names everything that is wrong.
pub(super) fn parse(
    of_properties: Option<&Value>,
    of_argument: Option<&Value>,
) -> Result<Vec<InjectedFile>, InjectError> {
    let (mut files, mut faults) = (Vec::new(), Vec::new());
    let lists = [
        ("inject_files in the node's properties", of_properties),
        ("files", of_argument),
    ];
    for (name, list) in lists {
        match list {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let name = format!("{name}[{index}]");
                    match one(item) {
                        Ok(file) => files.push(file),
                        Err(reasons) => {
                            faults.extend(reasons.iter().map(|reason| format!("{name} {reason}")));
                        }
                    }
                }
            }
            Some(_) => faults.push(format!("{name} must be a list")),
        }
    }
    if files.len() > MAX_FILES {
        faults.push(format!("there are more than {MAX_FILES} files"));
    }
    if faults.is_empty() {
        Ok(files)
    } else {
        Err(InjectError::Files(faults))
    }
}

fn one(item: &Value) -> Result<InjectedFile, Vec<String>> {
    let item = item
        .as_object()
        .ok_or_else(|| vec!["must be an object".to_owned()])?;
    let mut faults = Vec::new();
    let unknown = item.keys().filter(|key| !KEYS.contains(&key.as_str()));
    faults.extend(unknown.map(|key| format!("has an unknown key {key}")));
    let mut or_fault = |fault: String| faults.push(fault);
    let path = text(item, "path").unwrap_or_default().to_owned();
    let names = names(&path).unwrap_or_else(|fault| {
        or_fault(fault);
        Vec::new()
    });
    let target = target(item).unwrap_or_else(|fault| {
        or_fault(fault);
        Target::Found
    });
    if target == Target::Found && names.len() == 1 {
        or_fault("is in the root directory, and so it must have a partition".to_owned());
    }
    let change = change(item).unwrap_or_else(|fault| {
        or_fault(fault);
        Change::Delete
    });
    let mut number = |key: &str, most: u64| match item.get(key) {
        None | Some(Value::Null) => None,
        Some(value) => {
            let number = value.as_u64().filter(|number| *number <= most);
            if number.is_none() {
                or_fault(format!("must have a number from 0 to {most} as {key}"));
            }
            number.and_then(|number| u32::try_from(number).ok())
        }
    };
    // The largest id means that none is set.
    let most = u64::from(u32::MAX - 1);
    let file = InjectedFile {
        mode: number("mode", MAX_MODE),
        directory_mode: number("dirmode", MAX_MODE),
        owner: number("owner", most),
        group: number("group", most),
        path,
        names,
        target,
        change,
    };
    if faults.is_empty() {
        Ok(file)
    } else {
        Err(faults)
    }
}

fn text<'a>(item: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    item.get(key)?.as_str().filter(|text| !text.is_empty())
}

fn names(path: &str) -> Result<Vec<String>, String> {
    if !path.starts_with('/') {
        return Err("must have an absolute path".to_owned());
    }
    if path.ends_with('/') {
        return Err(format!("is a directory, {path:?}; only files are injected"));
    }
    if path.contains('\0') || path.split('/').any(|name| name == "..") {
        return Err(format!(
            "has a path that leads out of its partition, {path:?}"
        ));
    }
    let names = path.split('/').filter(|name| !matches!(*name, "" | "."));
    let names: Vec<String> = names.map(str::to_owned).collect();
    if names.is_empty() {
        return Err(format!("has a path without a name, {path:?}"));
    }
    Ok(names)
}

/// A number, also as text, or the path of a device.
fn target(item: &Map<String, Value>) -> Result<Target, String> {
    let fault = "must have a number from 1 on, or the path of a device, as partition";
    let number = match item.get("partition") {
        None | Some(Value::Null) => return Ok(Target::Found),
        Some(Value::String(text)) if text.is_empty() => return Ok(Target::Found),
        Some(Value::String(text)) if text.starts_with("/dev/") => {
            return Ok(Target::Device(text.into()));
        }
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_u64(),
    };
    let number = number.and_then(|number: u64| u32::try_from(number).ok());
    let number = number.filter(|number| *number > 0);
    number.map(Target::Number).ok_or_else(|| fault.to_owned())
}

fn change(item: &Map<String, Value>) -> Result<Change, String> {
    let is_deleted = match item.get("deleted") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(deleted)) => *deleted,
        Some(_) => return Err("must have true or false as deleted".to_owned()),
    };
    let content = match item.get("content") {
        None | Some(Value::Null) => None,
        Some(Value::String(content)) => Some(content.clone()),
        Some(_) => return Err("must have a text as content".to_owned()),
    };
    match (content, is_deleted) {
        (None, true) => Ok(Change::Delete),
        (Some(content), true) if content.is_empty() => Ok(Change::Delete),
        (Some(_), true) => Err("has content and is to be deleted".to_owned()),
        (Some(content), false) => Ok(Change::Write(content)),
        (None, false) => Err("must have content, or be deleted".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(files: &Value) -> Result<Vec<InjectedFile>, String> {
        parse(None, Some(files)).map_err(|error| error.to_string())
    }

    #[test]
    fn files_of_the_node_come_before_those_of_the_step() {
        let of = |path: &str| json!([{"path": path, "content": "YQ=="}]);
        let files = parse(Some(&of("/etc/a")), Some(&of("/etc/b"))).unwrap();
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["/etc/a", "/etc/b"]);
        assert_eq!(parse(None, Some(&Value::Null)).unwrap(), []);
    }

    #[test]
    fn every_key_is_read() {
        let files = json!([
            {"path": "/etc//ssh/./key", "content": "YQ==", "mode": 0o600, "dirmode": 0o700, "owner": 0, "group": 7},
            {"path": "/x", "partition": "2", "deleted": true},
            {"path": "/x", "partition": "/dev/disk/by-partlabel/root", "content": "http://a/b"},
        ]);
        let files = parsed(&files).unwrap();
        let expected = InjectedFile {
            path: "/etc//ssh/./key".to_owned(),
            names: ["etc", "ssh", "key"].map(str::to_owned).to_vec(),
            target: Target::Found,
            change: Change::Write("YQ==".to_owned()),
            mode: Some(0o600),
            directory_mode: Some(0o700),
            owner: Some(0),
            group: Some(7),
        };
        assert_eq!(files[0], expected);
        assert_eq!(
            (&files[1].target, &files[1].change),
            (&Target::Number(2), &Change::Delete)
        );
        let device = Target::Device("/dev/disk/by-partlabel/root".into());
        assert_eq!(files[2].target, device);
        assert!(
            !format!("{files:?}").contains("YQ=="),
            "contents are secret"
        );
    }

    #[test]
    fn all_that_is_wrong_is_named() {
        for (file, expected) in [
            (json!("x"), "files[0] must be an object"),
            (json!({"content": ""}), "must have an absolute path"),
            (
                json!({"path": "etc/a", "content": ""}),
                "must have an absolute path",
            ),
            (
                json!({"path": "/etc/", "content": ""}),
                "only files are injected",
            ),
            (
                json!({"path": "/etc/../../a", "content": ""}),
                "leads out of its partition",
            ),
            (
                json!({"path": "/a", "content": ""}),
                "must have a partition",
            ),
            (
                json!({"path": "/etc/a"}),
                "must have content, or be deleted",
            ),
            (
                json!({"path": "/etc/a", "content": "x", "deleted": true}),
                "has content and is to be deleted",
            ),
            (
                json!({"path": "/etc/a", "content": "", "mode": "0644"}),
                "0 to 4095 as mode",
            ),
            (
                json!({"path": "/etc/a", "content": "", "owner": -1}),
                "as owner",
            ),
            (
                json!({"path": "/etc/a", "content": "", "partition": 0}),
                "from 1 on",
            ),
            (
                json!({"path": "/etc/a", "content": "", "partition": "root"}),
                "from 1 on",
            ),
            (
                json!({"path": "/etc/a", "content": "", "user": 1}),
                "unknown key user",
            ),
        ] {
            let error = parsed(&json!([file])).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let error = parsed(&json!([{"path": "a", "mode": true}])).unwrap_err();
        for expected in ["absolute path", "must have content", "as mode"] {
            assert!(error.contains(expected), "{error}");
        }
        assert!(
            parsed(&json!({}))
                .unwrap_err()
                .contains("files must be a list")
        );
    }
}
