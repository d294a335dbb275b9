//! What is measured, and what it must come to.

use crate::load::{Found, Load};
use std::time::Duration;

/// At this many connections the latency is read.
const FEW: u32 = 16;

/// One kind of request.
#[derive(Debug)]
pub(crate) struct Row {
    /// As `tests/bench-api/requests.lua` knows it.
    pub(crate) name: &'static str,
    what: &'static str,
    /// At which the rate is read: commits that are durable share a sync, so that many must be under way.
    connections: u32,
    /// Requests a second.
    least: f64,
    /// Of the rate of the yardstick.
    least_ratio: f64,
    /// At 16 connections; lists have no bound.
    longest_p99: Option<Duration>,
}

const P99: Option<Duration> = Some(Duration::from_millis(10));

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "get",
        what: "GET /v1/nodes/{uuid}",
        connections: 16,
        least: 20_000.0,
        least_ratio: 0.5,
        longest_p99: P99,
    },
    Row {
        name: "list",
        what: "GET /v1/nodes?limit=1000",
        connections: 16,
        least: 150.0,
        least_ratio: 0.5,
        longest_p99: None,
    },
    Row {
        name: "patch",
        what: "PATCH /v1/nodes/{uuid}",
        connections: 128,
        least: 1_500.0,
        least_ratio: 0.3,
        longest_p99: P99,
    },
    Row {
        name: "heartbeat",
        what: "POST /v1/heartbeat/{uuid}",
        connections: 128,
        least: 5_000.0,
        least_ratio: 0.3,
        longest_p99: P99,
    },
    Row {
        name: "lookup",
        what: "GET /v1/lookup?addresses=",
        connections: 128,
        least: 5_000.0,
        least_ratio: 0.3,
        longest_p99: P99,
    },
    // Last, since there are more nodes afterwards.
    Row {
        name: "post",
        what: "POST /v1/nodes",
        connections: 128,
        least: 1_500.0,
        least_ratio: 0.3,
        longest_p99: P99,
    },
];

pub(crate) const HEAD: &str = "\
        request                      connections  ferric/s    wanted    bare/s   ratio  wanted   p99 at 16  bare's";

/// What one row came to, of Ferric and of the yardstick.
pub(crate) struct Figures {
    ferric: f64,
    bare: f64,
    p99: Duration,
    bare_p99: Duration,
}

impl Row {
    pub(crate) fn measure(&self, load: &Load, ferric: &str, bare: &str) -> anyhow::Result<Figures> {
        let at = |base: &str, connections| -> anyhow::Result<Found> {
            load.run(base, self.name, connections)
        };
        let (many_bare, many) = (at(bare, self.connections)?, at(ferric, self.connections)?);
        let (few_bare, few) = match self.connections {
            FEW => (many_bare, many),
            _ => (at(bare, FEW)?, at(ferric, FEW)?),
        };
        Ok(Figures {
            ferric: many.rate(),
            bare: many_bare.rate(),
            p99: few.p99(),
            bare_p99: few_bare.p99(),
        })
    }
}

impl Figures {
    fn ratio(&self) -> f64 {
        self.ferric / self.bare
    }

    /// Where the machine is too slow or too busy for a rate or a latency, the yardstick shows it: then the ratio counts.
    pub(crate) fn hold(&self, row: &Row) -> bool {
        let is_fast = self.ferric >= row.least || self.ratio() >= row.least_ratio;
        let is_prompt = row.longest_p99.is_none_or(|longest| {
            self.p99 <= longest
                || self.p99.as_secs_f64() <= self.bare_p99.as_secs_f64() / row.least_ratio
        });
        is_fast && is_prompt
    }

    pub(crate) fn line(&self, row: &Row) -> String {
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        format!(
            "{:7} {:28} {:11} {:9.0} {:9.0} {:9.0} {:7.2} {:7.1} {:>11} {:>7}",
            if self.hold(row) { "ok" } else { "FAILED" },
            row.what,
            row.connections,
            self.ferric,
            row.least,
            self.bare,
            self.ratio(),
            row.least_ratio,
            ms(self.p99),
            ms(self.bare_p99),
        )
    }
}
