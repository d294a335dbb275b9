//! Processors, in the words of lscpu. All sockets are taken to have the same ones.

use std::collections::{BTreeMap, BTreeSet};

use super::Facts;
use crate::host::{Tree, names, text};

const GROUP: &str = "cpu";
const CPUS: &str = "sys/devices/system/cpu";

/// How many of what there are in the whole machine.
#[derive(Default)]
struct Counts {
    sockets: BTreeSet<u32>,
    cores: BTreeSet<(u32, u32)>,
    threads: usize,
}

impl Counts {
    fn of(tree: &Tree) -> Self {
        let mut counts = Self::default();
        for cpu in processors(tree) {
            let number = |file: &str| number(tree, &format!("{CPUS}/{cpu}/topology/{file}"));
            // A processor that is offline has no place in the topology.
            if let (Some(socket), Some(core)) = (number("physical_package_id"), number("core_id")) {
                counts.sockets.insert(socket);
                counts.cores.insert((socket, core));
                counts.threads += 1;
            }
        }
        counts
    }
}

fn processors(tree: &Tree) -> Vec<String> {
    let is_processor = |name: &String| {
        let number = name.strip_prefix("cpu").unwrap_or_default();
        number.parse::<u32>().is_ok()
    };
    names(&tree.path(CPUS))
        .into_iter()
        .filter(is_processor)
        .collect()
}

fn number(tree: &Tree, path: &str) -> Option<u32> {
    tree.text(path)?.parse().ok()
}

pub(super) fn add(facts: &mut Facts, tree: &Tree) {
    let counts = Counts::of(tree);
    facts.add(GROUP, "physical", "number", counts.sockets.len());
    facts.maybe(
        GROUP,
        "physical",
        "smt",
        tree.text(format!("{CPUS}/smt/control")),
    );
    let cpuinfo = tree.text("proc/cpuinfo").unwrap_or_default();
    let caches = caches(tree);
    for socket in 0..counts.sockets.len() {
        let item = format!("physical_{socket}");
        add_socket(facts, &item, &cpuinfo, &counts);
        for (name, text) in &caches {
            facts.add(GROUP, &item, name, text.as_str());
        }
        add_speeds(facts, &item, tree, &cpuinfo);
    }
    facts.add(GROUP, "logical", "number", counts.threads);
    for cpu in processors(tree) {
        let governor = tree.text(format!("{CPUS}/{cpu}/cpufreq/scaling_governor"));
        let item = format!("logical_{}", cpu.trim_start_matches("cpu"));
        facts.maybe(GROUP, &item, "governor", governor);
    }
    add_nodes(facts, tree);
}

fn add_socket(facts: &mut Facts, item: &str, cpuinfo: &str, counts: &Counts) {
    let line = |name: &str| value(cpuinfo, name).map(str::to_owned);
    let whole = |name: &str| value(cpuinfo, name).and_then(|text| text.parse::<u64>().ok());
    let per = |all: usize, of: usize| (of > 0).then(|| all / of);
    let cores = counts.cores.len();
    facts.maybe(GROUP, item, "vendor", line("vendor_id"));
    facts.maybe(GROUP, item, "product", line("model name"));
    facts.maybe(GROUP, item, "cores", per(cores, counts.sockets.len()));
    facts.maybe(
        GROUP,
        item,
        "threads",
        per(counts.threads, counts.sockets.len()),
    );
    facts.maybe(GROUP, item, "family", whole("cpu family"));
    facts.maybe(GROUP, item, "model", whole("model"));
    facts.maybe(GROUP, item, "stepping", whole("stepping"));
    if let Ok(name) = nix::sys::utsname::uname() {
        facts.add(
            GROUP,
            item,
            "architecture",
            name.machine().to_string_lossy(),
        );
    }
    facts.maybe(GROUP, item, "flags", line("flags"));
    facts.maybe(GROUP, item, "threads_per_core", per(counts.threads, cores));
}

/// The value of the first line of that name.
fn value<'a>(cpuinfo: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = cpuinfo.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines.find(|(key, _)| key.trim() == name)?;
    Some(value.trim()).filter(|value| !value.is_empty())
}

fn add_speeds(facts: &mut Facts, item: &str, tree: &Tree, cpuinfo: &str) {
    let boost = tree.text(format!("{CPUS}/cpufreq/boost"));
    let boost = boost.map(|boost| if boost == "1" { "enabled" } else { "disabled" });
    facts.maybe(GROUP, item, "boost", boost);
    let limit = |file: &str| {
        let khz = number(tree, &format!("{CPUS}/cpu0/cpufreq/{file}"))?;
        Some(f64::from(khz) / 1000.0)
    };
    facts.maybe(GROUP, item, "min_Mhz", limit("cpuinfo_min_freq"));
    facts.maybe(GROUP, item, "max_Mhz", limit("cpuinfo_max_freq"));
    let current = value(cpuinfo, "cpu MHz").and_then(|text| text.parse::<f64>().ok());
    facts.maybe(GROUP, item, "current_Mhz", current);
}

/// All caches of a kind together: `l2 cache` with `2 MiB (2 instances)`. Processors that share one show the same one.
fn caches(tree: &Tree) -> Vec<(String, String)> {
    let mut found: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for cpu in processors(tree) {
        let directory = tree.path(format!("{CPUS}/{cpu}/cache"));
        for index in names(&directory) {
            let file = |name: &str| text(&directory.join(&index).join(name));
            let size = file("size").and_then(|size| kib(&size));
            let (Some(level), Some(size), Some(shared)) =
                (file("level"), size, file("shared_cpu_list"))
            else {
                continue;
            };
            let kind = match file("type").as_deref() {
                Some("Data") => "d",
                Some("Instruction") => "i",
                _ => "",
            };
            let of_kind = found.entry(format!("l{level}{kind} cache")).or_default();
            of_kind.insert(shared, size);
        }
    }
    found
        .into_iter()
        .map(|(name, instances)| (name, cache_text(&instances)))
        .collect()
}

/// The kernel writes `48K`.
fn kib(size: &str) -> Option<u64> {
    size.strip_suffix('K')?.parse().ok()
}

fn cache_text(instances: &BTreeMap<String, u64>) -> String {
    let plural = if instances.len() == 1 { "" } else { "s" };
    let size = human(instances.values().sum());
    format!("{size} ({} instance{plural})", instances.len())
}

/// With one digit behind the point, and none where that is 0.
fn human(kib: u64) -> String {
    let (unit, shift) = match kib {
        0..0x400 => ("KiB", 0),
        0x400..0x10_0000 => ("MiB", 10),
        _ => ("GiB", 20),
    };
    let (whole, rest) = (kib >> shift, kib & ((1 << shift) - 1));
    let tenths = whole * 10 + (((rest * 1000) >> shift) + 50) / 100;
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole} {unit}"),
        (whole, tenth) => format!("{whole}.{tenth} {unit}"),
    }
}

fn add_nodes(facts: &mut Facts, tree: &Tree) {
    const NODES: &str = "sys/devices/system/node";
    let nodes: Vec<String> = names(&tree.path(NODES))
        .into_iter()
        .filter(|name| {
            name.strip_prefix("node")
                .is_some_and(|number| number.parse::<u32>().is_ok())
        })
        .collect();
    if !nodes.is_empty() {
        facts.add("numa", "nodes", "count", nodes.len());
    }
    for node in nodes {
        let item = node.replace("node", "node_");
        let mask = tree
            .text(format!("{NODES}/{node}/cpumap"))
            .unwrap_or_default();
        let digits = mask.replace(',', "");
        let ones: u32 = digits
            .chars()
            .filter_map(|digit| digit.to_digit(16))
            .map(u32::count_ones)
            .sum();
        facts.add("numa", &item, "cpu_count", ones);
        let digits = digits.trim_start_matches('0');
        let digits = if digits.is_empty() { "0" } else { digits };
        facts.add("numa", &item, "cpu_mask", format!("0x{digits}"));
    }
}
