//! What a BMC answers, as foreign bytes.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::lan::Request;
use super::{ATTEMPTS, Bmc, MAX_SETS, ask_all};

/// A BMC that says what the bytes say: each answer has its length before it. Then it is silent.
struct Played<'a> {
    answers: &'a [u8],
    asked: u32,
}

impl Bmc for Played<'_> {
    fn ask(&mut self, _: &Request) -> io::Result<Vec<u8>> {
        self.asked += 1;
        let split = self.answers.split_first();
        let (length, rest) = split.ok_or(io::ErrorKind::TimedOut)?;
        let (answer, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        self.answers = rest;
        Ok(answer.to_vec())
    }
}

/// It is asked so often and no more, and what it says are addresses or nothing.
pub(crate) fn ipmi(bytes: &[u8]) {
    let mut bmc = Played {
        answers: bytes,
        asked: 0,
    };
    let found = ask_all(&mut bmc);
    // Of eleven channels four parameters, and two kinds of addresses.
    assert!(bmc.asked <= 11 * ATTEMPTS * (4 + 2 * u32::from(MAX_SETS)));
    let Ok(found) = found else {
        return;
    };
    assert!(
        found
            .v4
            .is_some_and(|text| text.parse::<Ipv4Addr>().is_ok())
    );
    let is_v6 = |text: String| text == "::/0" || text.parse::<Ipv6Addr>().is_ok();
    assert!(found.v6.is_some_and(is_v6));
    let is_mac = |text: String| text.len() == 17 && text != "00:00:00:00:00:00";
    assert!(found.mac.is_none_or(is_mac));
}
