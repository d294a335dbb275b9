//! `/metrics`: figures of this conductor in the OpenMetrics text format, for Prometheus and its like.
//!
//! Made anew for each request from what the conductor counts and what the store's index says; nothing is kept for it.

mod cluster;

use crate::api::call::{Api, Call};
use crate::api::error::{ApiError, ApiResult};
use crate::conductor::{JobFigures, Sensed};
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ferric_drivers::{SensorKind, SensorReading};
use ferric_model::ids::NodeId;
use ferric_store::{FieldValue, Outline};
use http::header;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = Vec<(&'static str, String)>;
type Gauges = Family<Labels, Gauge>;
type Floats = Family<Labels, Gauge<f64, AtomicU64>>;
type Counters = Family<Labels, Counter>;

pub(in crate::api) fn routes() -> Router<Api> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(call: Call) -> ApiResult<Response> {
    call.no_arguments()?;
    let mut registry = Registry::with_prefix("ferric");
    let (mut nodes, mut owned) = (BTreeMap::new(), 0);
    let ours = FieldValue::Text(call.conductor().settings().host.clone());
    call.conductor()
        .each_node(|node| {
            count(&mut nodes, node);
            owned += i64::from(field(node, "owned_by") == Some(&ours));
        })
        .await?;
    add_nodes(&mut registry, nodes);
    cluster::add_ownership(&mut registry, owned, call.conductor().ownership_figures());
    cluster::add_forwards(&mut registry, &call.conductor().forward_figures());
    let certificates = call.conductor().certificates();
    cluster::add_certificates(&mut registry, &certificates, call.conductor().now());
    add_jobs(&mut registry, &call.conductor().periodic_figures());
    add_sensors(&mut registry, &call.conductor().sensors());
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|source| ApiError::Internal {
        doing: "writing the metrics".into(),
        source: source.into(),
    })?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}

/// Provision state, and whether the node is in maintenance.
type Kind = (String, bool);

fn field<'n>(node: &'n Outline, name: &str) -> Option<&'n FieldValue> {
    let mut fields = node.fields.iter();
    fields
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

fn count(nodes: &mut BTreeMap<Kind, i64>, node: &Outline) {
    let state = match field(node, "provision_state") {
        Some(FieldValue::Text(state)) => state.clone(),
        _ => String::new(),
    };
    let maintenance = field(node, "maintenance") == Some(&FieldValue::Bool(true));
    *nodes.entry((state, maintenance)).or_default() += 1;
}

fn add_nodes(registry: &mut Registry, nodes: BTreeMap<Kind, i64>) {
    let family = Gauges::default();
    for ((state, maintenance), count) in nodes {
        let labels = vec![
            ("provision_state", state),
            ("maintenance", maintenance.to_string()),
        ];
        family.get_or_create(&labels).set(count);
    }
    registry.register("nodes", "Nodes of all conductors", family);
}

/// What the periodic jobs of this conductor came to.
fn add_jobs(registry: &mut Registry, jobs: &BTreeMap<&'static str, JobFigures>) {
    let (passes, visits, acted) = (
        Counters::default(),
        Counters::default(),
        Counters::default(),
    );
    let (nodes, suspects) = (Gauges::default(), Gauges::default());
    let took = Floats::default();
    for (purpose, figures) in jobs {
        let labels = vec![("job", (*purpose).to_owned())];
        passes.get_or_create(&labels).inc_by(figures.passes);
        visits.get_or_create(&labels).inc_by(figures.visits);
        acted.get_or_create(&labels).inc_by(figures.acted);
        nodes.get_or_create(&labels).set(gauge(figures.nodes));
        suspects.get_or_create(&labels).set(gauge(figures.suspects));
        took.get_or_create(&labels).set(figures.took.as_secs_f64());
        if let Some(name) = figures.node_count_metric {
            let own = Gauge::<i64>::default();
            own.set(gauge(figures.nodes));
            registry.register(
                name,
                format!("Nodes that the last pass of {purpose} found"),
                own,
            );
        }
    }
    let jobs = registry.sub_registry_with_prefix("periodic");
    jobs.register("passes", "Passes begun", passes);
    jobs.register("visits", "Visits to nodes ended", visits);
    jobs.register("acted", "Visits that did something", acted);
    jobs.register("nodes", "Nodes that the last pass found", nodes);
    jobs.register("suspects", "Nodes whose BMC was too slow last", suspects);
    let help = "How long the last whole pass took";
    jobs.register_with_unit("pass", help, Unit::Seconds, took);
}

/// What the sensors of this conductor's nodes said last.
fn add_sensors(registry: &mut Registry, sensors: &BTreeMap<NodeId, Sensed>) {
    let values = [
        (
            SensorKind::Temperature,
            "temperature_celsius",
            "Temperature",
        ),
        (SensorKind::FanSpeed, "fan_rpm", "Speed of a fan"),
        (SensorKind::FanPercent, "fan_percent", "Speed of a fan"),
        (SensorKind::Power, "power_watts", "Power taken or given"),
    ];
    let registry = registry.sub_registry_with_prefix("sensor");
    for (kind, name, help) in values {
        let family = Floats::default();
        for (labels, reading) in each(sensors).filter(|(_, reading)| reading.kind == kind) {
            if let Some(value) = reading.value {
                family.get_or_create(&labels).set(value);
            }
        }
        registry.register(name, help, family);
    }
    let healthy = Gauges::default();
    for (labels, reading) in each(sensors) {
        if let Some(health) = &reading.health {
            let is_ok = health.eq_ignore_ascii_case("ok");
            healthy.get_or_create(&labels).set(is_ok.into());
        }
    }
    let help = "1 where the BMC says that the part is OK, 0 where it says anything else";
    registry.register("healthy", help, healthy);
}

fn each(sensors: &BTreeMap<NodeId, Sensed>) -> impl Iterator<Item = (Labels, &SensorReading)> {
    sensors.iter().flat_map(|(node, sensed)| {
        sensed.readings.iter().map(move |reading| {
            let labels = vec![("node", node.to_string()), ("sensor", reading.name.clone())];
            (labels, reading)
        })
    })
}

fn gauge(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
