//! The packets of SNTP, RFC 4330. Pure: no clock and no network.

/// The length of a packet without extensions and authentication.
pub(super) const BYTES: usize = 48;

/// No warning, version 4, client.
const CLIENT: u8 = 0b00_100_011;
const SERVER_MODE: u8 = 4;
const NOT_SYNCHRONISED: u8 = 3;
const MAX_STRATUM: u8 = 15;
/// Where the server's answer has what.
const REFERENCE: usize = 12;
const ORIGINATE: usize = 24;
const RECEIVE: usize = 32;
const TRANSMIT: usize = 40;

/// Between 1900, where NTP begins, and 1970.
const TO_1970_S: i128 = 2_208_988_800;
const NS: i128 = 1_000_000_000;

/// Why a packet is no answer that counts.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    #[error("the answer is too short")]
    Short,
    #[error("the answer is to another question")]
    Foreign,
    #[error("the server does not know the time itself")]
    NotSynchronised,
    #[error("the server does not want to be asked: {0}")]
    Unwilling(String),
}

/// What the server's clock showed when the question came and when the answer left, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamps {
    pub(super) received_ns: i128,
    pub(super) sent_ns: i128,
}

/// A question. The number stands where our time would: an answer repeats it, and nobody else can know it.
pub(super) fn question(number: u64) -> [u8; BYTES] {
    let mut packet = [0; BYTES];
    packet[0] = CLIENT;
    packet[TRANSMIT..].copy_from_slice(&number.to_be_bytes());
    packet
}

/// Checks an answer as section 5 of the RFC wants it.
pub(super) fn answer(packet: &[u8], number: u64) -> Result<Stamps, PacketError> {
    let packet: &[u8; BYTES] = packet.first_chunk().ok_or(PacketError::Short)?;
    let mode = packet[0] & 0b111;
    if mode != SERVER_MODE || stamp(packet, ORIGINATE) != number {
        return Err(PacketError::Foreign);
    }
    if packet[1] == 0 {
        let code = &packet[REFERENCE..REFERENCE + 4];
        let code = code.iter().copied().filter(u8::is_ascii_alphanumeric);
        return Err(PacketError::Unwilling(code.map(char::from).collect()));
    }
    let warning = packet[0] >> 6;
    let sent = stamp(packet, TRANSMIT);
    if warning == NOT_SYNCHRONISED || packet[1] > MAX_STRATUM || sent == 0 {
        return Err(PacketError::NotSynchronised);
    }
    Ok(Stamps {
        received_ns: since_1970_ns(stamp(packet, RECEIVE)),
        sent_ns: since_1970_ns(sent),
    })
}

/// How far a clock is behind the server's that showed these times when the question left and the answer came.
pub(super) fn offset_ns(asked_ns: i128, answered_ns: i128, server: Stamps) -> i128 {
    ((server.received_ns - asked_ns) + (server.sent_ns - answered_ns)) / 2
}

fn stamp(packet: &[u8; BYTES], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&packet[at..at + 8]);
    u64::from_be_bytes(bytes)
}

/// Seconds and their 2^32nd parts. The seconds end in 2036 and begin anew; those of before 1968 are of after 2036, as
/// section 3 of the RFC has it.
fn since_1970_ns(stamp: u64) -> i128 {
    let seconds = i128::from(stamp >> 32);
    let era = if stamp >> 63 == 0 { 1_i128 << 32 } else { 0 };
    let fraction_ns = (i128::from(stamp & 0xffff_ffff) * NS) >> 32;
    (seconds + era - TO_1970_S) * NS + fraction_ns
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::{any, prop_assert, proptest};

    use super::*;

    const NUMBER: u64 = 0x0123_4567_89ab_cdef;

    fn to_stamp(since_1970_ns: i128) -> u64 {
        let since_1900 = since_1970_ns + TO_1970_S * NS;
        let seconds = u64::try_from(since_1900 / NS).unwrap() & 0xffff_ffff;
        let fraction = u64::try_from(((since_1900 % NS) << 32) / NS).unwrap();
        (seconds << 32) | fraction
    }

    /// A server's answer to a question: its clock shows the same time all the while.
    pub(in crate::clock) fn reply(question: &[u8], since_1970_ns: i128) -> [u8; BYTES] {
        let mut packet = [0; BYTES];
        packet[0] = 0b00_100_100;
        packet[1] = 2;
        packet[ORIGINATE..RECEIVE].copy_from_slice(&question[TRANSMIT..]);
        let stamp = to_stamp(since_1970_ns).to_be_bytes();
        packet[RECEIVE..TRANSMIT].copy_from_slice(&stamp);
        packet[TRANSMIT..].copy_from_slice(&stamp);
        packet
    }

    #[test]
    fn a_question_is_one_of_version_4() {
        let packet = question(NUMBER);
        assert_eq!((packet[0], packet.len()), (0x23, 48));
        assert_eq!(packet[40..], NUMBER.to_be_bytes());
        assert!(packet[1..40].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn times_of_both_eras_are_understood() {
        // 2024-06-01, and 2040-01-01, which is after the end of the first era.
        for seconds in [1_717_200_000_i128, 2_208_988_800, 0] {
            let time_ns = seconds * NS + 500_000_000;
            let stamps = answer(&reply(&question(NUMBER), time_ns), NUMBER).unwrap();
            assert_eq!(stamps.sent_ns, time_ns);
            assert_eq!(stamps.received_ns, time_ns);
        }
        // As the RFC has it: 2^31 seconds after 1900 the first era is taken, and one second before it the second.
        assert_eq!(since_1970_ns(1 << 63) / NS, (1 << 31) - TO_1970_S);
        let next = (1_i128 << 32) + (1 << 31) - 1 - TO_1970_S;
        assert_eq!(since_1970_ns(0x7fff_ffff_0000_0000) / NS, next);
    }

    /// Recorded; the times are those that Python reads in it.
    #[test]
    fn what_chronyd_answers_is_understood() {
        let packet = [
            0x24, 0x05, 0x00, 0xe6, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x7f, 0x7f,
            0x01, 0x01, 0xee, 0xb7, 0x94, 0x8c, 0x21, 0xb9, 0x1a, 0xc6, 0x01, 0x23, 0x45, 0x67,
            0x89, 0xab, 0xcd, 0xef, 0xee, 0xb7, 0x94, 0x8d, 0xc5, 0x7e, 0x2c, 0x57, 0xee, 0xb7,
            0x94, 0x8d, 0xc5, 0x83, 0x97, 0x8c,
        ];
        let stamps = answer(&packet, NUMBER).unwrap();
        assert_eq!(stamps.sent_ns / 1_000_000, 1_796_019_725_771);
        assert_eq!((stamps.sent_ns - stamps.received_ns) / 1_000, 82);
    }

    #[test]
    fn the_way_there_and_back_is_taken_off_in_halves() {
        let server = Stamps {
            received_ns: 1_100,
            sent_ns: 1_110,
        };
        // 50 each way, and our clock is 50 behind.
        assert_eq!(offset_ns(1_000, 1_110, server), 50);
        assert_eq!(offset_ns(1_200, 1_310, server), -150);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let good = reply(&question(NUMBER), NS);
        let changed = |at: usize, value: u8| {
            let mut packet = good;
            packet[at] = value;
            answer(&packet, NUMBER).unwrap_err()
        };
        assert_eq!(answer(&good[..47], NUMBER), Err(PacketError::Short));
        assert_eq!(answer(&good, NUMBER + 1), Err(PacketError::Foreign));
        assert_eq!(changed(0, 0b00_100_011), PacketError::Foreign);
        assert_eq!(changed(0, 0b11_100_100), PacketError::NotSynchronised);
        assert_eq!(changed(1, 16), PacketError::NotSynchronised);
        let mut silent = good;
        silent[TRANSMIT..].fill(0);
        assert_eq!(answer(&silent, NUMBER), Err(PacketError::NotSynchronised));
        let mut kiss = good;
        kiss[1] = 0;
        kiss[REFERENCE..REFERENCE + 4].copy_from_slice(b"RATE");
        let unwilling = PacketError::Unwilling("RATE".to_owned());
        assert_eq!(answer(&kiss, NUMBER), Err(unwilling));
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(stamps) = answer(&bytes, 0) {
                prop_assert!(offset_ns(0, i128::from(i64::MAX), stamps) < i128::from(i64::MAX));
            }
        }
    }
}
