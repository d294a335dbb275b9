//! The addresses of a node's BMC, by which a ramdisk's inspection data are matched where no port is known yet.

use super::Object;
use ferric_drivers::DriverInfo;
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;
use tokio::net::lookup_host;
use tokio::time::timeout;
use url::{Host, Url};

/// Where they are in `driver_internal_info` while the node is being inspected, as in Ironic.
pub(in crate::conductor) const KEY: &str = "lookup_bmc_addresses";
/// A name server that does not answer must not hold up the inspection.
const RESOLVE_LIMIT: Duration = Duration::from_secs(5);

/// What the host of `redfish_address` stands for. A loopback address tells no machine from another and is left out.
pub(in crate::conductor) async fn of_node(driver_info: &DriverInfo) -> Vec<String> {
    let given = driver_info.get("redfish_address").and_then(Value::as_str);
    let Some(host) = given.and_then(host) else {
        return Vec::new();
    };
    let addresses = match host {
        Host::Ipv4(address) => BTreeSet::from([IpAddr::V4(address)]),
        Host::Ipv6(address) => BTreeSet::from([IpAddr::V6(address)]),
        Host::Domain(name) => resolve(name).await,
    };
    let usable = addresses
        .into_iter()
        .map(|address| address.to_canonical())
        .filter(|address| !address.is_loopback());
    usable.map(|address| address.to_string()).collect()
}

fn host(given: &str) -> Option<Host> {
    let url = Url::parse(given.trim()).ok().filter(Url::has_host);
    let url = url.or_else(|| Url::parse(&format!("https://{}", given.trim())).ok());
    Some(url?.host()?.to_owned())
}

async fn resolve(name: String) -> BTreeSet<IpAddr> {
    match timeout(RESOLVE_LIMIT, lookup_host((name.as_str(), 0))).await {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        Ok(Err(_)) | Err(_) => BTreeSet::new(),
    }
}

/// Those of the BMC in a ramdisk's data; `0.0.0.0` and `::/0` are how an agent says that it found none.
pub(in crate::conductor) fn in_data(data: &Object) -> Vec<String> {
    let inventory = data.get("inventory");
    let address = |key| inventory?.get(key)?.as_str()?.parse::<IpAddr>().ok();
    ["bmc_address", "bmc_v6address"]
        .into_iter()
        .filter_map(address)
        .map(|address| address.to_canonical())
        .filter(|address| !address.is_unspecified() && !address.is_loopback())
        .map(|address| address.to_string())
        .collect()
}

/// Whether the node that remembers `info` has a BMC at one of these addresses.
pub(in crate::conductor) fn match_any(info: &Object, addresses: &[String]) -> bool {
    let known = info.get(KEY).and_then(Value::as_array);
    let mut known = known.into_iter().flatten().filter_map(Value::as_str);
    known.any(|known| addresses.iter().any(|address| address == known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn the_host_of_the_bmc_is_what_counts() {
        let cases = [
            (
                json!("https://192.0.2.7:8443/redfish/v1"),
                vec!["192.0.2.7"],
            ),
            (json!("192.0.2.7"), vec!["192.0.2.7"]),
            (json!("192.0.2.7:8000"), vec!["192.0.2.7"]),
            (json!("http://[2001:DB8::0:7]:8000"), vec!["2001:db8::7"]),
            (json!("http://127.0.0.1:8000"), vec![]),
            (json!("http://localhost:8000"), vec![]),
            (json!(7), vec![]),
        ];
        for (given, expected) in cases {
            let info = DriverInfo::from_iter([("redfish_address".to_owned(), given.clone())]);
            assert_eq!(of_node(&info).await, expected, "{given}");
        }
    }

    #[test]
    fn addresses_are_compared_and_not_their_spelling() {
        let remembered = json!({KEY: ["192.0.2.7", "2001:db8::7"]});
        let cases = [
            (json!({"bmc_address": "192.0.2.7"}), true),
            (json!({"bmc_v6address": "2001:DB8:0::7"}), true),
            (
                json!({"bmc_address": "192.0.2.8", "bmc_v6address": "::/0"}),
                false,
            ),
            (
                json!({"bmc_address": "0.0.0.0", "bmc_v6address": null}),
                false,
            ),
            (json!({}), false),
        ];
        for (inventory, expected) in cases {
            let data = json!({"inventory": inventory});
            let found = in_data(data.as_object().unwrap());
            let matches = match_any(remembered.as_object().unwrap(), &found);
            assert_eq!(matches, expected, "{inventory}");
        }
    }
}
