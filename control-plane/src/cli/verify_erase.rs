//! `ferric verify-erase`: whether a signed erase record holds good. It needs the file and nothing else: no conductor is asked.

use super::output::line;
use crate::config::SettingsError;
use crate::erase_records::{
    FILE_LIMIT_BYTES, PublicKey, Verified, Wrong, clock_went_back, outcome_in_words, plain, verify,
};
use comfy_table::{Table, presets};
use ferric_agent_protocol::erase::{EraseFound, EraseMethod, EraseOutcome, EraseSample};
use serde_json::json;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct VerifyErase {
    /// One of the files of `ferric node erase-records`.
    file: PathBuf,
    /// The public keys that are believed, in PEM, as `ferric erase-key` prints them. Without it the key in the file is
    /// believed, which shows only that nothing was changed since.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Fail unless all data of the disk were erased: a record may also say that it was left, or only its metadata erased.
    #[arg(long)]
    all_data: bool,
}

/// What was checked is not what it should be.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotGood {
    #[error("{} is not good", .0.display())]
    Bad(PathBuf, #[source] Wrong),
    #[error("{} is a good record, and it says that not all data of the disk were erased", .0.display())]
    DataLeft(PathBuf),
}

pub(super) fn run(arguments: VerifyErase) -> anyhow::Result<()> {
    let believed = arguments.key.as_deref().map(keys).transpose()?;
    let bytes = read("FILE", &arguments.file)?;
    let verified = match verify(&bytes, believed.as_deref()) {
        Ok(verified) => verified,
        Err(wrong) => return Err(NotGood::Bad(arguments.file, wrong).into()),
    };
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (name, value) in rows(&verified) {
        table.add_row([name.to_owned(), plain(&value)]);
    }
    for row in table.to_string().lines() {
        line(row.trim_end());
    }
    line(&conclusion(&verified, believed.is_some()));
    if arguments.all_data && !erased_all_data(&verified) {
        return Err(NotGood::DataLeft(arguments.file).into());
    }
    Ok(())
}

fn keys(path: &Path) -> Result<Vec<PublicKey>, SettingsError> {
    let text = read("--key", path)?;
    PublicKey::all_of_pem(&text).ok_or_else(|| SettingsError::Option {
        option: "--key",
        problem: format!(
            "{} must hold public keys of Ed25519 in PEM and no others: `ferric erase-key` prints one",
            path.display()
        ),
    })
}

/// A byte more than is allowed shows that there is more.
fn read(option: &'static str, path: &Path) -> Result<Vec<u8>, SettingsError> {
    let mut bytes = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(FILE_LIMIT_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(SettingsError::Option {
            option,
            problem: format!("{} cannot be read: {error}", path.display()),
        }),
    }
}

fn rows(verified: &Verified) -> Vec<(&'static str, String)> {
    let statement = &verified.statement;
    let (node, erasure) = (&statement.node, &statement.erasure);
    let named = node.name.as_ref().map(|name| format!(" ({name})"));
    let said = |told: &Option<String>| told.clone().unwrap_or_else(|| "-".to_owned());
    let mut rows = vec![
        (
            "NODE",
            format!("{}{}", node.uuid, named.unwrap_or_default()),
        ),
        ("DEVICE", erasure.device.clone()),
        ("SERIAL", said(&erasure.serial)),
        ("MODEL", said(&erasure.model)),
        ("WWN", said(&erasure.wwn)),
        ("SIZE", format!("{} bytes", erasure.size_bytes)),
        ("METHOD", outcome_in_words(&erasure.outcome)),
    ];
    if let EraseOutcome::Erased {
        failed_before,
        sample_bytes,
        samples,
        ..
    } = &erasure.outcome
    {
        rows.push(("READ BACK", read_back(*sample_bytes, samples)));
        let failures = failed_before.iter().cloned();
        rows.extend(failures.map(|failure| ("FAILED BEFORE", failure)));
    }
    let activity = json!(statement.activity);
    let activity = activity.as_str().unwrap_or_default();
    let odd = match clock_went_back(erasure) {
        true => ", which was set back meanwhile",
        false => "",
    };
    let times = format!(
        "{} to {}, by the machine's clock{odd}",
        erasure.started_at, erasure.finished_at
    );
    let signed = format!(
        "{} by conductor {}",
        statement.signed_at, statement.conductor
    );
    rows.extend([
        ("TIME", times),
        (
            "STEP",
            format!("{} ({activity}, run {})", statement.step, statement.run),
        ),
        ("SIGNED", signed),
        ("KEY", verified.key.fingerprint()),
    ]);
    rows
}

fn read_back(sample_bytes: u64, samples: &[EraseSample]) -> String {
    if samples.is_empty() {
        return "all that was cleared".to_owned();
    }
    let kinds = [
        (EraseFound::Zeroes, "zeroes"),
        (EraseFound::Ones, "FFh"),
        (EraseFound::Random, "the random bytes written last"),
        (EraseFound::Other, "other bytes than before"),
    ];
    let found = kinds.into_iter().filter_map(|(kind, words)| {
        let count = samples.iter().filter(|sample| sample.found == kind).count();
        (count > 0).then(|| format!("{words} at {count}"))
    });
    let found: Vec<String> = found.collect();
    let count = samples.len();
    format!(
        "{count} places of {sample_bytes} bytes: {}",
        found.join(", ")
    )
}

fn conclusion(verified: &Verified, is_believed: bool) -> String {
    match is_believed {
        true => "The record is good, and signed by a key that is believed.".to_owned(),
        false => format!(
            "The record is good, by the key in the file itself, with the fingerprint {}: compare that with the \
             conductor's, or name its key by --key.",
            verified.key.fingerprint()
        ),
    }
}

fn erased_all_data(verified: &Verified) -> bool {
    match verified.statement.erasure.outcome {
        EraseOutcome::Skipped { .. } => false,
        EraseOutcome::Erased { method, .. } => method != EraseMethod::Metadata,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::erase_records::{SigningKey, Statement, file, sign};
    use serde_json::Value;

    fn statement(outcome: &Value) -> Statement {
        let mut erasure = json!({
            "device": "/dev/sda", "serial": "Z1\u{1b}D", "model": null, "wwn": null, "size_bytes": 8192,
            "started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:01Z",
        });
        let fields = erasure.as_object_mut().unwrap();
        fields.extend(outcome.as_object().unwrap().clone());
        let run = "00000000-0000-0000-0000-000000000002";
        let statement = json!({
            "node": {"uuid": "00000000-0000-0000-0000-000000000001", "name": "a"}, "conductor": "one",
            "activity": "manual_clean", "run": run, "signed_at": "2026-01-01T00:00:02Z",
            "step": {"interface": "deploy", "step": "erase_devices"}, "erasure": erasure,
        });
        serde_json::from_value(statement).unwrap()
    }

    fn overwritten() -> Statement {
        statement(&json!({
            "outcome": "erased", "method": {"overwrite": {"random_passes": 1, "zeroed": true}},
            "failed_before": ["it is frozen"], "sample_bytes": 4096,
            "samples": [{"offset_bytes": 0, "found": "zeroes"}, {"offset_bytes": 4096, "found": "zeroes"}],
        }))
    }

    /// A record in a folder, with two keys: that of the signer and another one.
    struct Desk {
        folder: tempfile::TempDir,
    }

    impl Desk {
        fn of(statement: &Statement) -> Self {
            let desk = Self {
                folder: tempfile::tempdir().unwrap(),
            };
            let key = SigningKey::open_or_make(desk.folder.path()).unwrap();
            desk.write("record", &file(sign(&key, statement)).to_string());
            desk.write("key", &key.public().to_pem());
            let other = tempfile::tempdir().unwrap();
            let other = SigningKey::open_or_make(other.path()).unwrap().public();
            desk.write("other", &other.to_pem());
            desk
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn write(&self, name: &str, text: &str) {
            std::fs::write(self.path(name), text).unwrap();
        }

        fn verify(&self, key: Option<&str>, all_data: bool) -> anyhow::Result<()> {
            run(VerifyErase {
                file: self.path("record"),
                key: key.map(|key| self.path(key)),
                all_data,
            })
        }

        /// That it is refused, in these words.
        fn refuses(&self, key: Option<&str>, all_data: bool, words: &str) {
            let error = self.verify(key, all_data).unwrap_err();
            assert!(error.is::<NotGood>(), "{error:#}");
            assert!(format!("{error:#}").contains(words), "{error:#}");
        }
    }

    #[test]
    fn a_good_record_is_shown_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::open_or_make(folder.path()).unwrap();
        let written = file(sign(&key, &overwritten())).to_string();
        let verified = verify(written.as_bytes(), None).unwrap();
        let fingerprint = key.public().fingerprint();
        let shown = rows(&verified);
        let shown: Vec<String> = shown
            .iter()
            .map(|(name, value)| format!("{name}: {}", plain(value)))
            .collect();
        let key_row = format!("KEY: {fingerprint}");
        let expected = [
            "NODE: 00000000-0000-0000-0000-000000000001 (a)",
            "DEVICE: /dev/sda",
            "SERIAL: Z1 D",
            "MODEL: -",
            "WWN: -",
            "SIZE: 8192 bytes",
            "METHOD: overwritten by the agent: random bytes 1 times, then zeroes",
            "READ BACK: 2 places of 4096 bytes: zeroes at 2",
            "FAILED BEFORE: it is frozen",
            "TIME: 2026-01-01T00:00:00Z to 2026-01-01T00:00:01Z, by the machine's clock",
            "STEP: deploy.erase_devices (manual_clean, run 00000000-0000-0000-0000-000000000002)",
            "SIGNED: 2026-01-01T00:00:02Z by conductor one",
            key_row.as_str(),
        ];
        assert_eq!(shown, expected);
        assert!(conclusion(&verified, false).contains(&fingerprint));
    }

    #[test]
    fn a_clock_that_was_set_back_is_told_of_and_makes_no_record_bad() {
        let mut statement = overwritten();
        statement.erasure.finished_at = "2025-01-01T00:00:00Z".parse().unwrap();
        let desk = Desk::of(&statement);
        desk.verify(Some("key"), true).unwrap();
        let written = std::fs::read(desk.path("record")).unwrap();
        let shown = rows(&verify(&written, None).unwrap());
        let (_, times) = shown.iter().find(|(name, _)| *name == "TIME").unwrap();
        assert_eq!(
            times,
            "2026-01-01T00:00:00Z to 2025-01-01T00:00:00Z, by the machine's clock, which was set back meanwhile"
        );
    }

    #[test]
    fn files_are_checked_against_keys() {
        let desk = Desk::of(&overwritten());
        desk.verify(None, false).unwrap();
        desk.verify(Some("key"), true).unwrap();
        desk.refuses(Some("other"), false, "none of the keys");
        let both = ["other", "key"].map(|name| std::fs::read_to_string(desk.path(name)).unwrap());
        desk.write("both", &both.concat());
        desk.verify(Some("both"), false).unwrap();
        let record = std::fs::read_to_string(desk.path("record")).unwrap();
        desk.write("record", &record.replace("zeroes", "ones"));
        desk.refuses(None, false, "not the one that was signed");
        desk.write("record", &record[..record.len() / 2]);
        desk.refuses(None, false, "no signed erase record");
        let limit = usize::try_from(FILE_LIMIT_BYTES).unwrap();
        desk.write("record", &" ".repeat(limit + 2));
        desk.refuses(None, false, "larger than");
    }

    #[test]
    fn bad_usage_is_told_from_a_bad_record() {
        let desk = Desk::of(&overwritten());
        let check = |key: &str, words: &str| {
            let error = desk.verify(Some(key), false).unwrap_err();
            assert!(error.is::<SettingsError>(), "{error:#}");
            assert!(error.to_string().contains(words), "{error:#}");
        };
        check("none", "cannot be read");
        check("record", "must hold public keys");
        std::fs::remove_file(desk.path("record")).unwrap();
        check("key", "cannot be read");
    }

    #[test]
    fn data_that_are_left_are_no_success_for_who_asks_for_all() {
        let metadata = statement(&json!({
            "outcome": "erased", "method": "metadata", "failed_before": [], "sample_bytes": 0, "samples": [],
        }));
        let skipped = statement(&json!({"outcome": "skipped", "reason": "it is read-only"}));
        for statement in [metadata, skipped] {
            let desk = Desk::of(&statement);
            desk.verify(Some("key"), false).unwrap();
            desk.refuses(Some("key"), true, "not all data");
        }
    }
}
