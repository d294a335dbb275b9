//! Prints look-ups in hash rings, a line of JSON for each ring, so that another implementation can be asked the same.
//!
//! `hash_ring LOOKUPS`: at least so many, over rings of one to nine hosts, both digests and several numbers of points.

use ferric_model::hash_ring::{Algorithm, HashRing, RingSettings};
use serde_json::json;
use std::process::ExitCode;

const KEYS: usize = 250;

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of its own that talks to its user"
)]
fn main() -> ExitCode {
    let lookups = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let Some(lookups) = lookups else {
        eprintln!("usage: hash_ring LOOKUPS");
        return ExitCode::from(64);
    };
    let mut done: usize = 0;
    for ring in 0.. {
        if done >= lookups {
            break;
        }
        println!("{}", of_ring(ring));
        done += KEYS;
    }
    ExitCode::SUCCESS
}

fn of_ring(number: usize) -> serde_json::Value {
    let settings = RingSettings {
        algorithm: if number.is_multiple_of(2) {
            Algorithm::Md5
        } else {
            Algorithm::Sha256
        },
        partition_exponent: [5, 8, 0, 10][number % 4],
    };
    let names = (0..=number % 9).map(|host| format!("conductor-{host}.rack{number}.example"));
    let hosts: Vec<String> = names.collect();
    let ring = HashRing::new(hosts.iter().map(String::as_str), settings);
    let key = |place: usize| uuid::Uuid::from_u128((number * KEYS + place) as u128).to_string();
    let lookups = (0..KEYS).map(|place| (key(place), ring.host(&key(place)).map(str::to_owned)));
    json!({
        "algorithm": settings.algorithm,
        "partitions": 1 << settings.partition_exponent,
        "hosts": hosts,
        "lookups": lookups.collect::<Vec<_>>(),
    })
}
