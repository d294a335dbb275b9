//! `ferric node erase-records`: what was done to a node's disks, as a list or as files for `ferric verify-erase`.

use super::super::client::Client;
use super::super::output::line;
use crate::cluster::folder;
use crate::erase_records::{Statement, outcome_in_words, plain};
use anyhow::Context;
use comfy_table::{Table, presets};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// In characters, of a part of a file's name.
const PART_LENGTH: usize = 48;

#[derive(Debug, clap::Args)]
pub(super) struct EraseRecords {
    node: String,
    /// Write each record into a file of its own in this folder. Those that are there already stay as they are.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

impl EraseRecords {
    pub(super) async fn run(self, client: &Client) -> anyhow::Result<()> {
        let records = fetch(client, &self.node).await?;
        match &self.output {
            Some(output) => {
                let (written, there) = write_all(&records, output)?;
                let output = output.display();
                line(&format!(
                    "{written} records written to {output}, {there} were there already"
                ));
            }
            None => line(&table(&records).to_string()),
        }
        Ok(())
    }
}

/// All of them, in the order in which they were signed.
async fn fetch(client: &Client, node: &str) -> anyhow::Result<Vec<Value>> {
    let path = format!("/ferric/v1/nodes/{node}/erase-records");
    let mut records = Vec::new();
    let mut from = String::new();
    loop {
        let mut page = client.get(&format!("{path}{from}")).await?;
        let found = page.get_mut("erase_records").map(Value::take);
        if let Some(Value::Array(found)) = found {
            records.extend(found);
        }
        match page["next"].as_str() {
            Some(next) => from = format!("?marker={next}"),
            None => return Ok(records),
        }
    }
}

/// How many were written, and how many were there.
fn write_all(records: &[Value], output: &Path) -> anyhow::Result<(usize, usize)> {
    let (mut written, mut there) = (0, 0);
    for record in records {
        let path = output.join(file_name(record));
        let exists = path.try_exists();
        if exists.with_context(|| format!("looking for {}", path.display()))? {
            there += 1;
            continue;
        }
        let text = serde_json::to_string_pretty(&record["envelope"])?;
        folder::write_new(&path, &format!("{text}\n"))?;
        written += 1;
    }
    Ok((written, there))
}

/// When it was signed, of which disk, and the record's own id: nobody else's, and always the same.
fn file_name(record: &Value) -> String {
    let erasure = &record["envelope"]["record"]["erasure"];
    let device = erasure["device"].as_str().unwrap_or_default();
    let parts = [
        record["signed_at"].as_str(),
        Some(device.trim_start_matches("/dev/")),
        erasure["serial"].as_str(),
        record["uuid"].as_str(),
    ];
    let parts = parts.into_iter().flatten().map(safe);
    format!("{}.json", parts.collect::<Vec<String>>().join("_"))
}

/// For the name of a file, whatever a disk or a server says.
fn safe(text: &str) -> String {
    let letters = text.chars().take(PART_LENGTH);
    letters
        .map(|letter| match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' => letter,
            _ => '-',
        })
        .collect()
}

fn table(records: &[Value]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["SIGNED AT", "DEVICE", "SERIAL", "METHOD", "STEP"]);
    for record in records {
        let text = |value: &Value| plain(value.as_str().unwrap_or("-"));
        let shown = record["envelope"]["record"].clone();
        let (device, serial) = (&shown["erasure"]["device"], &shown["erasure"]["serial"]);
        let (device, serial) = (text(device), text(serial));
        // What a newer release has written may be something that this one does not know.
        let known: Option<Statement> = serde_json::from_value(shown).ok();
        let known = known.map(|known| {
            let method = plain(&outcome_in_words(&known.erasure.outcome));
            (method, plain(&known.step.to_string()))
        });
        let (method, step) = known.unwrap_or_else(|| ("-".to_owned(), "-".to_owned()));
        table.add_row([text(&record["signed_at"]), device, serial, method, step]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(uuid: &str, device: &str, serial: &Value) -> Value {
        json!({
            "uuid": uuid, "signed_at": "2026-01-01T00:00:02Z",
            "envelope": {"record": {"erasure": {"device": device, "serial": serial}}},
        })
    }

    #[test]
    fn names_stay_in_the_folder() {
        for (given, expected) in [
            (
                record("0-1", "/dev/nvme0n1", &json!("S 1/2")),
                "2026-01-01T00-00-02Z_nvme0n1_S-1-2_0-1.json",
            ),
            (
                record("0-2", "/dev/sda", &Value::Null),
                "2026-01-01T00-00-02Z_sda_0-2.json",
            ),
            (
                record("../../x", "../../etc/passwd", &json!("\u{1b}")),
                "2026-01-01T00-00-02Z_------etc-passwd_-_------x.json",
            ),
        ] {
            assert_eq!(file_name(&given), expected);
        }
        let long = record("0", &"x".repeat(1000), &json!("y".repeat(1000)));
        assert!(file_name(&long).len() < 200);
    }

    #[test]
    fn what_was_written_before_stays() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("records");
        let (one, two) = (
            record("1", "/dev/sda", &json!("A")),
            record("2", "/dev/sda", &json!("A")),
        );
        let records = [one, two];
        assert_eq!(write_all(&records[..1], &output).unwrap(), (1, 0));
        let path = output.join(file_name(&records[0]));
        let text = std::fs::read_to_string(&path).unwrap();
        let written: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(written, records[0]["envelope"]);
        std::fs::write(&path, "mine").unwrap();
        assert_eq!(write_all(&records, &output).unwrap(), (1, 1));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        assert_eq!(output.read_dir().unwrap().count(), 2);
    }
}
