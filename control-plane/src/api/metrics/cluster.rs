//! Figures of a conductor among others: whose nodes it has, what it hands on, and for how long its certificates hold.

use super::{Counters, Floats};
use crate::conductor::{Certificate, ForwardFigures, OwnershipFigures};
use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::cmp::Reverse;
use std::sync::atomic::AtomicU64;

pub(super) fn add_ownership(registry: &mut Registry, owned: i64, figures: OwnershipFigures) {
    let nodes = Gauge::<i64>::default();
    nodes.set(owned);
    let registry = registry.sub_registry_with_prefix("ownership");
    registry.register("nodes", "Nodes of this conductor", nodes);
    let mut count = |name, help, number| {
        let counter = Counter::<u64>::default();
        counter.inc_by(number);
        registry.register(name, help, counter);
    };
    let help = "Nodes taken from conductors that were gone, and from nobody";
    count("taken_over", help, figures.taken_over);
    let help = "Nodes handed over to other conductors";
    count("handed_over", help, figures.handed_over);
}

/// Seconds divided by calls is how long one takes.
pub(super) fn add_forwards(registry: &mut Registry, figures: &ForwardFigures) {
    let registry = registry.sub_registry_with_prefix("forward");
    let mut count = |name, help, number| {
        let counter = Counter::<u64>::default();
        counter.inc_by(number);
        registry.register(name, help, counter);
    };
    count("calls", "Calls handed to other conductors", figures.made);
    let help = "Calls that the other conductor did or refused";
    count("answered", help, figures.answered);
    let failed = Counters::default();
    for (reason, number) in &figures.failed {
        let labels = vec![("reason", (*reason).to_owned())];
        failed.get_or_create(&labels).inc_by(*number);
    }
    let help = "Calls that came to nothing, or of which nobody knows what became";
    registry.register("failed", help, failed);
    let took = Counter::<f64, AtomicU64>::default();
    took.inc_by(figures.took.as_secs_f64());
    let help = "Time that all calls together took";
    registry.register_with_unit("call", help, Unit::Seconds, took);
}

pub(super) fn add_certificates(
    registry: &mut Registry,
    certificates: &[Certificate],
    now: Timestamp,
) {
    let days = Floats::default();
    // Of several authorities the one that ends first: it is set last.
    let mut in_turn = certificates.to_vec();
    in_turn.sort_by_key(|certificate| Reverse(certificate.ends));
    for certificate in in_turn {
        let labels = vec![("certificate", certificate.kind.name().to_owned())];
        let left = certificate.ends.duration_since(now).as_secs_f64() / 86_400.0;
        days.get_or_create(&labels).set(left);
    }
    let help = "Days until a certificate of the cluster ends";
    registry.register("cluster_certificate_days", help, days);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conductor::CertificateKind;
    use jiff::ToSpan;
    use prometheus_client::encoding::text::encode;
    use std::collections::BTreeMap;
    use std::time::Duration;

    #[test]
    fn figures_of_a_cluster() {
        let mut registry = Registry::with_prefix("ferric");
        let figures = ForwardFigures {
            made: 7,
            answered: 4,
            failed: BTreeMap::from([("not_reached", 2), ("unanswered", 1)]),
            took: Duration::from_millis(2500),
        };
        add_forwards(&mut registry, &figures);
        let figures = OwnershipFigures {
            taken_over: 5,
            handed_over: 6,
        };
        add_ownership(&mut registry, 3, figures);
        let now = Timestamp::UNIX_EPOCH;
        let ends = |hours: i64| now + hours.hours();
        let certificate = |kind, hours| Certificate {
            kind,
            ends: ends(hours),
        };
        let certificates = [
            certificate(CertificateKind::Authority, 24 * 3650),
            certificate(CertificateKind::Authority, 60),
            certificate(CertificateKind::Conductor, -12),
        ];
        add_certificates(&mut registry, &certificates, now);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            "ferric_forward_calls_total 7",
            "ferric_forward_answered_total 4",
            "ferric_forward_failed_total{reason=\"not_reached\"} 2",
            "ferric_forward_failed_total{reason=\"unanswered\"} 1",
            "ferric_forward_call_seconds_total 2.5",
            "ferric_ownership_nodes 3",
            "ferric_ownership_taken_over_total 5",
            "ferric_ownership_handed_over_total 6",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
        for (name, expected) in [("authority", 2.5), ("conductor", -0.5)] {
            let label = format!("ferric_cluster_certificate_days{{certificate=\"{name}\"}} ");
            let mut lines = text.lines();
            let days = lines.find_map(|line| line.strip_prefix(&label)).unwrap();
            let days: f64 = days.parse().unwrap();
            assert!((days - expected).abs() < 1e-9, "{name}: {days}");
        }
    }
}
