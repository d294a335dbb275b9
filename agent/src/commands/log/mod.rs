//! `log.collect_system_logs`: what is needed to understand a failure, as base64 of a tar.gz.
//!
//! The names within are those of Ironic's agent. Sizes and time are bounded, because the answer is one JSON text
//! and the conductor waits for it no longer than a minute.

mod sources;
mod tar;

use std::io::Write;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::failure::{ErrorKind, Failure};
use super::run::{Outcome, Run, on_thread};
use crate::run::{Limits, run_within};
use sources::{COMMANDS, Source, redacted};

/// Together below the 60 s after which a conductor gives up.
const TOTAL_TIME: Duration = Duration::from_secs(40);

pub(super) async fn collect(run: &Run) -> Outcome {
    let token = run.agent.session.token.clone();
    let bundle = on_thread(move || bundle(token.as_deref())).await?;
    let text = bundle.map_err(|error| Failure::caused_by(ErrorKind::CommandExecution, &error))?;
    Ok(json!({"system_logs": text}))
}

/// The logs as base64 of a tar.gz, without the token. A source that fails is a file that says why.
///
/// # Errors
/// When packing fails, which only a lack of memory could make it do.
pub fn bundle(token: Option<&str>) -> std::io::Result<String> {
    let deadline = Instant::now() + TOTAL_TIME;
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    for source in COMMANDS {
        let left = deadline.saturating_duration_since(Instant::now());
        let content = redacted(&output(source, left), token);
        packed.write_all(&tar::entry(source.name, &content))?;
    }
    packed.write_all(&tar::END)?;
    Ok(STANDARD.encode(packed.finish()?))
}

fn output(source: &Source, left: Duration) -> Vec<u8> {
    let limits = Limits {
        time: source.time.min(left),
        output_bytes: source.max_bytes,
    };
    match run_within(source.program, source.arguments, limits) {
        Ok(output) => output.stdout,
        Err(error) => super::failure::sentence(&error).into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Read with another implementation than the one that wrote it.
    #[test]
    fn the_bundle_is_a_tar_gz_with_a_file_for_each_source() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("logs.tar.gz");
        std::fs::write(&path, STANDARD.decode(bundle(None).unwrap()).unwrap()).unwrap();
        let listed = crate::run::run("tar", &["-tzf", path.to_str().unwrap()]).unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        let expected: Vec<&str> = COMMANDS.iter().map(|source| source.name).collect();
        assert_eq!(listed.lines().collect::<Vec<_>>(), expected);
        let arguments = ["-xzOf", path.to_str().unwrap(), "mount"];
        let mounts = crate::run::run("tar", &arguments).unwrap().stdout;
        assert!(String::from_utf8_lossy(&mounts).contains(" / "));
    }
}
