//! The long self-test that drives of ATA and NVMe do themselves: begun, and asked for until it has ended.
//!
//! ATA's is a part of SMART (ACS-3, 7.48), NVMe's the command Device Self-test and its log page (base specification,
//! 5.8 and 5.16.1.7). A drive without one passes, as with Ironic's agent; the result says so.

use std::fs::File;
use std::time::Duration;

use crate::disk::passthrough::{Data, NvmeCommand, nvme_admin, scsi};
use crate::disk::{Claimed, Drive};
use crate::image::Stop;

const POLL_S: u32 = 30;
const POLL: Duration = Duration::from_secs(POLL_S as u64);
/// A drive of today takes a day; five days are more than any.
const MOST_POLLS: u32 = 5 * 86400 / POLL_S;
/// As often in a row a drive may fail to say how far it is.
const MOST_SILENT: u32 = 5;
const COMMAND_TIME: Duration = Duration::from_secs(30);

const NONE: &str = "none: it takes no commands for that";
const PASSED: &str = "passed";

/// What a drive says of its test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Passed,
    Failed(u8),
    /// It has done none.
    Absent,
}

/// Has a drive test itself, and waits for that.
pub(super) fn run(disk: &Claimed, stop: &Stop) -> Result<&'static str, String> {
    let Some((drive, file)) = disk.drive() else {
        return Ok(NONE);
    };
    let state = || match drive {
        Drive::Ata => ata_state(file),
        Drive::Nvme => nvme_state(file),
    };
    // Who is silent before has no such test; who is silent afterwards may be broken.
    if state().is_none() {
        return Ok("none: it does not tell how one ends");
    }
    let begun = match drive {
        Drive::Ata => ata_begin(file),
        Drive::Nvme => nvme_begin(file),
    };
    if !begun {
        return Ok("none: it did not begin one");
    }
    until_ended(state, || stop.pause(POLL))
}

/// Asks how far it is, after each pause. `pause` says whether to go on.
fn until_ended(
    mut state: impl FnMut() -> Option<State>,
    mut pause: impl FnMut() -> bool,
) -> Result<&'static str, String> {
    let mut silent = 0;
    for _ in 0..MOST_POLLS {
        if !pause() {
            return Err("was still testing itself when the burn-in was cancelled".to_owned());
        }
        match state() {
            Some(State::Running) => silent = 0,
            Some(State::Passed) => return Ok(PASSED),
            Some(State::Absent) => return Ok("none: it does not tell how it ended"),
            Some(State::Failed(status)) => {
                return Err(format!(
                    "failed its own long self-test with status {status:#x}"
                ));
            }
            None => silent += 1,
        }
        if silent == MOST_SILENT {
            return Err("does not answer any more since it began its long self-test".to_owned());
        }
    }
    Err("did not end its own long self-test within five days".to_owned())
}

const PASS_THROUGH_16: u8 = 0x85;
const NON_DATA: u8 = 3 << 1;
const PIO_DATA_IN: u8 = 4 << 1;
/// One block, counted in the field for that, from the disk.
const ONE_BLOCK_IN: u8 = 0x0e;
const SMART: u8 = 0xb0;
const EXECUTE_OFFLINE: u8 = 0xd4;
const READ_DATA: u8 = 0xd0;
/// What SMART must find in the registers.
const SMART_KEY: [u8; 2] = [0x4f, 0xc2];
/// The extended test, in the background.
const EXTENDED: u8 = 2;
/// Where the data have the status of the last test.
const ATA_STATUS: usize = 363;

/// ATA PASS-THROUGH (16) with a command of SMART.
fn smart(feature: u8, lba_low: u8, is_read: bool) -> [u8; 16] {
    let mut block = [0; 16];
    block[0] = PASS_THROUGH_16;
    block[1] = if is_read { PIO_DATA_IN } else { NON_DATA };
    block[2] = if is_read { ONE_BLOCK_IN } else { 0 };
    block[4] = feature;
    block[6] = u8::from(is_read);
    block[8] = lba_low;
    [block[10], block[12]] = SMART_KEY;
    block[14] = SMART;
    block
}

fn ata_begin(file: &File) -> bool {
    let block = smart(EXECUTE_OFFLINE, EXTENDED, false);
    scsi(file, &block, Data::None, COMMAND_TIME).is_ok_and(|end| end.status == 0)
}

/// `None` if it does not say.
fn ata_state(file: &File) -> Option<State> {
    let mut data = [0; 512];
    let block = smart(READ_DATA, 0, true);
    match scsi(file, &block, Data::FromDrive(&mut data), COMMAND_TIME) {
        Ok(end) if end.status == 0 => Some(of_ata(data[ATA_STATUS])),
        _ => None,
    }
}

/// The upper half tells how the test ended, the lower one how much of it is left.
fn of_ata(status: u8) -> State {
    match status >> 4 {
        0 => State::Passed,
        0xf => State::Running,
        status => State::Failed(status),
    }
}

const DEVICE_SELF_TEST: u8 = 0x14;
const GET_LOG_PAGE: u8 = 0x02;
const SELF_TEST_PAGE: u32 = 0x06;
const ALL_NAMESPACES: u32 = 0xffff_ffff;
/// The page's head, and the newest result.
const PAGE_BYTES: usize = 4 + 28;
const PAGE_WORDS: u32 = 8;

fn nvme(opcode: u8, cdw10: u32) -> NvmeCommand {
    NvmeCommand {
        opcode,
        namespace: ALL_NAMESPACES,
        cdw10,
        cdw11: 0,
        timeout: COMMAND_TIME,
    }
}

fn nvme_begin(file: &File) -> bool {
    let command = nvme(DEVICE_SELF_TEST, u32::from(EXTENDED));
    nvme_admin(file, &command, &mut []).is_ok_and(|status| status == 0)
}

/// `None` if it does not say.
fn nvme_state(file: &File) -> Option<State> {
    let mut page = [0; PAGE_BYTES];
    let command = nvme(GET_LOG_PAGE, SELF_TEST_PAGE | (PAGE_WORDS - 1) << 16);
    match nvme_admin(file, &command, &mut page) {
        Ok(0) => Some(of_nvme(&page)),
        _ => None,
    }
}

/// The first byte is the test that runs now, the fifth tells how the last one ended.
fn of_nvme(page: &[u8; PAGE_BYTES]) -> State {
    match (page[0] & 0xf, page[4] & 0xf) {
        (0, 0) => State::Passed,
        (0, 0xf) => State::Absent,
        (0, status) => State::Failed(status),
        _ => State::Running,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_those_of_the_standards() {
        assert_eq!(of_ata(0x00), State::Passed);
        assert_eq!(of_ata(0xf9), State::Running);
        assert_eq!(of_ata(0x78), State::Failed(7));
        let page = |running, ended| {
            let mut page = [0; PAGE_BYTES];
            (page[0], page[4]) = (running, ended);
            of_nvme(&page)
        };
        assert_eq!(page(0, 0x20), State::Passed);
        assert_eq!(page(2, 0x20), State::Running);
        assert_eq!(page(0, 0x27), State::Failed(7));
        assert_eq!(page(0, 0x0f), State::Absent);
    }

    fn ended(states: &[Option<State>]) -> Result<&'static str, String> {
        let mut states = states.iter().copied();
        until_ended(|| states.next().flatten(), || true)
    }

    #[test]
    fn a_drive_that_falls_silent_while_it_tests_itself_does_not_pass() {
        let (running, passed) = (Some(State::Running), Some(State::Passed));
        assert_eq!(ended(&[running, None, None, running, passed]), Ok(PASSED));
        let silent = ended(&[running]).unwrap_err();
        assert!(silent.starts_with("does not answer any more"), "{silent}");
        let failed = ended(&[running, Some(State::Failed(7))]).unwrap_err();
        assert!(failed.ends_with("status 0x7"), "{failed}");
        let cancelled = until_ended(|| running, || false).unwrap_err();
        assert!(cancelled.ends_with("was cancelled"), "{cancelled}");
    }

    #[test]
    fn commands_carry_the_key_of_smart() {
        let begin = smart(EXECUTE_OFFLINE, EXTENDED, false);
        assert_eq!(
            begin,
            [
                0x85, 6, 0, 0, 0xd4, 0, 0, 0, 2, 0, 0x4f, 0, 0xc2, 0, 0xb0, 0
            ]
        );
        let read = smart(READ_DATA, 0, true);
        assert_eq!(
            read,
            [
                0x85, 8, 0x0e, 0, 0xd0, 0, 1, 0, 0, 0, 0x4f, 0, 0xc2, 0, 0xb0, 0
            ]
        );
    }
}
