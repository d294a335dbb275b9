//! Frames of switches, frames that are none, and switches at the other ends of cables.

use std::os::fd::{AsFd as _, AsRawFd as _};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use ferric_agent_protocol::inventory::Interface;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{MsgFlags, send};
use proptest::prelude::*;

use super::frames::{ALL, ARISTA, CISCO, LLDPD, Sample, bytes};
use super::socket::FrameSocket;
use super::*;
use crate::host::SystemPermit;
use crate::run::run;

/// Longer than any of these tests may take.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn frames_are_sent_on_as_they_are() {
    for sample in ALL {
        let frame = Frame::parse(&sample.bytes()).unwrap();
        assert_eq!(frame.to_wire(), sample.wire());
        assert!(frame.is_complete());
    }
    let wire = Frame::parse(&CISCO.bytes()).unwrap().to_wire();
    assert_eq!(wire[0], (1, "040026aabbcc00".to_owned()));
    assert_eq!(wire[8], (127, "0080c2010065".to_owned()));
    assert_eq!(wire[9], (0, String::new()));
}

#[test]
fn the_log_tells_which_port_of_which_switch_it_is() {
    let text = |text: &str| Some(text.to_owned());
    let neighbors = ALL.map(|sample| Neighbor::of(&Frame::parse(&sample.bytes()).unwrap()));
    let expected = [
        Neighbor {
            switch_chassis_id: text("00:26:aa:bb:cc:00"),
            switch_port_id: text("Eth1/7"),
            switch_port_description: text("node-7"),
            switch_system_name: text("leaf-3"),
            switch_port_untagged_vlan_id: Some(101),
            switch_port_vlans: vec![],
        },
        Neighbor {
            switch_chassis_id: text("00:1c:73:00:00:01"),
            switch_port_id: text("Ethernet7"),
            switch_port_description: None,
            switch_system_name: text("sw-12"),
            switch_port_untagged_vlan_id: Some(10),
            switch_port_vlans: vec![20, 30],
        },
        Neighbor {
            switch_chassis_id: text("52:54:00:00:00:01"),
            switch_port_id: text("52:54:00:00:00:02"),
            switch_port_description: text("eth2"),
            switch_system_name: text("switchy7"),
            switch_port_untagged_vlan_id: None,
            switch_port_vlans: vec![],
        },
    ];
    assert_eq!(neighbors, expected);
}

#[test]
fn identities_of_each_kind_are_read() {
    let cases = [
        ("0206 05 01 c0000201", Some("192.0.2.1"), None),
        ("0405 07 70372f31", None, Some("p7/1")),
        (
            "0412 04 02 20010db8000000000000000000000001",
            None,
            Some("2001:db8::1"),
        ),
        ("0204 07 737700", Some("sw"), None),
        ("0203 04 0026", None, None),
        ("0203 09 7377", None, None),
        ("0203 07 ff00", None, None),
        ("0200", None, None),
        ("0401 03", None, None),
    ];
    for (tlv, chassis, port) in cases {
        let frame = [bytes(CISCO.header), bytes(tlv)].concat();
        let neighbor = Neighbor::of(&Frame::parse(&frame).unwrap());
        assert_eq!(neighbor.switch_chassis_id.as_deref(), chassis, "{tlv}");
        assert_eq!(neighbor.switch_port_id.as_deref(), port, "{tlv}");
    }
}

#[test]
fn what_is_cut_off_is_kept_as_far_as_it_is_there() {
    for sample in ALL {
        let (whole, wire) = (sample.bytes(), sample.wire());
        for end in 0..whole.len() {
            let Some(frame) = Frame::parse(&whole[..end]) else {
                assert!(end < 14, "{end}");
                continue;
            };
            drop(Neighbor::of(&frame));
            let found = frame.to_wire();
            if let Some(((kind, value), before)) = found.split_last() {
                assert_eq!(before, &wire[..before.len()]);
                let (whole_kind, whole_value) = &wire[before.len()];
                assert_eq!(kind, whole_kind);
                assert!(whole_value.starts_with(value));
                let is_cut = whole_value.len() > value.len();
                assert_eq!(frame.is_complete(), !is_cut && found.len() >= 3);
            }
        }
    }
}

#[test]
fn what_is_no_good_frame_is_not_complete() {
    let frame = |header: &str, tlvs: &[&str]| {
        let tlvs = tlvs.iter().flat_map(|tlv| bytes(tlv));
        Frame::parse(&bytes(header).into_iter().chain(tlvs).collect::<Vec<_>>())
    };
    assert_eq!(frame("0180c200000e 0026aabbcc07 0800", CISCO.tlvs), None);
    let is_complete = |tlvs: &[&str]| frame(CISCO.header, tlvs).unwrap().is_complete();
    assert!(is_complete(&CISCO.tlvs[..3]));
    assert!(!is_complete(&CISCO.tlvs[1..]));
    assert!(!is_complete(&[
        "0207 04 0026aabbcc00",
        "0407 05 457468312f37",
        "0602 0000",
        "0000"
    ]));
    let padded = frame(
        CISCO.header,
        &["0207 04 0026aabbcc00", "0000", "0000 0000 fe06"],
    );
    assert_eq!(padded.unwrap().tlvs().len(), 2);
}

proptest! {
    #[test]
    fn any_bytes_are_read_to_their_end(tail in proptest::collection::vec(any::<u8>(), 0..1600)) {
        let frame = Frame::parse(&[bytes(CISCO.header), tail.clone()].concat()).unwrap();
        drop(Neighbor::of(&frame));
        let sum: usize = frame.tlvs().iter().map(|tlv| 2 + tlv.value.len()).sum();
        prop_assert!(sum <= tail.len());
        prop_assert!(frame.tlvs().iter().all(|tlv| tlv.kind < 128 && tlv.value.len() < 512));
    }
}

/// Moves this thread into a network namespace of its own, and lays cables there. Their ends are `nic0` and `switch0`,
/// `nic1` and `switch1`, and so on; they are gone with the thread.
fn lay_cables(count: usize) -> Vec<Interface> {
    unshare(CloneFlags::CLONE_NEWNET).expect(
        "this test makes a network namespace, and must be run as root on a kernel that has them",
    );
    let lay = |index: usize| {
        let (nic, switch) = (format!("nic{index}"), format!("switch{index}"));
        ip(&[
            "link", "add", "name", &nic, "type", "veth", "peer", "name", &switch,
        ]);
        ip(&["link", "set", &nic, "up"]);
        ip(&["link", "set", &switch, "up"]);
        Interface {
            name: nic,
            pci_address: Some(format!("0000:00:0{index}.0")),
            ..Interface::default()
        }
    };
    (0..count).map(lay).collect()
}

fn ip(arguments: &[&str]) {
    run("ip", arguments).expect("this test needs iproute2 and a kernel with veth");
}

/// Runs something while switches repeat what they say.
fn while_switches_speak<T>(says: &[(&str, &Sample)], action: impl FnOnce() -> T) -> T {
    let (over, is_over) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mouth = |(name, sample): &(&str, &Sample)| {
                (FrameSocket::open(name).unwrap(), sample.bytes())
            };
            let mouths: Vec<_> = says.iter().map(mouth).collect();
            let pause = Duration::from_millis(10);
            while is_over.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                for (socket, frame) in &mouths {
                    // Fails while the interface is down.
                    send(socket.as_fd().as_raw_fd(), frame, MsgFlags::empty()).ok();
                }
            }
        });
        let result = action();
        drop(over);
        result
    })
}

#[test]
fn all_interfaces_are_heard_at_once_and_one_without_a_carrier_is_not_waited_for() {
    let mut interfaces = lay_cables(3);
    ip(&["link", "set", "switch2", "down"]);
    let bond = Interface {
        name: "bond0".to_owned(),
        ..Interface::default()
    };
    interfaces.push(bond);
    let began = Instant::now();
    let heard = while_switches_speak(&[("switch0", &CISCO), ("switch1", &ARISTA)], || {
        listen(&interfaces, None, LONG)
    });
    assert!(began.elapsed() < LONG);
    let expected = [
        ("bond0".to_owned(), vec![]),
        ("nic0".to_owned(), CISCO.wire()),
        ("nic1".to_owned(), ARISTA.wire()),
        ("nic2".to_owned(), vec![]),
    ];
    assert_eq!(heard, Heard::from(expected));
}

#[test]
fn an_interface_that_is_down_is_brought_up_and_a_farewell_is_not_the_last_word() {
    const FAREWELL: Sample = Sample {
        header: LLDPD.header,
        tlvs: &[
            "0207 04 525400000001",
            "0407 03 525400000002",
            "0602 0000",
            "0000",
        ],
    };
    let interfaces = lay_cables(1);
    ip(&["link", "set", "nic0", "down"]);
    let permit = SystemPermit::of_a_namespace();
    let says = [("switch0", &FAREWELL), ("switch0", &LLDPD)];
    let heard = while_switches_speak(&says, || listen(&interfaces, Some(&permit), LONG));
    assert_eq!(heard["nic0"], LLDPD.wire());
    let heard = while_switches_speak(&says[..1], || {
        listen(&interfaces, Some(&permit), Duration::from_secs(3))
    });
    assert_eq!(heard["nic0"], FAREWELL.wire());
}

#[test]
fn silence_ends_at_the_deadline() {
    let mut interfaces = lay_cables(1);
    let missing = Interface {
        name: "nic9".to_owned(),
        pci_address: Some("0000:00:09.0".to_owned()),
        ..Interface::default()
    };
    interfaces.push(missing);
    let limit = Duration::from_millis(200);
    let began = Instant::now();
    let heard = listen(&interfaces, None, limit);
    assert!(began.elapsed() >= limit);
    assert!(heard["nic0"].is_empty() && heard["nic9"].is_empty());
}
