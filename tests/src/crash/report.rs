//! What the kills hit: a table of steps and gaps, and which of its cells are empty.

use super::journal::{Gap, Place};
use comfy_table::Table;
use std::collections::BTreeMap;

/// Why a conductor was killed when it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Aim {
    /// At an instant drawn for the deploy.
    Random,
    /// As soon as a deploy came to a place that no kill had hit.
    Aimed,
}

#[derive(Debug, Default)]
pub(crate) struct Kills {
    hits: BTreeMap<(Place, Aim), usize>,
}

/// A cell of the table.
pub(crate) type Cell = (String, Gap);

impl Kills {
    pub(crate) fn count(&mut self, place: Place, aim: Aim) {
        *self.hits.entry((place, aim)).or_default() += 1;
    }

    fn of(&self, place: &Place) -> (usize, usize) {
        let hits = |aim| self.hits.get(&(place.clone(), aim)).copied().unwrap_or(0);
        (hits(Aim::Random), hits(Aim::Aimed))
    }

    pub(crate) fn empty<'a>(&self, cells: impl IntoIterator<Item = &'a Cell>) -> Vec<Cell> {
        let is_empty = |(step, gap): &&Cell| self.of(&Place::Step(step.clone(), *gap)) == (0, 0);
        cells.into_iter().filter(is_empty).cloned().collect()
    }

    pub(crate) fn table(&self, steps: &[String], cells: &[Cell]) -> Table {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::ASCII_MARKDOWN);
        table.set_header([
            "killed in",
            "before intent",
            "intent - effect",
            "effect - result",
            "machine works",
        ]);
        let shown = |place: &Place| {
            let (random, aimed) = self.of(place);
            format!("{random} + {aimed}")
        };
        table.add_row(["(request)".to_owned(), shown(&Place::NotAccepted)]);
        for step in steps {
            let mut row = vec![step.clone()];
            for gap in GAPS {
                row.push(match cells.contains(&(step.clone(), gap)) {
                    true => shown(&Place::Step(step.clone(), gap)),
                    false => "-".to_owned(),
                });
            }
            table.add_row(row);
        }
        table.add_row(["(end)".to_owned(), shown(&Place::Finishing)]);
        table
    }
}

const GAPS: [Gap; 4] = [
    Gap::BeforeIntent,
    Gap::BeforeEffect,
    Gap::BeforeResult,
    Gap::Waiting,
];

/// The cells that these steps have. A step without an effect outside of the store has no moment between that and its
/// result; the machine works on its own only in the steps that wait for it.
pub(crate) fn cells(steps: &[String]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for step in steps {
        for gap in GAPS {
            let exists = match gap {
                Gap::BeforeIntent | Gap::BeforeEffect => true,
                Gap::BeforeResult => step != "deploy.switch_to_tenant_network",
                Gap::Waiting => ["deploy.deploy", "deploy.write_image"].contains(&step.as_str()),
            };
            if exists {
                cells.push((step.clone(), gap));
            }
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_kill_hit_is_named() {
        let steps = vec!["power.off".to_owned()];
        let cells = cells(&steps);
        assert_eq!(cells.len(), 3);
        let mut kills = Kills::default();
        for gap in [Gap::BeforeIntent, Gap::BeforeResult] {
            kills.count(Place::Step(steps[0].clone(), gap), Aim::Random);
        }
        let left = vec![(steps[0].clone(), Gap::BeforeEffect)];
        assert_eq!(kills.empty(&cells), left);
        kills.count(Place::Step(steps[0].clone(), Gap::BeforeEffect), Aim::Aimed);
        assert_eq!(kills.empty(&cells), []);
        assert!(kills.table(&steps, &cells).to_string().contains("0 + 1"));
    }
}
