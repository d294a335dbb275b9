//! Lists: a page costs as much among 100,000 nodes as among 1,000, and every other filter or order answers soon.

use crate::fill;
use crate::servers::Ferric;
use anyhow::{Context, ensure};
use ferric_tests::api::Api;
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// Each is asked this often; the median counts.
const TIMES: usize = 15;
/// How much longer a page may take among all nodes than among the fewest: caches are missed, trees are deeper.
const GROWTH: f64 = 3.0;
/// What is this quick at any size has not grown.
const QUICK: Duration = Duration::from_millis(2);
/// For what no page is bounded by, over 10,000 nodes.
const LIMIT: Duration = Duration::from_millis(50);
const LIMIT_NODES: usize = 10_000;

/// Bounded by the page.
const PAGES: &[&str] = &[
    "nodes?limit=100",
    "nodes?limit=100&sort_key=name",
    "nodes?limit=100&sort_key=instance_uuid&sort_dir=desc",
    "nodes?limit=100&sort_key=provision_state",
    "nodes?limit=100&sort_key=driver",
    "nodes?limit=100&sort_key=conductor_group",
    "nodes?limit=100&sort_key=owner",
    "nodes?limit=100&sort_key=lessee&sort_dir=desc",
    "nodes?limit=100&sort_key=resource_class",
    "nodes?limit=100&sort_key=shard",
    "nodes?limit=100&sort_key=maintenance",
    "nodes?limit=100&instance_uuid={instance}",
    "nodes?limit=100&provision_state=available",
    "nodes?limit=100&driver=fake-hardware",
    "nodes?limit=100&conductor_group=",
    "nodes?limit=100&conductor_group=cell-3",
    "nodes?limit=100&owner=project-7",
    "nodes?limit=100&lessee=project-6",
    "nodes?limit=100&resource_class=class-3",
    "nodes?limit=100&shard=shard-4",
    "nodes?limit=100&associated=true",
    "nodes?limit=100&associated=false",
    "nodes?limit=100&maintenance=true",
    "nodes?limit=100&marker={marker}",
    "nodes/{name}",
    "ports?address={mac}",
    "ports?limit=100&sort_key=address",
];

/// Not bounded by it, and nor is the order by any field that is not above, to which each way is measured.
const OTHERS: &[&str] = &[
    "nodes?limit=100&sort_key=name&owner=project-7",
    "nodes?limit=100&sort_key=updated_at&provision_state=manageable&maintenance=true",
    "nodes?limit=100&owner=project-7&resource_class=class-3&shard=shard-4",
    "nodes?limit=100&sort_key=maintenance_reason&sort_dir=desc&owner=project-7",
    "nodes?limit=100&description_contains=unit%2039",
    "nodes?limit=100&description_contains=nowhere",
    "nodes?limit=100&conductor=bench-1",
    "nodes?limit=100&conductor=nobody",
    "nodes?limit=100&conductor=nobody&description_contains=unit&sort_key=name",
    "nodes?limit=100&project=project-6",
    "nodes?limit=100&project=nobody",
    "nodes?limit=100&sort_key=boot_interface&project=project-6",
    "nodes?limit=100&fault=clean%20failure",
    "nodes?limit=100&retired=true",
    "nodes?limit=100&chassis_uuid={chassis}",
    "nodes?limit=100&instance_name=vm-50",
    "nodes?limit=100&instance_name=nobody",
    "nodes?limit=100&sharded=true",
    "nodes?limit=100&include_children=true",
    "nodes?limit=100&parent_node={marker}",
];

/// Arguments that choose no nodes.
const SHOWING: &[&str] = &["fields", "detail", "sort_dir"];

/// How many did not hold.
pub(crate) fn measure(ferric: &Path, folder: &Path, sizes: &[usize]) -> anyhow::Result<usize> {
    let mut taken: Vec<Vec<Duration>> = vec![Vec::new(); PAGES.len()];
    let mut failed = 0;
    for size in sizes {
        let state = folder.join(format!("lists-{size}"));
        let machines = fill::fill(&state, *size)?;
        let ferric = Ferric::start(ferric, folder, &state)?;
        ferric.until_all_are_taken_over(&machines)?;
        let middle = &machines[machines.len() / 2];
        let names = Names::of(&ferric.api, &middle.id.to_string(), &middle.mac)?;
        for (page, taken) in PAGES.iter().zip(&mut taken) {
            taken.push(median(&ferric.api, &names.fill_in(page))?);
        }
        if *size == LIMIT_NODES {
            failed += others(&ferric.api, &names)?;
        }
        drop(ferric);
        std::fs::remove_dir_all(&state)?;
    }
    println!("lists among {sizes:?} nodes:");
    for (page, taken) in PAGES.iter().zip(&taken) {
        let (first, last) = (taken[0], taken[taken.len() - 1]);
        let holds = last <= QUICK || last.as_secs_f64() <= first.as_secs_f64() * GROWTH;
        let shown: Vec<String> = taken.iter().map(|time| ms(*time)).collect();
        println!("{} {:56} {}", mark(holds), page, shown.join(" "));
        failed += usize::from(!holds);
    }
    Ok(failed)
}

fn others(api: &Api, names: &Names) -> anyhow::Result<usize> {
    let mut failed = 0;
    println!(
        "other filters and orders among {LIMIT_NODES} nodes, of {}:",
        ms(LIMIT)
    );
    let document = api.get("/openapi.json")?;
    filters_are_measured(&document)?;
    let orders = sort_keys(&document)?.into_iter().flat_map(|key| {
        let page = format!("nodes?limit=100&sort_key={key}");
        let backwards = format!("{page}&sort_dir=desc");
        [page, backwards]
    });
    let orders = orders.filter(|page| !PAGES.contains(&page.as_str()));
    for page in OTHERS.iter().map(|page| (*page).to_owned()).chain(orders) {
        let taken = median(api, &names.fill_in(&page))?;
        println!("{} {:56} {}", mark(taken <= LIMIT), page, ms(taken));
        failed += usize::from(taken > LIMIT);
    }
    Ok(failed)
}

/// The fields that nodes can be sorted by: all but objects, lists, and what is made up of other things.
fn sort_keys(document: &Value) -> anyhow::Result<Vec<&str>> {
    let fields = document["components"]["schemas"]["Node"]["properties"].as_object();
    let fields = fields.context("/openapi.json does not say what a node has")?;
    let is_sorted_by = |field: &Value| {
        let types = field["type"].as_array().map_or(&[] as &[_], Vec::as_slice);
        let mut types = types.iter().chain([&field["type"]]);
        types.any(|kind| ["string", "boolean"].iter().any(|known| kind == known))
    };
    let found = fields.iter().filter(|(_, field)| is_sorted_by(field));
    Ok(found.map(|(name, _)| name.as_str()).collect())
}

/// Every argument by which nodes are chosen stands in a path above.
fn filters_are_measured(document: &Value) -> anyhow::Result<()> {
    let arguments = document["paths"]["/v1/nodes"]["get"]["parameters"].as_array();
    let arguments = arguments.context("/openapi.json does not say what lists of nodes take")?;
    let queries = arguments
        .iter()
        .filter(|argument| argument["in"] == "query");
    for name in queries.filter_map(|argument| argument["name"].as_str()) {
        let is_asked = |page: &&str| {
            page.contains(&format!("&{name}=")) || page.contains(&format!("?{name}="))
        };
        let measured = PAGES.iter().chain(OTHERS).any(is_asked);
        ensure!(
            measured || SHOWING.contains(&name),
            "no list is measured that is chosen by {name}"
        );
    }
    Ok(())
}

/// What the paths above name.
struct Names {
    marker: String,
    name: String,
    mac: String,
    instance: String,
    chassis: String,
}

impl Names {
    fn of(api: &Api, id: &str, mac: &str) -> anyhow::Result<Self> {
        let node = api.get(&format!("/v1/nodes/{id}"))?;
        let associated = api.get("/v1/nodes?limit=1&associated=true")?;
        let chassis = api.get("/v1/chassis?limit=1")?;
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        Ok(Self {
            marker: id.to_owned(),
            name: text(&node["name"]).context("a node without a name")?,
            mac: mac.to_owned(),
            instance: text(&associated["nodes"][0]["instance_uuid"])
                .context("no node has an instance")?,
            chassis: text(&chassis["chassis"][0]["uuid"]).context("there is no chassis")?,
        })
    }

    fn fill_in(&self, page: &str) -> String {
        let page = page.replace("{marker}", &self.marker);
        let page = page.replace("{name}", &self.name);
        let page = page.replace("{mac}", &self.mac);
        let page = page.replace("{chassis}", &self.chassis);
        format!("/v1/{}", page.replace("{instance}", &self.instance))
    }
}

fn median(api: &Api, path: &str) -> anyhow::Result<Duration> {
    let mut taken = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let begun = Instant::now();
        api.get(path)?;
        taken.push(begun.elapsed());
    }
    taken.sort_unstable();
    Ok(taken[TIMES / 2])
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn mark(holds: bool) -> &'static str {
    if holds { "ok     " } else { "FAILED " }
}
