//! Two runs in one process, as a pair over the loopback interface.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use super::super::testing::node;
use super::*;

fn free_port() -> u16 {
    let listener = TcpListener::bind("[::]:0").or_else(|_| TcpListener::bind("0.0.0.0:0"));
    listener.unwrap().local_addr().unwrap().port()
}

fn run(port: u16, runtime: Duration, patience: Duration, watch: &Watch) -> Run<'_> {
    Run {
        partner: Partner {
            name: "127.0.0.1".to_owned(),
            port,
        },
        connections: 3,
        runtime,
        patience,
        grace: LONG,
        watch,
    }
}

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_pair_sends_in_both_directions_and_agrees_on_what_arrived() {
    let port = free_port();
    let runtime = Duration::from_millis(300);
    let both = |roles: [Role; 2]| {
        let watch = Watch::default();
        let run = run(port, runtime, LONG, &watch);
        let results = roles.map(|role| run.direction(role, LONG).unwrap());
        (results, watch.progress.mark().unwrap())
    };
    let ((first, mark), (second, _)) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| both([Role::Reader, Role::Writer]));
        (both([Role::Writer, Role::Reader]), reader.join().unwrap())
    });
    for (sent, received) in [(&first[0], &second[0]), (&second[1], &first[1])] {
        assert_eq!(sent["bytes"], received["bytes"], "both tell the same");
        assert!(sent["bytes"].as_u64().unwrap() > 0);
        assert!(sent["bytes_per_second"].as_u64().unwrap() > 0);
        assert!(sent["seconds"].as_f64().unwrap() >= 0.3, "{sent}");
    }
    let all = first
        .iter()
        .map(|one| one["bytes"].as_u64().unwrap())
        .sum::<u64>();
    assert_eq!(mark.bytes_written, all);
}

#[test]
fn a_block_that_was_changed_on_the_way_fails_both() {
    let port = free_port();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let sender = std::thread::spawn(move || {
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(listener.accept().unwrap().0);
        }
        for stream in &mut all {
            changed(stream);
        }
    });
    let watch = Watch::default();
    let error = run(port, LONG, LONG, &watch)
        .direction(Role::Reader, LONG)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the network changed what was sent: 3 blocks of the 6 from 127.0.0.1 were wrong"
    );
    sender.join().unwrap();
}

/// A writer that sends without an end, over each connection until the reader has closed it.
fn endless(listener: &TcpListener) {
    let payload = wire::Payload::new(5);
    let mut all: Vec<_> = (0..3).map(|_| listener.accept().unwrap().0).collect();
    for stream in &mut all {
        stream.write_all(&wire::WORD).unwrap();
        stream.write_all(&5_u64.to_le_bytes()).unwrap();
    }
    let mut number = 0_u64;
    while !all.is_empty() {
        all.retain_mut(|stream| {
            let begun = stream.write_all(&number.to_le_bytes());
            begun
                .and_then(|()| stream.write_all(payload.block(number)))
                .is_ok()
        });
        number += 1;
    }
}

#[test]
fn a_partner_without_an_end_is_not_listened_to_for_ever() {
    let port = free_port();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let writer = std::thread::spawn(move || endless(&listener));
    let watch = Watch::default();
    let run = Run {
        grace: Duration::from_millis(50),
        ..run(port, Duration::from_millis(50), LONG, &watch)
    };
    let error = run.direction(Role::Reader, LONG).unwrap_err();
    assert_eq!(error.to_string(), "receiving from the partner 127.0.0.1");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        cause.starts_with("it was not done 0 s after the time was over"),
        "{cause}"
    );
    // The reader has closed its connections.
    writer.join().unwrap();
}

/// A sender of two blocks, one of which has a wrong bit.
fn changed(stream: &mut TcpStream) {
    stream.read_exact(&mut [0; wire::WORD.len()]).unwrap();
    let payload = wire::Payload::new(5);
    let mut all = wire::WORD.to_vec();
    all.extend(5_u64.to_le_bytes());
    for number in 0..2_u64 {
        all.extend(number.to_le_bytes());
        all.extend(payload.block(number));
    }
    *all.last_mut().unwrap() ^= 1;
    all.extend(wire::END.to_le_bytes());
    stream.write_all(&all).unwrap();
    let mut summary = [0; wire::SUMMARY_BYTES];
    stream.read_exact(&mut summary).unwrap();
    assert_eq!(summary[8], 1, "the reader tells the writer");
}

#[test]
fn a_partner_that_does_not_come_is_not_waited_for_for_ever() {
    let watch = Watch::default();
    let short = Duration::from_millis(200);
    let run = run(free_port(), LONG, short, &watch);
    let told = |role| run.direction(role, short).unwrap_err().to_string();
    assert_eq!(
        told(Role::Writer),
        "the partner 127.0.0.1 did not connect within 0 s"
    );
    let unreachable = told(Role::Reader);
    assert!(
        unreachable.contains("could not be reached within 0 s"),
        "{unreachable}"
    );
    watch.stop.request();
    let error = run.direction(Role::Writer, LONG).unwrap_err();
    assert!(matches!(error, BurninError::Stopped));
}

/// A connection to a writer that is there soon.
fn connected(port: u16) -> TcpStream {
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => return stream,
            Err(_) => std::thread::yield_now(),
        }
    }
}

#[test]
fn whoever_else_connects_is_sent_away() {
    let port = free_port();
    let watch = Watch::default();
    let run = run(port, Duration::from_millis(50), LONG, &watch);
    let refused = std::thread::scope(|scope| {
        let writer = scope.spawn(|| run.direction(Role::Writer, LONG).unwrap());
        let mut stranger = connected(port);
        stranger.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        let closed = stranger.read(&mut [0; 1]).unwrap_or(0);
        run.direction(Role::Reader, LONG).unwrap();
        writer.join().unwrap();
        closed
    });
    assert_eq!(refused, 0);
}

/// One after the other they would take longer than the partner waits.
#[test]
fn who_says_nothing_holds_nobody_up() {
    let port = free_port();
    let watch = Watch::default();
    let run = run(port, Duration::from_millis(50), LONG, &watch);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| run.direction(Role::Writer, LONG).unwrap());
        let silent: Vec<TcpStream> = (0..3).map(|_| connected(port)).collect();
        run.direction(Role::Reader, LONG).unwrap();
        writer.join().unwrap();
        drop(silent);
    });
}

#[test]
fn the_pair_and_its_roles_stand_in_the_settings() {
    let of = |config: Value| {
        let node = node(&json!({"agent_burnin_fio_network_config": config}));
        Pair::of(&Settings::of(&node)).map_err(|error| error.to_string())
    };
    let pair = |role, partner: &str| {
        let partner = partner.to_owned();
        Ok(Pair { role, partner })
    };
    let config = json!({"role": "writer", "partner": "node-7.example.com"});
    assert_eq!(of(config.clone()), pair(Role::Writer, "node-7.example.com"));
    assert_eq!(
        of(json!(config.to_string())),
        pair(Role::Writer, "node-7.example.com")
    );
    assert_eq!(
        of(json!({"role": "reader", "partner": "fe80::1%eth0"})),
        pair(Role::Reader, "fe80::1%eth0")
    );
    for wrong in [
        json!({"role": "listener", "partner": "a"}),
        json!({"role": "reader"}),
        json!({"role": "reader", "partner": "a b"}),
        json!("writer"),
    ] {
        assert!(
            of(wrong)
                .unwrap_err()
                .contains("it must be an object with role")
        );
    }
    assert!(
        of(Value::Null)
            .unwrap_err()
            .contains("pairing_backend_url is not supported")
    );
}
