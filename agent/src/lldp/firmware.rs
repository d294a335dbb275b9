//! Network cards that keep LLDP to themselves.
//!
//! The firmware of Intel's 700 series (driver i40e) speaks to switches on its own, and shows their frames to nobody
//! until it is told to stop, which Ironic's agent does in the same way.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use crate::host::SystemPermit;

/// One folder for each card, where the driver is loaded and the kernel is not locked down.
const CARDS: &str = "/sys/kernel/debug/i40e";

/// Tells all such cards to leave LLDP to the system, until they are reset.
pub fn stop_firmware(_permit: &SystemPermit) {
    stop_in(Path::new(CARDS));
}

fn stop_in(cards: &Path) {
    for card in fs::read_dir(cards).into_iter().flatten().flatten() {
        if let Err(error) = write(&card.path().join("command"), "lldp stop") {
            tracing::warn!(
                error = &error as &dyn Error,
                card = %card.path().display(),
                "a network card keeps LLDP to itself"
            );
        }
    }
}

/// Writes to a file that is there already.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_card_is_told_to_stop() {
        let directory = tempfile::tempdir().unwrap();
        let command = |card: &str| directory.path().join(card).join("command");
        for card in ["0000:3b:00.0", "0000:3b:00.1", "odd"] {
            fs::create_dir(directory.path().join(card)).unwrap();
        }
        fs::write(command("0000:3b:00.0"), "").unwrap();
        fs::write(command("0000:3b:00.1"), "").unwrap();
        stop_in(directory.path());
        for card in ["0000:3b:00.0", "0000:3b:00.1"] {
            assert_eq!(fs::read_to_string(command(card)).unwrap(), "lldp stop");
        }
        assert!(!command("odd").exists());
        stop_in(Path::new("/nowhere"));
    }
}
