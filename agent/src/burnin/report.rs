//! The file for the result that an `outputfile` of `driver_info` asks for.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use serde_json::Value;

use super::BurninError;

/// A file that could be made; it is written at the end.
pub(super) struct Report(Option<(PathBuf, File)>);

impl Report {
    /// Makes the file, so that a wrong path is known before anything begins.
    pub(super) fn create(path: Option<PathBuf>) -> Result<Self, BurninError> {
        let Some(path) = path else {
            return Ok(Self(None));
        };
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
        let report = Report::create(Some(path.clone())).unwrap();
        report.write(&json!({"checks": 3})).unwrap();
        let found: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(found, json!({"checks": 3}));
        let error = Report::create(Some(path.join("below"))).err().unwrap();
        assert!(matches!(error, BurninError::Report { .. }));
        Report::create(None).unwrap().write(&json!(null)).unwrap();
    }
}
