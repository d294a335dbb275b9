//! Port groups, chassis, volumes, BIOS settings, firmware, erase records and bulk requests: what is done to a whole store is done to them too.

use crate::file::PASSWORD;
use ferric_model::allocation::Worker;
use ferric_model::bios::{BiosSettings, ShownSetting};
use ferric_model::bulk::{BulkAction, BulkItem, BulkRequest, BulkState, BulkWork, Hidden, Mandate};
use ferric_model::chassis::Chassis;
use ferric_model::erasure::{Envelope, EnvelopeSignature, SignedErasure};
use ferric_model::firmware::{FirmwareComponents, FirmwareIdentity, ShownComponent};
use ferric_model::ids::{
    BulkRequestId, ChassisId, ErasureId, Incarnation, NodeId, PortgroupId, VolumeConnectorId,
    VolumeTargetId,
};
use ferric_model::portgroup::Portgroup;
use ferric_model::verb::Verb;
use ferric_model::volume::{VolumeConnector, VolumeTarget};
use ferric_store::transfer::{compare, copy};
use ferric_store::upkeep::{Backup, change_key, check, restore};
use ferric_store::{Entity, Key, RedbStore, Store, Transaction};
use jiff::Timestamp;
use serde_json::json;
use std::fs;
use uuid::Uuid;

/// One of each, and their keys.
async fn filled(store: &RedbStore) -> Vec<Key> {
    let (id, at) = (Uuid::from_u128, Timestamp::UNIX_EPOCH);
    let node = NodeId(id(1));
    let group = Portgroup::new(PortgroupId(id(2)), node, at);
    let chassis = Chassis::new(ChassisId(id(3)), at);
    let connector = VolumeConnector::new(VolumeConnectorId(id(4)), node, at);
    let mut target = VolumeTarget::new(VolumeTargetId(id(5)), node, at);
    let password = ("auth_password".to_owned(), json!(PASSWORD));
    target.properties.extend([password]);
    let transaction = Transaction::new().put(&group).put(&chassis);
    let (bios, firmware) = of_hardware(node);
    let transaction = transaction.put(&connector).put(&target);
    let transaction = transaction.put(&bios).put(&firmware);
    let (request, item) = of_bulk(node);
    let erasure = of_a_disk(node);
    let transaction = transaction.put(&request).put(&item).put(&erasure);
    store.commit(transaction).await.unwrap();
    vec![
        group.key(),
        chassis.key(),
        connector.key(),
        target.key(),
        bios.key(),
        firmware.key(),
        request.key(),
        item.key(),
        erasure.key(),
    ]
}

/// A request with an item that waits.
fn of_bulk(node: NodeId) -> (BulkRequest, BulkItem) {
    let (id, at) = (BulkRequestId(Uuid::from_u128(6)), Timestamp::UNIX_EPOCH);
    let request = BulkRequest {
        id,
        action: BulkAction::Provision,
        owner: None,
        by: None,
        digest: String::new(),
        items: 1,
        open: true,
        worker: Worker {
            conductor: "one".to_owned(),
            incarnation: Incarnation(Uuid::from_u128(7)),
        },
        configdrive: Some(Hidden(json!({"user_data": PASSWORD}))),
        created_at: at,
    };
    let item = BulkItem {
        request: id,
        number: 0,
        named: json!("a"),
        node: Some(node),
        state: BulkState::Queued,
        refusal: None,
        work: Some(BulkWork::Provision {
            verb: Verb::Rescue,
            request: Hidden(json!({"rescue_password": PASSWORD})),
            common_configdrive: false,
        }),
        mandate: Mandate::Anything,
        run: None,
        updated_at: at,
    };
    (request, item)
}

/// What the machine did to a disk whose serial number is nobody's business.
fn of_a_disk(node: NodeId) -> SignedErasure {
    let signature = EnvelopeSignature {
        keyid: "key".to_owned(),
        sig: "c2ln".to_owned(),
    };
    SignedErasure {
        uuid: ErasureId(Uuid::from_u128(8)),
        node_uuid: node,
        signed_at: Timestamp::UNIX_EPOCH,
        envelope: Envelope {
            payload_type: "text/plain".to_owned(),
            payload: PASSWORD.to_owned(),
            signatures: vec![signature],
            public_key: "public".to_owned(),
        },
    }
}

/// What a machine showed.
fn of_hardware(node: NodeId) -> (BiosSettings, FirmwareComponents) {
    let at = Timestamp::UNIX_EPOCH;
    let setting = ShownSetting {
        name: "AdminPassword".to_owned(),
        value: Some(PASSWORD.to_owned()),
        attribute: None,
    };
    let component = ShownComponent {
        component: "bmc".to_owned(),
        version: "1.0".to_owned(),
        identity: FirmwareIdentity::default(),
    };
    (
        BiosSettings::renewed(node, None, vec![setting], at),
        FirmwareComponents::renewed(node, None, vec![component], at),
    )
}

async fn are_there(store: &RedbStore, keys: &[Key]) {
    for key in keys {
        assert!(store.get(key).await.unwrap().is_some(), "{key} is missing");
    }
    let report = check(store).await.unwrap();
    assert_eq!(
        (report.found, report.records),
        (0, 9),
        "{:?}",
        report.findings
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_are_in_backups_copies_and_changes_of_the_key() {
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let [store, restored, copied] =
        [0, 1, 2].map(|place| RedbStore::open(folders[place].path().join("ferric.redb")).unwrap());
    let keys = filled(&store).await;
    are_there(&store, &keys).await;
    let mut backup = Backup::begin(&store).await.unwrap();
    let mut bytes = Vec::new();
    loop {
        let more = backup.next().await.unwrap();
        if more.is_empty() {
            break;
        }
        bytes.extend(more);
    }
    let part = |part: &[u8]| part == PASSWORD.as_bytes();
    assert!(!bytes.windows(PASSWORD.len()).any(part));
    let file = folders[0].path().join("backup");
    fs::write(&file, bytes).unwrap();
    let key = folders[0].path().join("store.key");
    restore(&file, &key, &restored).await.unwrap();
    are_there(&restored, &keys).await;
    compare(&store, &restored).await.unwrap();
    copy(&store, &copied).await.unwrap();
    are_there(&copied, &keys).await;
    compare(&store, &copied).await.unwrap();
    change_key(&store).await.unwrap();
    are_there(&store, &keys).await;
    compare(&store, &copied).await.unwrap();
}
