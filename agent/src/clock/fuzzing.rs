//! What an NTP server, or somebody in its place, may send, as foreign bytes.

use jiff::Timestamp;

use super::moved;
use super::packet::{PacketError, answer, offset_ns};

/// Where the answer repeats the question's number.
const NUMBER: std::ops::Range<usize> = 24..32;
const NS: i128 = 1_000_000_000;
/// From 1968 to 2104: what 64 bits can tell, as RFC 4330 reads them.
const FIRST_S: i128 = (1 << 31) - 2_208_988_800;
const END_S: i128 = (1 << 32) + (1 << 31) - 2_208_988_800;

/// An answer to another question counts for nothing; one to ours tells a time that the clock can be set to, or none.
pub(crate) fn sntp(bytes: &[u8]) {
    let repeated = bytes.get(NUMBER).and_then(|field| field.first_chunk());
    let number = repeated.map_or(0, |field| u64::from_be_bytes(*field));
    assert!(answer(bytes, number.wrapping_add(1)).is_err());
    match answer(bytes, number) {
        Ok(stamps) => {
            let range = FIRST_S * NS..END_S * NS;
            assert!(range.contains(&stamps.received_ns) && range.contains(&stamps.sent_ns));
            let offset_ns = offset_ns(0, 0, stamps);
            assert!(range.contains(&offset_ns));
            let now = moved(Timestamp::UNIX_EPOCH, offset_ns);
            assert_eq!(now.is_some(), offset_ns >= 0);
        }
        Err(PacketError::Unwilling(code)) => assert!(code.len() <= 4),
        Err(PacketError::Short) => assert!(bytes.len() < 48),
        Err(PacketError::Foreign | PacketError::NotSynchronised) => {}
    }
}
