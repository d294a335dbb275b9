//! The refusal of what cannot be asked of a node in its state: Ironic's sentence, which clients look for, and behind it
//! what is allowed. What is allowed is known to the table of transitions alone.

use super::requests::RequestError;
use ferric_model::node::Node;
use ferric_model::verb::Verb;

/// For a provision target in the wrong state, and for one that there is not.
pub fn not_in_this_state(node: &Node, target: &str) -> RequestError {
    let state = node.provision_state;
    let verbs: Vec<_> = Verb::allowed_in(state).map(Verb::name).collect();
    let allowed = match verbs.as_slice() {
        [] => "Nothing is allowed in this state: wait until it ends.".to_owned(),
        verbs => format!("Allowed in this state: {}.", verbs.join(", ")),
    };
    let refusal = not_performed(target, &node.uuid.to_string(), state.name());
    RequestError::Invalid(format!("{refusal} {allowed}"))
}

/// Ironic's sentence, to the letter.
pub fn not_performed(action: &str, node: &str, state: &str) -> String {
    format!(
        "The requested action \"{action}\" can not be performed on node \"{node}\" while it is in state \"{state}\"."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferric_model::ids::NodeId;
    use ferric_model::state::ProvisionState;
    use uuid::Uuid;

    fn check(state: ProvisionState, expected: &str) {
        let id = NodeId(Uuid::nil());
        let mut node = Node::new(id, "redfish", jiff::Timestamp::UNIX_EPOCH);
        node.provision_state = state;
        let refusal = not_in_this_state(&node, "inspect").to_string();
        let sentence = format!(
            "The requested action \"inspect\" can not be performed on node \"{id}\" while it is in state \"{state}\"."
        );
        assert_eq!(refusal, format!("{sentence} {expected}"));
    }

    #[test]
    fn what_is_allowed_follows_the_refusal() {
        let error = "Allowed in this state: rebuild, deleted, undeploy.";
        check(ProvisionState::Error, error);
        let running = "Nothing is allowed in this state: wait until it ends.";
        check(ProvisionState::Deleting, running);
    }
}
