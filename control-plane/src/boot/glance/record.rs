//! An image as Glance describes it, and whether a node can be deployed with it. Pure.

use crate::boot::image::Digest;
use ferric_model::node::Node;
use serde::Deserialize;
use serde_json::Value;

const GIB: u64 = 1 << 30;

/// What is read of the answer to `GET /v2/images/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(in crate::boot) struct ImageRecord {
    pub(in crate::boot) id: String,
    name: Option<String>,
    pub(super) status: String,
    pub(super) visibility: Option<String>,
    /// The project that it belongs to.
    pub(super) owner: Option<String>,
    /// Bytes of the file.
    pub(in crate::boot) size: Option<u64>,
    /// Bytes that it takes on a disk.
    virtual_size: Option<u64>,
    disk_format: Option<String>,
    container_format: Option<String>,
    checksum: Option<String>,
    os_hash_algo: Option<String>,
    os_hash_value: Option<String>,
    /// GiB.
    #[serde(default)]
    min_disk: u64,
    img_type: Option<String>,
    kernel_id: Option<String>,
    ramdisk_id: Option<String>,
}

impl ImageRecord {
    pub(in crate::boot) fn shown(&self) -> String {
        match self.name.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => format!("glance://{} ({name})", self.id),
            None => format!("glance://{}", self.id),
        }
    }

    /// `None`: Glance has none, as it has not for images that it never held itself.
    pub(in crate::boot) fn digest(&self) -> Option<Digest> {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some((algorithm, value)) =
            filled(&self.os_hash_algo).zip(filled(&self.os_hash_value))
        {
            return Some(Digest::Hash { algorithm, value });
        }
        // MD5, and named so nowhere.
        filled(&self.checksum).map(Digest::Checksum)
    }

    /// Differs whenever the bytes may: an image never changes once it is active.
    pub(in crate::boot) fn etag(&self) -> String {
        let hash = self.os_hash_value.as_deref().or(self.checksum.as_deref());
        format!("\"{}\"", hash.unwrap_or(&self.id))
    }

    /// `raw` or `qcow2`, as the agent knows it.
    pub(in crate::boot) fn format(&self) -> Option<&'static str> {
        match self.disk_format.as_deref() {
            // A raw image that has a partition table.
            Some("raw" | "gpt") => Some("raw"),
            Some("qcow2") => Some("qcow2"),
            _ => None,
        }
    }

    /// Bytes that it takes on the disk at least.
    pub(in crate::boot) fn disk_bytes(&self) -> Option<u64> {
        let raw = self.size.filter(|_| self.format() == Some("raw"));
        let taken = self.virtual_size.filter(|size| *size > 0).or(raw);
        let wanted = Some(self.min_disk.saturating_mul(GIB)).filter(|size| *size > 0);
        taken.max(wanted)
    }

    /// Whether the node can be deployed with it, as far as that can be said without its disks.
    ///
    /// # Errors
    /// A sentence about the image.
    pub(in crate::boot) fn check(&self, node: &Node) -> Result<(), String> {
        if self.is_partition(node) {
            return Err("it is an image of a partition (it has img_type, or kernel_id and ramdisk_id), which is not \
                        supported: use one of a whole disk"
                .to_owned());
        }
        if let Some(format @ ("ovf" | "ova" | "docker" | "aki" | "ari" | "ami" | "compressed")) =
            self.container_format.as_deref()
        {
            return Err(format!(
                "its container_format is {format}: upload it with the container format bare"
            ));
        }
        if self.format().is_none() {
            return Err(format!(
                "its disk_format is {}: upload it as raw or qcow2",
                self.disk_format.as_deref().unwrap_or("not set")
            ));
        }
        if self.digest().is_none() {
            return Err("Glance has no checksum of it: upload its data to Glance".to_owned());
        }
        self.check_size(node)
    }

    /// `local_gb` is what inspection found, less 1 GiB for the tables of partitions.
    fn check_size(&self, node: &Node) -> Result<(), String> {
        let Some(local_gb) = node.properties.get("local_gb").and_then(number) else {
            return Ok(());
        };
        let has = local_gb.saturating_add(1).saturating_mul(GIB);
        match self.disk_bytes().filter(|needed| *needed > has) {
            Some(needed) => Err(format!(
                "it needs a disk of {} GiB, and properties.local_gb of the node is {local_gb}: use a smaller image, or \
                 correct local_gb",
                needed.div_ceil(GIB)
            )),
            None => Ok(()),
        }
    }

    /// As Ironic tells: what the node says, what the image says, and else by its kernel and ramdisk.
    fn is_partition(&self, node: &Node) -> bool {
        let told = node.instance_info.get("image_type").and_then(Value::as_str);
        let told = told.or(self.img_type.as_deref());
        match told.filter(|kind| !kind.is_empty()) {
            Some(kind) => kind == "partition",
            None => self.kernel_id.is_some() || self.ramdisk_id.is_some(),
        }
    }
}

fn number(value: &Value) -> Option<u64> {
    let number = value.as_u64();
    number.or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferric_model::ids::NodeId;
    use serde_json::json;
    use uuid::Uuid;

    fn record(more: &Value) -> ImageRecord {
        let mut record = json!({
            "id": "5be26c0b-03f2-4d2e-ae87-c02d7f33c781", "status": "active", "size": 1000, "disk_format": "qcow2",
            "container_format": "bare", "os_hash_algo": "sha512", "os_hash_value": "ab", "checksum": "cd",
            "min_disk": 0, "owner": null, "tags": [], "locations": [],
        });
        let more = more.as_object().unwrap().clone();
        record.as_object_mut().unwrap().extend(more);
        serde_json::from_value(record).unwrap()
    }

    fn check(more: &Value, node: &Value, expected: Result<(), &str>) {
        let id = NodeId(Uuid::nil());
        let mut of = Node::new(id, "redfish", jiff::Timestamp::UNIX_EPOCH);
        of.properties = node["properties"].as_object().cloned().unwrap_or_default();
        of.instance_info = node["instance_info"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        match (record(more).check(&of), expected) {
            (Ok(()), Ok(())) => {}
            (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
            (outcome, expected) => panic!("{more} {node}: {outcome:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn what_a_node_can_be_deployed_with() {
        let none = json!({});
        let kernel = json!({"kernel_id": "a", "ramdisk_id": "b"});
        let told = |kind: &str| json!({"instance_info": {"image_type": kind}});
        let disk = |local_gb: Value| json!({"properties": {"local_gb": local_gb}});
        check(&none, &none, Ok(()));
        check(&kernel, &none, Err("of a partition"));
        check(&kernel, &told("whole-disk"), Ok(()));
        check(&none, &told("partition"), Err("of a partition"));
        let whole = json!({"kernel_id": "a", "img_type": "whole-disk"});
        check(&whole, &none, Ok(()));
        check(
            &json!({"disk_format": "vmdk"}),
            &none,
            Err("disk_format is vmdk"),
        );
        check(&json!({"disk_format": null}), &none, Err("not set"));
        check(
            &json!({"container_format": "ova"}),
            &none,
            Err("container_format is ova"),
        );
        let unhashed = json!({"os_hash_value": null, "checksum": null});
        check(&unhashed, &none, Err("no checksum"));
        check(&json!({"min_disk": 10}), &disk(json!(9)), Ok(()));
        check(
            &json!({"min_disk": 11}),
            &disk(json!("9")),
            Err("a disk of 11 GiB"),
        );
        let large = json!({"virtual_size": (20_u64 << 30) + 1});
        check(&large, &disk(json!(19)), Err("a disk of 21 GiB"));
        check(&large, &disk(json!("unknown")), Ok(()));
    }

    #[test]
    fn what_is_told_of_it() {
        let hash = |algorithm: &str, value: &str| Digest::Hash {
            algorithm: algorithm.to_owned(),
            value: value.to_owned(),
        };
        assert_eq!(record(&json!({})).digest(), Some(hash("sha512", "ab")));
        let old = record(&json!({"os_hash_algo": null, "os_hash_value": null}));
        assert_eq!(old.digest(), Some(Digest::Checksum("cd".to_owned())));
        let raw = record(&json!({"disk_format": "gpt"}));
        assert_eq!((raw.format(), raw.disk_bytes()), (Some("raw"), Some(1000)));
        assert_eq!(record(&json!({})).disk_bytes(), None);
        let grown = json!({"virtual_size": 5, "min_disk": 1});
        assert_eq!(record(&grown).disk_bytes(), Some(1 << 30));
        let named = record(&json!({"name": "debian"})).shown();
        assert_eq!(
            named,
            "glance://5be26c0b-03f2-4d2e-ae87-c02d7f33c781 (debian)"
        );
    }
}
