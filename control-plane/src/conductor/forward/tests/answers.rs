//! The form of answers and refusals: they say the same on both sides.

use crate::conductor::forward::answer::NodeAnswer;
use crate::conductor::forward::refusal::Refusal;
use crate::conductor::requests::{MediaSlot, RequestError};
use ferric_drivers::{BootDevice, BootSetting, Persistence};

#[test]
fn refusals_say_the_same_on_both_sides() {
    let errors = || {
        vec![
            RequestError::NotFound("a".to_owned()),
            RequestError::Invalid("b".to_owned()),
            RequestError::Forbidden("c".to_owned()),
            RequestError::Conflict("d".to_owned()),
            RequestError::Busy {
                reason: "e".to_owned(),
                retry_after_s: 7,
            },
            RequestError::Unanswered("f".to_owned()),
        ]
    };
    for error in errors() {
        let sent = serde_json::to_vec(&Refusal::from(&error)).unwrap();
        let read: Refusal = serde_json::from_slice(&sent).unwrap();
        assert_eq!(
            format!("{:?}", read.into_error("one")),
            format!("{error:?}")
        );
    }
    let ours = RequestError::internal("asking the store", "the secret cause");
    let sent = serde_json::to_string(&Refusal::from(&ours)).unwrap();
    assert!(!sent.contains("secret"), "{sent}");
    let read: Refusal = serde_json::from_str(&sent).unwrap();
    match read.into_error("one") {
        RequestError::Internal { doing, source } => {
            assert_eq!(doing, "asking the store");
            assert!(source.to_string().contains("conductor one"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn virtual_drives_survive_the_way() {
    let slot = MediaSlot {
        media_types: vec!["CD".to_owned()],
        inserted: Some(true),
        image: None,
    };
    let sent = serde_json::to_string(&NodeAnswer::MediaSlots(vec![slot.clone()])).unwrap();
    let read: NodeAnswer = serde_json::from_str(&sent).unwrap();
    assert_eq!(read.media_slots().unwrap(), [slot]);
}

#[test]
fn boot_devices_survive_the_way() {
    for (device, persistence) in [
        (Some(BootDevice::Pxe), Some(Persistence::Continuous)),
        (None, None),
    ] {
        let setting = BootSetting {
            device,
            persistence,
        };
        let sent = serde_json::to_string(&NodeAnswer::BootSetting(setting)).unwrap();
        let read: NodeAnswer = serde_json::from_str(&sent).unwrap();
        let read = read.boot_setting().unwrap();
        assert_eq!((read.device, read.persistence), (device, persistence));
    }
    let sent = serde_json::to_string(&NodeAnswer::BootDevices(BootDevice::ALL.to_vec())).unwrap();
    let read: NodeAnswer = serde_json::from_str(&sent).unwrap();
    assert_eq!(read.boot_devices().unwrap(), BootDevice::ALL);
    assert!(serde_json::from_str::<NodeAnswer>(r#"{"boot_devices":["tape"]}"#).is_err());
}
