//! Played servers on the loopback interface, which answer what the test says.

use std::net::SocketAddr;

use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use super::message::tests::{record, response, server, text};
use super::message::{A, AAAA};
use super::targets::Target;
use super::*;

const NAME: &str = "baremetal._openstack._tcp.local.";
const PATIENCE: Duration = Duration::from_secs(30);

/// Answers the question with this number, counted from zero, with these packets.
async fn played(
    answer: impl Fn(usize, &[u8]) -> Vec<Vec<u8>> + Send + 'static,
) -> (Target, JoinSet<()>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let to = socket.local_addr().unwrap();
    let from = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut buffer = [0; 512];
        for number in 0.. {
            let (length, asker) = socket.recv_from(&mut buffer).await.unwrap();
            for packet in answer(number, &buffer[..length]) {
                socket.send_to(&packet, asker).await.unwrap();
            }
        }
    });
    (Target { from, to }, tasks)
}

fn whole(target: &str) -> Vec<u8> {
    response(&[
        server(NAME, 6385, target),
        text(NAME, &["protocol=http", "path=/api"]),
    ])
}

#[tokio::test]
async fn a_service_is_found_in_one_packet() {
    let (target, _server) = played(|_, question| {
        assert!(question.windows(9).any(|part| part == b"baremetal"));
        vec![whole("api.example.org")]
    })
    .await;
    let found = ask(&[target], NAME, PATIENCE).await.unwrap();
    assert_eq!(
        found.url().as_deref(),
        Some("http://api.example.org:6385/api")
    );
}

#[tokio::test]
async fn what_is_missing_is_asked_for() {
    let (target, _server) = played(|_, question| {
        let asks_for_addresses = question.windows(6).any(|part| part == b"ironic");
        if asks_for_addresses {
            let v6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
            vec![response(&[record("ironic.local", AAAA, &v6)])]
        } else {
            // Somebody else's answer, rubbish, and ours.
            let other = response(&[record("other.local", A, &[192, 0, 2, 9])]);
            vec![other, b"rubbish".to_vec(), whole("ironic.local")]
        }
    })
    .await;
    let found = ask(&[target], NAME, PATIENCE).await.unwrap();
    let url = found.url().unwrap();
    assert_eq!(url, "http://[2001:db8::1]:6385/api");
}

#[tokio::test]
async fn a_question_that_got_lost_is_asked_again_and_dead_networks_do_no_harm() {
    let (target, _server) = played(|number, _| match number {
        0 => Vec::new(),
        _ => vec![whole("api.example.org")],
    })
    .await;
    // Nobody has this address, so nothing can be sent from it.
    let dead = Target {
        from: "192.0.2.1:0".parse().unwrap(),
        to: target.to,
    };
    assert!(ask(&[dead, target], NAME, PATIENCE).await.is_some());
    assert!(ask(&[dead], NAME, PATIENCE).await.is_none());
}

#[tokio::test]
async fn silence_has_an_end() {
    let (target, _server) = played(|_, _| Vec::new()).await;
    assert!(
        ask(&[target], NAME, Duration::from_millis(20))
            .await
            .is_none()
    );
    assert!(ask(&[], NAME, Duration::from_millis(1)).await.is_none());
}

/// What python-zeroconf answers, with which a conductor of Ironic says where it is: names are compressed.
const FROM_ZEROCONF: &str = "\
    12348400000200020000000209626172656d6574616c0a5f6f70656e737461636b045f746370056c6f63616c00002100\
    01c00c00100001c00c001000010000119400370d70726f746f636f6c3d687474700f706174683d2f626172656d657461\
    6c186970615f6e74705f7365727665723d3139322e302e322e33c00c0021000100000078000f0000000018f10669726f\
    6e6963c026c08c001c000100000078001020010db8000000000000000000000007c08c00010001000000780004c00002\
    07";

#[test]
fn the_answer_of_ironics_conductor_is_understood() {
    let digits = FROM_ZEROCONF.as_bytes().as_chunks::<2>().0.iter();
    let bytes = digits.map(|pair| {
        let pair = std::str::from_utf8(pair).unwrap();
        u8::from_str_radix(pair, 16).unwrap()
    });
    let packet: Vec<u8> = bytes.collect();
    let found = Service::assemble(NAME, &message::records(&packet).unwrap()).unwrap();
    let api = answer(DiscoveredService::Api, found).unwrap();
    let urls = [
        "http://[2001:db8::7]:6385/baremetal",
        "http://192.0.2.7:6385/baremetal",
    ];
    assert!(urls.contains(&api.url.as_str()), "{}", api.url);
    assert_eq!(api.overrides["ntp_server"], "192.0.2.3");
}

#[test]
fn answers_name_the_address_and_the_options() {
    let packet = response(&[
        server(NAME, 443, "api.example.org"),
        text(
            NAME,
            &[
                "path=/v1",
                "ipa_ntp_server=192.0.2.3",
                "ipa_debug=1",
                "other=x",
            ],
        ),
    ]);
    let records = message::records(&packet).unwrap();
    let found = Service::assemble(NAME, &records).unwrap();
    let of = |service| answer(service, found.clone()).unwrap();
    let api = of(DiscoveredService::Api);
    assert_eq!(api.url, "https://api.example.org:443/v1");
    let overrides: Vec<_> = api.overrides.into_iter().collect();
    let expected = [("debug", "1"), ("ntp_server", "192.0.2.3")];
    assert_eq!(
        overrides,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    let inspection = of(DiscoveredService::Inspection);
    assert_eq!(inspection.url, "https://api.example.org:443/v1/v1/continue");
}
