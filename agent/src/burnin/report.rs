//! The file for the result that an `outputfile` of `driver_info` asks for: only where the machine is the agent's, and
//! never in place of a device.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::Value;

use super::BurninError;
use crate::host::{Host, SystemPermit};

/// A file that could be made; it is written at the end.
pub(super) struct Report(Option<(PathBuf, File)>);

impl Report {
    /// Makes the file, so that a wrong path is known before anything begins.
    pub(super) fn create(host: &Host, path: Option<PathBuf>) -> Result<Self, BurninError> {
        match path {
            Some(path) => Self::open(&host.permits_system()?, path),
            None => Ok(Self(None)),
        }
    }

    fn open(_permit: &SystemPermit, path: PathBuf) -> Result<Self, BurninError> {
        // A disk would be written to, and a pipe waited for.
        if std::fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
            let source = io::Error::other("it is there, and is no file");
            return Err(BurninError::Report { path, source });
        }
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).open(&path);
        match file {
            Ok(file) => Ok(Self(Some((path, file)))),
            Err(source) => Err(BurninError::Report { path, source }),
        }
    }

    /// Writes the result as JSON.
    pub(super) fn write(self, result: &Value) -> Result<(), BurninError> {
        let Some((path, mut file)) = self.0 else {
            return Ok(());
        };
        let written = writeln!(file, "{result:#}");
        written.map_err(|source| BurninError::Report { path, source })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_result_is_in_the_file_and_a_wrong_path_is_known_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report");
        let permit = SystemPermit::of_a_namespace();
        let report = Report::open(&permit, path.clone()).unwrap();
        report.write(&json!({"checks": 3})).unwrap();
        let found: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(found, json!({"checks": 3}));
        for wrong in [path.join("below"), directory.path().to_owned()] {
            let error = Report::open(&permit, wrong).err().unwrap();
            assert!(matches!(error, BurninError::Report { .. }));
        }
    }

    #[test]
    fn on_an_ordinary_host_no_file_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report");
        let host = Host::recorded(directory.path(), &[]).unwrap();
        let error = Report::create(&host, Some(path.clone())).err().unwrap();
        assert!(matches!(error, BurninError::Refused(_)));
        assert!(!path.exists());
        let none = Report::create(&host, None).unwrap();
        none.write(&json!(null)).unwrap();
    }
}
