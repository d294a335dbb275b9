//! An image in a virtual drive that the conductor fetches for the BMC, which cannot, or is not to, fetch it itself.

use crate::ids::NodeId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Kept as long as the image may be in the drive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayedMedia {
    /// A part of the URL that the BMC is told, by which it shows that it was.
    pub key: Uuid,
    /// The drive, by its name in Ironic's API.
    pub device: String,
    /// Where the image is.
    pub url: String,
    /// It is known to have got into the drive, where the machine may read it: what fails later takes it away from nobody.
    #[serde(default)]
    pub was_put_in: bool,
}

impl RelayedMedia {
    /// What the BMC of the node is told; `base` is the URL of the provisioning listener.
    pub fn address(&self, base: &str, node: NodeId) -> String {
        format!("{base}/media/{node}/{}/{}", self.key, self.name())
    }

    /// Whether a BMC that reads this URL reads this image.
    pub fn is_at(&self, address: &str) -> bool {
        address.contains(&self.key.to_string())
    }

    /// The file's name at its place, as BMCs go by its ending; a name of ours where it has none that is plain.
    pub fn name(&self) -> &str {
        let url = self.url.split(['?', '#']).next().unwrap_or_default();
        let path = url
            .split_once("://")
            .and_then(|(_, rest)| rest.split_once('/'));
        let last = path.and_then(|(_, path)| path.rsplit('/').next());
        let is_plain = |name: &&str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            name.bytes().all(plain) && name.bytes().any(|byte| byte.is_ascii_alphanumeric())
        };
        let ours = match self.device.as_str() {
            "cdrom" => "image.iso",
            _ => "image.img",
        };
        last.filter(is_plain).unwrap_or(ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> RelayedMedia {
        RelayedMedia {
            key: Uuid::from_u128(7),
            device: "cdrom".to_owned(),
            url: url.to_owned(),
            was_put_in: false,
        }
    }

    #[test]
    fn names_are_those_of_the_files() {
        let check = |url: &str, expected: &str| assert_eq!(at(url).name(), expected, "{url}");
        check("https://images/a/ramdisk-1.2_b.iso", "ramdisk-1.2_b.iso");
        check("https://images/a.iso?token=/x.img#y", "a.iso");
        check("https://images/a/", "image.iso");
        check("https://images", "image.iso");
        check("https://images/..", "image.iso");
        check("https://images/a%20b.iso", "image.iso");
    }

    #[test]
    fn a_disk_that_has_no_name_is_no_cd() {
        let disk = RelayedMedia {
            device: "disk".to_owned(),
            ..at("https://images/")
        };
        assert_eq!(disk.name(), "image.img");
    }

    #[test]
    fn an_address_tells_one_image_from_another() {
        let (one, node) = (at("https://u:p@images/a.iso"), NodeId(Uuid::nil()));
        let address = one.address("http://192.0.2.1:6380", node);
        let expected = "http://192.0.2.1:6380/media/00000000-0000-0000-0000-000000000000/\
                        00000000-0000-0000-0000-000000000007/a.iso";
        assert_eq!(address, expected);
        assert!(one.is_at(&address));
        let other = RelayedMedia {
            key: Uuid::from_u128(8),
            ..one
        };
        assert!(!other.is_at(&address));
    }
}
