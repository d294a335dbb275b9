//! `docs/periodics.md` has every job, and no others.

use crate::conductor::periodic::{chores, jobs};
use crate::config::{Overrides, Settings};
use ferric_drivers::{Drivers, FakeMachines};

/// The first cells of the tables of jobs.
fn documented() -> Vec<&'static str> {
    let text = include_str!("../../../../../docs/periodics.md");
    let tables = text.split("\n| job |").skip(1);
    let rows = tables.flat_map(|table| {
        let below_the_head = table.lines().skip(2);
        below_the_head.map_while(|line| line.strip_prefix("| "))
    });
    rows.filter_map(|row| row.split(" |").next()).collect()
}

#[test]
fn the_documentation_has_every_job_and_chore() {
    let overrides = Overrides {
        state_dir: Some("/tmp/state".into()),
        ..Overrides::default()
    };
    let settings = Settings::load(None, overrides).unwrap();
    let drivers = Drivers::new(ferric_drivers::Settings::default(), FakeMachines::default());
    let (jobs, chores) = (jobs(&drivers, &settings), chores());
    let jobs = jobs.iter().map(|job| job.declaration(&settings).purpose);
    let chores = chores.iter().map(|chore| chore.purpose());
    let mut there_are: Vec<_> = jobs.chain(chores).collect();
    let mut documented = documented();
    there_are.sort_unstable();
    documented.sort_unstable();
    assert_eq!(documented, there_are);
}
