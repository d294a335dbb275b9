//! A node's document as it lies in the store, of which only what is shown is read: what is stored in the form in which it is
//! shown is copied, and neither taken apart nor put together again.

use super::derived;
use super::source::Source;
use super::values::Shown;
use crate::api::access::Target;
use crate::api::masking::MaskedStored;
use crate::api::pairs::Pairs;
use ferric_model::ids::NodeId;
use ferric_model::node::agent_session::AgentSession;
use ferric_model::node::{Object, Reservation};
use ferric_model::state::ProvisionState;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Declares the fields that are copied, beside those that are read.
macro_rules! stored {
    ($($copied:ident),* $(,)?) => {
        #[derive(Deserialize)]
        pub(super) struct Stored<'d> {
            uuid: NodeId,
            driver: &'d str,
            conductor_group: &'d str,
            owner: Option<&'d str>,
            lessee: Option<&'d str>,
            provision_state: ProvisionState,
            #[serde(borrow)]
            interfaces: Pairs<'d, &'d str>,
            #[serde(borrow)]
            driver_info: Pairs<'d, &'d RawValue>,
            #[serde(borrow)]
            instance_info: Pairs<'d, &'d RawValue>,
            internal_info: Object,
            agent: Option<AgentSession>,
            run: Option<IgnoredAny>,
            reservation: Option<Reservation>,
            created_at: Timestamp,
            updated_at: Option<Timestamp>,
            provision_updated_at: Option<Timestamp>,
            inspection_started_at: Option<Timestamp>,
            inspection_finished_at: Option<Timestamp>,
            $(#[serde(borrow)] $copied: Option<&'d RawValue>,)*
        }

        impl Stored<'_> {
            fn copied(&self, name: &str) -> Option<Option<&RawValue>> {
                match name {
                    $(stringify!($copied) => Some(self.$copied),)*
                    _ => None,
                }
            }
        }
    };
}

stored![
    allocation_uuid,
    automated_clean,
    boot_mode,
    chassis_uuid,
    console_enabled,
    description,
    disable_power_off,
    extra,
    fault,
    health,
    instance_name,
    instance_uuid,
    last_error,
    maintenance,
    maintenance_reason,
    name,
    network_data,
    parent_node,
    power_state,
    properties,
    protected,
    protected_reason,
    raid_config,
    resource_class,
    retired,
    retired_reason,
    secure_boot,
    shard,
    target_power_state,
    target_provision_state,
    target_raid_config,
    traits,
];

impl<'d> Stored<'d> {
    /// `None` where it is not that simple: of a node with a run, whose steps are shown too, and of a document that only its
    /// type can read.
    pub(super) fn read(document: &'d [u8]) -> Option<Self> {
        // Whether it is UTF-8 is looked at once, and not for each string in it.
        let document = std::str::from_utf8(document).ok()?;
        let stored: Self = serde_json::from_str(document).ok()?;
        stored.run.is_none().then_some(stored)
    }
}

impl Source for Stored<'_> {
    fn uuid(&self) -> NodeId {
        self.uuid
    }

    fn driver(&self) -> &str {
        self.driver
    }

    fn conductor_group(&self) -> &str {
        self.conductor_group
    }

    fn provision_state(&self) -> ProvisionState {
        self.provision_state
    }

    fn target(&self) -> Target<'_> {
        Target::of_projects(self.owner, self.lessee)
    }

    fn own(&self, name: &str) -> Option<Shown<'_>> {
        if let Some(copied) = self.copied(name) {
            return Some(Shown::Copied(copied));
        }
        Some(match name {
            "uuid" => Shown::Id(Some(self.uuid.0)),
            "conductor_group" => Shown::Text(Some(self.conductor_group)),
            "driver" => Shown::Text(Some(self.driver)),
            "lessee" => Shown::Text(self.lessee),
            "owner" => Shown::Text(self.owner),
            "created_at" => Shown::Time(Some(self.created_at)),
            "inspection_finished_at" => Shown::Time(self.inspection_finished_at),
            "inspection_started_at" => Shown::Time(self.inspection_started_at),
            "provision_updated_at" => Shown::Time(self.provision_updated_at),
            "updated_at" => Shown::Time(self.updated_at),
            _ => return None,
        })
    }

    fn interface(&self, kind: &str) -> Option<&str> {
        self.interfaces.value(kind)
    }

    fn driver_info(&self) -> Shown<'_> {
        Shown::MaskedStored(MaskedStored::of(&self.driver_info))
    }

    fn instance_info(&self) -> Shown<'_> {
        Shown::MaskedStored(MaskedStored::instance_info(&self.instance_info))
    }

    fn current_step(&self, _of: &str) -> Value {
        json!({})
    }

    fn driver_internal_info(&self) -> Object {
        derived::driver_internal_info(&self.internal_info, self.agent.as_ref(), None)
    }

    fn reservation(&self) -> Option<&str> {
        let holder = self.reservation.as_ref();
        holder.map(|held| held.conductor.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::access::Access;
    use crate::api::links::Base;
    use crate::api::nodes::values::tests::full;
    use crate::api::nodes::view::View;
    use crate::api::selection::Selection;
    use crate::api::version::ApiVersion;
    use ferric_model::node::Node;
    use ferric_model::node::agent_session::Token;
    use ferric_model::run::Activity;

    fn document(node: &Node) -> Vec<u8> {
        serde_json::to_vec(node).unwrap()
    }

    /// With something in what is put together, too.
    fn fullest() -> Node {
        let mut node = full();
        let secrets = json!({"redfish_password": "p", "redfish_address": "https://\"a\""});
        node.driver_info = serde_json::from_value(secrets).unwrap();
        let info = json!({"configdrive": "c", "image_source": "http://i\n"});
        node.instance_info = serde_json::from_value(info).unwrap();
        node.internal_info.insert("secret".to_owned(), json!("s"));
        node.interfaces.insert("boot".to_owned(), "ipxe".to_owned());
        node.reservation = Some(Reservation {
            conductor: "one".to_owned(),
            purpose: "updating".to_owned(),
            since: Timestamp::UNIX_EPOCH,
        });
        node.agent = Some(AgentSession {
            token: Some(Token("t".to_owned())),
            url: Some("https://192.0.2.1:9999".to_owned()),
            last_heartbeat: Some(Timestamp::UNIX_EPOCH),
            ..AgentSession::default()
        });
        node
    }

    #[test]
    fn a_document_is_shown_as_its_node_is() {
        let (base, access) = (Base::new("http://192.0.2.1"), Access::unlimited());
        for node in [
            fullest(),
            full(),
            Node::new(full().uuid, "ipmi", Timestamp::UNIX_EPOCH),
        ] {
            let document = document(&node);
            let stored = Stored::read(&document).unwrap();
            for version in [1, 38, 115].map(ApiVersion) {
                let view = View::new(version, &base, &access, Selection::All);
                let mut text = Vec::new();
                view.push(&stored, &mut text);
                assert_eq!(text, view.answer(&node).0);
                let shown: Value = serde_json::from_slice(&text).unwrap();
                assert_eq!(shown, view.show(&node));
            }
        }
    }

    #[test]
    fn what_is_not_that_simple_is_left_to_the_type() {
        let mut odd = full();
        odd.owner = Some("a \"project\"".to_owned());
        assert!(Stored::read(&document(&odd)).is_none());
        let busy = derived::tests::node(Activity::Deploy);
        assert!(Stored::read(&document(&busy)).is_none());
        assert!(Stored::read(b"{}").is_none());
    }
}
