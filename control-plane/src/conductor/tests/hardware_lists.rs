//! What a machine shows of its BIOS and firmware: what was read stays where it cannot be read, and holds up no node.

use super::lab::Lab;
use ferric_model::bios::BiosSettings;
use ferric_model::firmware::FirmwareComponents;
use ferric_model::ids::NodeId;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use ferric_store::{Entity, FieldValue, Table, Transaction};
use serde::{Deserialize, Serialize};

async fn verified() -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_real().await;
    lab.go(Verb::Manage, State::Manageable).await;
    lab
}

async fn records(lab: &Lab) -> (Option<BiosSettings>, Option<FirmwareComponents>) {
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    let bios = conductor.bios_settings(id).await.unwrap();
    (bios, conductor.firmware_components(id).await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn what_was_read_stays_while_the_machine_does_not_tell() {
    let lab = verified().await;
    let before = records(&lab).await;
    assert!(
        before
            .0
            .as_ref()
            .is_some_and(|bios| !bios.settings.is_empty())
    );
    assert!(before.1.is_some());
    lab.machine.bmc.break_lists(Some("no such registry"));
    lab.go(Verb::Provide, State::Available).await;
    assert_eq!(lab.node().await.last_error, None);
    assert_eq!(records(&lab).await, before);
    lab.machine.bmc.break_lists(None);
    // As BMCs do while their machine starts.
    lab.machine.bmc.empty_lists();
    lab.go(Verb::Manage, State::Manageable).await;
    lab.go(Verb::Provide, State::Available).await;
    assert_eq!(lab.node().await.last_error, None);
    assert_eq!(records(&lab).await, before);
}

/// A record that a slip, or a later release, has left in the place of a node's BIOS settings.
#[derive(Serialize, Deserialize)]
struct Odd {
    node: NodeId,
    settings: String,
}

impl Entity for Odd {
    const TABLE: Table = Table::BiosSettings;
    const UNIQUE: &'static [&'static str] = &[];
    const FIELDS: &'static [&'static str] = &[];

    fn id(&self) -> String {
        self.node.to_string()
    }

    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        Vec::new()
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_is_made_anew() {
    let lab = verified().await;
    let node = lab.machine.node;
    let odd = Odd {
        node,
        settings: "none".to_owned(),
    };
    let odd = Transaction::new().put(&odd);
    lab.store.commit(odd).await.unwrap();
    assert!(lab.conductor().bios_settings(node).await.is_err());
    lab.go(Verb::Provide, State::Available).await;
    let (bios, _) = records(&lab).await;
    assert_eq!(bios.unwrap().settings.len(), 4);
    assert_eq!(lab.node().await.last_error, None);
}
