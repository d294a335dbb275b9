//! The table at the end: a column a machine.

use comfy_table::{Table, presets};
use ferric_tests::machine::Machine;
use std::time::Instant;

pub(crate) struct Summary {
    pub(crate) name: String,
    pub(crate) state: String,
    rows: Vec<(String, String)>,
}

impl Summary {
    pub(crate) fn new(machine: &Machine) -> Self {
        let rows = vec![
            ("firmware".to_owned(), machine.firmware.name().to_owned()),
            ("memory".to_owned(), format!("{} MiB", machine.memory_mib)),
        ];
        Self {
            name: machine.name.clone(),
            state: String::new(),
            rows,
        }
    }

    pub(crate) fn note(&mut self, what: &str, text: &str) {
        self.rows.push((what.to_owned(), text.to_owned()));
    }

    /// Does it, and notes how long it took.
    pub(crate) fn timed<T>(
        &mut self,
        what: &str,
        act: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let started = Instant::now();
        let outcome = act()?;
        self.note(what, &format!("{} s", started.elapsed().as_secs()));
        Ok(outcome)
    }
}

/// One row for each thing that any machine has.
pub(crate) fn table(summaries: &[Summary]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(
        std::iter::once("").chain(summaries.iter().map(|summary| summary.name.as_str())),
    );
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in summaries.iter().flat_map(|summary| &summary.rows) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    for name in names {
        let cell = |summary: &Summary| {
            summary
                .rows
                .iter()
                .find(|(row, _)| row == name)
                .map(|(_, text)| text.clone())
                .unwrap_or_default()
        };
        table.add_row(std::iter::once(name.to_owned()).chain(summaries.iter().map(cell)));
    }
    table.add_row(
        std::iter::once("state".to_owned())
            .chain(summaries.iter().map(|summary| summary.state.clone())),
    );
    table
}
