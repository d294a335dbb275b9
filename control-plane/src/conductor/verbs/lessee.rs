//! Whose a machine is from its deploy to its undeploy: where a node has no lessee it gets one, as Ironic has it.

use crate::config::LesseeSource;
use ferric_model::event::Requester;
use ferric_model::node::Node;
use serde_json::{Value, json};

/// In `internal_info` of a node whose lessee came with its instance, by Ironic's name.
const MARK: &str = "automatic_lessee";
/// Of a lessee, in characters.
const LONGEST: usize = 255;

/// The project that a deploy is for, as far as the source tells.
pub(super) fn project(
    source: LesseeSource,
    node: &Node,
    asked_by: Option<&Requester>,
) -> Option<String> {
    let project = match source {
        LesseeSource::Instance => node.instance_info.get("project_id").and_then(Value::as_str),
        LesseeSource::Request => asked_by.and_then(|requester| requester.project.as_deref()),
        LesseeSource::None => None,
    };
    let project = project.filter(|project| (1..=LONGEST).contains(&project.chars().count()));
    project.map(str::to_owned)
}

/// A lessee that is there stays.
pub(super) fn set(node: &mut Node, project: Option<String>) {
    if node.lessee.is_none() && project.is_some() {
        node.lessee = project;
        node.internal_info.insert(MARK.to_owned(), json!(true));
    }
}

/// What `set` has set goes with the instance, also where another Ironic did so.
pub(in crate::conductor) fn clear(node: &mut Node) {
    if node.internal_info.get(MARK) == Some(&json!(true)) {
        node.lessee = None;
        node.internal_info.shift_remove(MARK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferric_model::ids::NodeId;
    use jiff::Timestamp;
    use uuid::Uuid;

    fn check(source: LesseeSource, project_id: Value, expected: Option<&str>) {
        let mut node = Node::new(NodeId(Uuid::nil()), "fake-hardware", Timestamp::UNIX_EPOCH);
        let shown = project_id.to_string();
        node.instance_info
            .insert("project_id".to_owned(), project_id);
        let requester = Requester {
            user: "u".to_owned(),
            project: Some("of the request".to_owned()),
        };
        let found = project(source, &node, Some(&requester));
        assert_eq!(found.as_deref(), expected, "{source:?} {shown}");
        set(&mut node, found);
        assert_eq!(node.lessee.as_deref(), expected, "{source:?} {shown}");
        clear(&mut node);
        assert_eq!(node.lessee, None);
        assert!(node.internal_info.is_empty());
    }

    #[test]
    fn each_source_has_its_project() {
        check(LesseeSource::Instance, json!("tenant"), Some("tenant"));
        check(
            LesseeSource::Request,
            json!("tenant"),
            Some("of the request"),
        );
        check(LesseeSource::None, json!("tenant"), None);
    }

    #[test]
    fn what_is_no_project_is_none() {
        for strange in [json!(null), json!(""), json!(7), json!("x".repeat(256))] {
            check(LesseeSource::Instance, strange, None);
        }
    }

    #[test]
    fn a_lessee_that_was_there_stays() {
        let mut node = Node::new(NodeId(Uuid::nil()), "fake-hardware", Timestamp::UNIX_EPOCH);
        node.lessee = Some("first".to_owned());
        set(&mut node, Some("tenant".to_owned()));
        clear(&mut node);
        assert_eq!(node.lessee.as_deref(), Some("first"));
    }
}
