//! A machine's serial console, as the file that the testbed keeps.

use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Serial {
    pub path: PathBuf,
}

impl Serial {
    /// Everything so far; empty before the first start.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.path).unwrap_or_default()).into_owned()
    }

    /// What was said behind the first `from` bytes.
    pub fn text_from(&self, from: usize) -> String {
        let bytes = std::fs::read(&self.path).unwrap_or_default();
        String::from_utf8_lossy(bytes.get(from..).unwrap_or_default()).into_owned()
    }

    /// Waits for a text behind the first `from` bytes. Gives the line it stands in.
    ///
    /// # Errors
    /// At the deadline, with the last lines attached.
    pub fn wait_for(
        &self,
        needle: &str,
        from: usize,
        deadline: Duration,
    ) -> anyhow::Result<String> {
        let what = format!("{needle:?} on the serial console {}", self.path.display());
        crate::wait::until(&what, deadline, || {
            Ok(self
                .text_from(from)
                .lines()
                .find(|line| line.contains(needle))
                .map(|line| line.trim().to_owned()))
        })
        .map_err(|error| error.context(format!("the console ends with:\n{}", self.tail())))
    }

    /// How many bytes there are now.
    pub fn len(&self) -> usize {
        std::fs::metadata(&self.path).map_or(0, |metadata| {
            usize::try_from(metadata.len()).unwrap_or(usize::MAX)
        })
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn tail(&self) -> String {
        let text = self.text();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}
