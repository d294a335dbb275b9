//! What was found: a line for each fault, counts of all deploys, and what is not as it should be.
#![expect(
    clippy::print_stdout,
    reason = "a program that reports to whoever runs it"
)]

use super::ledger::Orders;
use comfy_table::Table;
use ferric_tests::played::client::Tally;
use ferric_tests::played::trace::Came;
use std::collections::BTreeMap;
use std::time::Duration;

/// One fault, or one restart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) what: String,
    /// Deploys that ran when it came, and those of them that were the victim's.
    pub(crate) running: usize,
    pub(crate) of_victim: usize,
    /// How many of these others went on with, and how long after.
    pub(crate) delays: Vec<Duration>,
}

#[derive(Debug, Default)]
pub(crate) struct Findings {
    rows: Vec<Row>,
    pub(crate) deploys: usize,
    /// Of these, those with which nothing is wrong.
    pub(crate) good: usize,
    pub(crate) resumed: usize,
    /// Deploys by how often their image was begun to be written.
    pub(crate) writes: BTreeMap<u32, usize>,
    pub(crate) orders: Orders,
    violations: Vec<String>,
}

impl Findings {
    pub(crate) fn row(&mut self, row: Row) {
        println!("{}", row.sentence());
        self.rows.push(row);
    }

    pub(crate) fn say(&self, text: &str) {
        println!("{text}");
    }

    /// Said at once, and counted.
    pub(crate) fn wrong(&mut self, text: String) {
        println!("WRONG: {text}");
        self.violations.push(text);
    }

    pub(crate) fn expect(&mut self, is_so: bool, text: impl FnOnce() -> String) {
        if !is_so {
            self.wrong(text());
        }
    }

    /// What led to it: the timeline and what came to the machine's agents.
    pub(crate) fn tell(&self, story: &str, commands: &[Came]) {
        println!("{story}");
        for came in commands {
            println!("    {came:?}");
        }
    }

    /// What no client should have been answered.
    pub(crate) fn judge(&mut self, who: &str, tally: &Tally) {
        println!(
            "{who}: answers by status {:?}, {} without an answer",
            tally.answers, tally.lost
        );
        self.expect(tally.endless == 0, || {
            format!("{who}: {} times 503 without Retry-After", tally.endless)
        });
        for fault in &tally.faults {
            self.wrong(format!("{who}: {fault}"));
        }
    }

    /// Prints it all; answers whether nothing was wrong.
    pub(crate) fn conclude(&self) -> bool {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::ASCII_MARKDOWN);
        table.set_header([
            "what",
            "running",
            "the victim's",
            "went on",
            "median s",
            "at most s",
        ]);
        for row in &self.rows {
            table.add_row(row.cells());
        }
        println!("\n{table}\n");
        let Orders {
            begun,
            with_epoch,
            known,
            stale,
            busy,
        } = self.orders;
        println!(
            "{} deploys, by images begun to be written: {:?}; conductors went on with one {} times",
            self.deploys, self.writes, self.resumed
        );
        println!(
            "agents began {begun} commands ({with_epoch} with an epoch), knew {known} already, refused {stale} of an \
             older epoch and {busy} while busy"
        );
        for violation in &self.violations {
            println!("FAILED: {violation}");
        }
        let failed = self.violations.len();
        println!("{} passed, {failed} failed", self.good);
        failed == 0
    }
}

impl Row {
    fn delays(&self) -> (f64, f64) {
        let mut delays = self.delays.clone();
        delays.sort();
        let seconds = |place: usize| delays.get(place).map_or(0.0, Duration::as_secs_f64);
        (
            seconds(delays.len() / 2),
            seconds(delays.len().saturating_sub(1)),
        )
    }

    fn sentence(&self) -> String {
        let (median, most) = self.delays();
        format!(
            "{}: {} deploys were running, {} of them its own; others went on with {} after {median:.1} s in the median, \
             {most:.1} s at most",
            self.what,
            self.running,
            self.of_victim,
            self.delays.len()
        )
    }

    fn cells(&self) -> Vec<String> {
        let (median, most) = self.delays();
        vec![
            self.what.clone(),
            self.running.to_string(),
            self.of_victim.to_string(),
            self.delays.len().to_string(),
            format!("{median:.1}"),
            format!("{most:.1}"),
        ]
    }
}
