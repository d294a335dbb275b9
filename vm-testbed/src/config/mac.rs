//! A MAC address: parsed once, kept in lower case with colons.

use std::fmt;

use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Mac(String);

impl TryFrom<String> for Mac {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let octets: Vec<u8> = text
            .split(':')
            .filter(|part| part.len() == 2)
            .filter_map(|part| u8::from_str_radix(part, 16).ok())
            .collect();
        if octets.len() != 6 || text.len() != 17 {
            return Err(format!(
                "{text:?} is not a MAC address such as 52:54:00:00:00:01"
            ));
        }
        // A group address as a sender is dropped by every bridge, which looks like a dead network.
        if octets[0] & 1 == 1 {
            return Err(format!(
                "{text} is a multicast address and no machine can own it"
            ));
        }
        Ok(Mac(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_station_addresses_pass() {
        assert_eq!(
            Mac::try_from("52:54:00:AB:cd:01".to_owned())
                .unwrap()
                .to_string(),
            "52:54:00:ab:cd:01"
        );
        for text in [
            "",
            "52:54:00:ab:cd",
            "52-54-00-ab-cd-01",
            "53:54:00:ab:cd:01",
            "52:54:00:ab:cd:0g",
            "52:54:00:ab:cd:01:02",
        ] {
            assert!(Mac::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
