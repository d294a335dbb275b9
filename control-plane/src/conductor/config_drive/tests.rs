//! The three forms of a config drive, and what is refused of each.

use super::*;
use ferric_model::ids::NodeId;
use std::collections::BTreeMap;
use std::io::Read;

const SECTOR: usize = 2048;
/// Of a Joliet volume descriptor.
const SUPPLEMENTARY: u8 = 2;
const DIRECTORY: u8 = 2;

fn node(drive: Option<Value>) -> Node {
    let mut node = Node::new(
        NodeId(uuid::Uuid::nil()),
        "redfish",
        jiff::Timestamp::UNIX_EPOCH,
    );
    node.name = Some("one".to_owned());
    node.instance_info
        .extend(drive.map(|drive| (KEY.to_owned(), drive)));
    node
}

async fn outcome(drive: Value) -> Result<(), String> {
    check(&drive).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn forms() {
    let packed = STANDARD.encode(gzip(b"an image"));
    assert_eq!(outcome(json!(packed)).await, Ok(()));
    assert_eq!(outcome(json!("https://192.0.2.1/drive")).await, Ok(()));
    assert_eq!(
        outcome(json!({"meta_data": {"hostname": "a"}, "user_data": "#!/bin/sh"})).await,
        Ok(())
    );
    let refused = [
        (json!("not base64!"), "neither a URL"),
        (json!(STANDARD.encode("no gzip")), "neither a URL"),
        (json!(3), "neither a URL"),
        (json!({"metadata": {}}), "unknown key \"metadata\""),
        (
            json!({"meta_data": "a"}),
            "meta_data of the config drive must be an object",
        ),
        (json!({"user_data": 3}), "user_data"),
    ];
    for (drive, part) in refused {
        let error = outcome(drive).await.unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

async fn image_of(drive: Value) -> Vec<u8> {
    let packed = of_instance(&node(Some(drive))).await.unwrap().unwrap();
    let bytes = STANDARD.decode(packed).unwrap();
    let mut image = Vec::new();
    flate2::read::GzDecoder::new(bytes.as_slice())
        .read_to_end(&mut image)
        .unwrap();
    image
}

/// The bytes that a directory record points to (ECMA-119, 9.1).
fn extent<'i>(image: &'i [u8], record: &[u8]) -> &'i [u8] {
    let number = |at: usize| {
        let bytes = record[at..at + 4].try_into().unwrap();
        usize::try_from(u32::from_le_bytes(bytes)).unwrap()
    };
    &image[number(2) * SECTOR..][..number(10)]
}

fn collect(image: &[u8], directory: &[u8], folder: &str, files: &mut BTreeMap<String, String>) {
    let mut records = extent(image, directory);
    while let Some(length @ 1..) = records.first().copied() {
        let (record, rest) = records.split_at(usize::from(length));
        records = rest;
        let name = &record[33..][..usize::from(record[32])];
        // The directory itself and the one above it.
        if name.len() == 1 {
            continue;
        }
        let units = name.chunks_exact(2);
        let units = units.map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
        let name = String::from_utf16(&units.collect::<Vec<_>>()).unwrap();
        let path = format!("{folder}{}", name.trim_end_matches(";1"));
        if record[25] & DIRECTORY == DIRECTORY {
            collect(image, record, &format!("{path}/"), files);
        } else {
            let text = String::from_utf8(extent(image, record).to_vec());
            files.insert(path, text.unwrap());
        }
    }
}

/// What an operating system finds that mounts the image.
fn files_of(image: &[u8]) -> BTreeMap<String, String> {
    let mut descriptors = image.chunks_exact(SECTOR).skip(16);
    let joliet = descriptors.find(|descriptor| descriptor[0] == SUPPLEMENTARY);
    let root = &joliet.expect("it has long names")[156..190];
    let mut files = BTreeMap::new();
    collect(image, root, "", &mut files);
    files
}

#[tokio::test]
async fn an_object_becomes_a_labelled_image() {
    let image = image_of(json!({"meta_data": {"hostname": "host-of-a-test"}})).await;
    // The primary volume descriptor with its label (ECMA-119, 8.4).
    assert_eq!(&image[32769..32774], b"CD001");
    assert_eq!(image[32808..32840].trim_ascii_end(), b"config-2");
    let names: Vec<_> = files_of(&image).into_keys().collect();
    assert_eq!(names, ["openstack/latest/meta_data.json"]);
}

/// The drive's file of this name, as JSON.
fn parsed(files: &BTreeMap<String, String>, name: &str) -> Value {
    serde_json::from_str(&files[&format!("openstack/latest/{name}")]).unwrap()
}

#[tokio::test]
async fn all_parts_of_an_object_are_files_of_the_image() {
    let network = json!({
        "links": [{"id": "eth0", "type": "phy", "ethernet_mac_address": "52:54:00:00:00:01"}],
        "networks": [{"id": "v4", "type": "ipv4_dhcp", "link": "eth0"}],
        "services": [],
    });
    let vendor = json!({"cloud-init": "#cloud-config\nntp: {}\n"});
    let script = "#!/bin/sh\necho \u{fc}ber\n";
    let drive = json!({
        "meta_data": {"hostname": "host-of-a-test", "public_keys": {"a": "ssh-ed25519 AAAA"}},
        "network_data": network, "user_data": script, "vendor_data": vendor,
    });
    let files = files_of(&image_of(drive).await);
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "openstack/latest/meta_data.json",
            "openstack/latest/network_data.json",
            "openstack/latest/user_data",
            "openstack/latest/vendor_data2.json",
        ]
    );
    let meta_data = json!({
        "hostname": "host-of-a-test", "public_keys": {"a": "ssh-ed25519 AAAA"},
        "name": "one", "uuid": "00000000-0000-0000-0000-000000000000",
    });
    assert_eq!(parsed(&files, "meta_data.json"), meta_data);
    assert_eq!(parsed(&files, "network_data.json"), network);
    assert_eq!(parsed(&files, "vendor_data2.json"), vendor);
    assert_eq!(files["openstack/latest/user_data"], script);
}

#[tokio::test]
async fn user_data_may_be_an_object_and_meta_data_may_name_the_node() {
    let named = json!({"uuid": "of the client", "name": "of the client"});
    let drive = json!({"meta_data": named, "user_data": {"a": 1}, "vendor_data": null});
    let files = files_of(&image_of(drive).await);
    assert_eq!(files.len(), 2, "{files:?}");
    assert_eq!(parsed(&files, "meta_data.json"), named);
    assert_eq!(parsed(&files, "user_data"), json!({"a": 1}));
}

#[tokio::test]
async fn other_forms_go_on_as_they_are() {
    for drive in [json!("http://192.0.2.1/drive"), json!("H4sIAAAA")] {
        assert_eq!(
            of_instance(&node(Some(drive.clone())))
                .await
                .unwrap()
                .as_deref(),
            drive.as_str()
        );
    }
    assert_eq!(of_instance(&node(None)).await.unwrap(), None);
}
