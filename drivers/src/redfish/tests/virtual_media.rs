//! Virtual drives: where they are looked for, what is sent for an image, and what other BMCs want to be told.

use serde_json::{Value, json};

use super::fake_bmc::FakeBmc;
use super::machine;
use super::oddities::{Call, Fault, Oddities, Reply, Resources};
use crate::{BmcError, Hardware, MediaDevice, MediaSlot, VirtualMedia};

const MEDIA: &str = "/redfish/v1/Managers/BMC/VirtualMedia";
const CD: &str = "/redfish/v1/Managers/BMC/VirtualMedia/Cd";
const KVM: &str = "/redfish/v1/Managers/BMC/VirtualMedia/Kvm";
const USB: &str = "/redfish/v1/Managers/BMC/VirtualMedia/Usb";
const IMAGE: &str = "https://images/a.iso";

fn drive(path: &str, types: &[&str]) -> Value {
    json!({
        "@odata.id": path, "MediaTypes": types, "Inserted": false, "Image": "",
        "Actions": {
            "#VirtualMedia.InsertMedia": {"target": format!("{path}/Actions/VirtualMedia.InsertMedia")},
            "#VirtualMedia.EjectMedia": {"target": format!("{path}/Actions/VirtualMedia.EjectMedia")},
        },
    })
}

fn effect(resources: &mut Resources, call: &Call<'_>) -> Option<Reply> {
    let (path, action) = call.path.split_once("/Actions/VirtualMedia.")?;
    let drive = resources.get_mut(path)?;
    let (inserted, image) = match action {
        // This one is for the BMC's console.
        "InsertMedia" if path == KVM => return Some(Reply::new(400)),
        "InsertMedia" => (true, call.body["Image"].clone()),
        _ => (false, json!("")),
    };
    drive["Inserted"] = json!(inserted);
    drive["Image"] = image;
    Some(Reply::new(204))
}

/// A BMC whose drives are its manager's, one of them a USB stick that knows no actions.
fn bmc() -> Oddities {
    let members = [KVM, CD, USB].map(|path| json!({"@odata.id": path}));
    let mut usb = drive(USB, &["USBStick"]);
    usb.as_object_mut().unwrap().remove("Actions");
    Oddities {
        system: json!({"Links": {"ManagedBy": [{"@odata.id": "/redfish/v1/Managers/BMC"}]}}),
        resources: vec![
            (
                "/redfish/v1/Managers/BMC",
                json!({"VirtualMedia": {"@odata.id": MEDIA}}),
            ),
            (MEDIA, json!({"Members": members})),
            (KVM, drive(KVM, &["CD"])),
            (CD, drive(CD, &["DVD"])),
            (USB, usb),
        ],
        effect,
        ..Oddities::default()
    }
}

fn media(hardware: &Hardware) -> &dyn VirtualMedia {
    hardware.virtual_media.as_deref().unwrap()
}

fn inserts(bmc: &FakeBmc) -> Vec<String> {
    let log = bmc.log();
    let inserts = log.iter().filter(|line| line.contains("InsertMedia "));
    inserts.cloned().collect()
}

#[tokio::test]
async fn an_image_goes_into_the_first_drive_that_takes_it() {
    let (bmc, hardware) = machine(bmc()).await;
    let media = media(&hardware);
    media.attach(MediaDevice::Cdrom, IMAGE).await.unwrap();
    let slots = media.slots().await.unwrap();
    let full = MediaSlot {
        media_types: vec!["DVD".to_owned()],
        inserted: Some(true),
        image: Some(IMAGE.to_owned()),
    };
    assert_eq!((slots.len(), &slots[1]), (3, &full));
    // In the place of what is in it.
    media
        .attach(MediaDevice::Cdrom, "https://images/b.iso")
        .await
        .unwrap();
    assert_eq!(bmc.resource(CD)["Image"], "https://images/b.iso");
    assert_eq!(
        bmc.count(&format!("POST {CD}/Actions/VirtualMedia.Eject")),
        1
    );
    media.attach(MediaDevice::Disk, IMAGE).await.unwrap();
    let usb = bmc.resource(USB);
    assert_eq!(
        (&usb["Inserted"], &usb["Image"]),
        (&json!(true), &json!(IMAGE))
    );
    media.detach(&MediaDevice::ALL).await.unwrap();
    let slots = media.slots().await.unwrap();
    assert!(slots.iter().all(|slot| slot.inserted == Some(false)));
    // Those that are empty are left alone.
    let before = bmc.log().len();
    media.detach(&[MediaDevice::Cdrom]).await.unwrap();
    assert!(
        bmc.log()[before..]
            .iter()
            .all(|line| line.starts_with("GET"))
    );
}

#[tokio::test]
async fn a_bmc_is_told_what_it_wants_to_know() {
    let refused = |body: &str| Fault {
        body: body.to_owned(),
        ..Fault::new(
            "POST /redfish/v1/Managers/BMC/VirtualMedia/Cd/Actions",
            2,
            400,
        )
    };
    let oddities = Oddities {
        faults: vec![refused("{}")],
        ..bmc()
    };
    let (bmc, hardware) = machine(oddities).await;
    media(&hardware)
        .attach(MediaDevice::Cdrom, IMAGE)
        .await
        .unwrap();
    let sent = inserts(&bmc);
    let last = sent.last().unwrap();
    assert!(last.contains(r#""TransferProtocolType":"HTTPS""#), "{last}");
    assert!(last.contains(r#""TransferMethod":"Stream""#), "{last}");
    assert_eq!(bmc.resource(CD)["Image"], IMAGE);
}

#[tokio::test]
async fn a_drive_that_is_being_emptied_is_asked_again() {
    let oddities = Oddities {
        faults: vec![Fault::new(
            "POST /redfish/v1/Managers/BMC/VirtualMedia/Cd/Actions",
            2,
            500,
        )],
        ..bmc()
    };
    let (bmc, hardware) = machine(oddities).await;
    media(&hardware)
        .attach(MediaDevice::Cdrom, IMAGE)
        .await
        .unwrap();
    assert_eq!(bmc.resource(CD)["Image"], IMAGE);
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let (_bmc, hardware) = machine(bmc()).await;
    let error = media(&hardware).attach(MediaDevice::Floppy, IMAGE).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("the kind floppy"), "{error}");
    assert!(error.contains("CD, DVD, USBStick"), "{error}");
    let (_bmc, bare) = machine(Oddities::default()).await;
    let error = media(&bare).slots().await.unwrap_err();
    assert!(matches!(error, BmcError::NotOffered { .. }), "{error}");
    media(&bare).detach(&MediaDevice::ALL).await.unwrap();
}
