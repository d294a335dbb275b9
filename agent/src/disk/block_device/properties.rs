//! What udev's database says of a device.

/// What udev knows of a device; empty where udev does not run.
pub(in crate::disk) trait Properties {
    fn get(&self, name: &str) -> Option<String>;
}

/// udev's database.
pub(in crate::disk) struct Udev(Option<udev::Device>);

impl Udev {
    pub(in crate::disk) fn of(kernel_name: &str) -> Self {
        let device =
            udev::Device::from_subsystem_sysname("block".to_owned(), kernel_name.to_owned());
        Self(device.ok())
    }
}

impl Properties for Udev {
    fn get(&self, name: &str) -> Option<String> {
        let value = self.0.as_ref()?.property_value(name)?;
        cleaned(&value.to_string_lossy())
    }
}

/// Without NULs and outer spaces; `None` when nothing is left.
pub(super) fn cleaned(text: &str) -> Option<String> {
    let text = text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\0');
    (!text.is_empty()).then(|| text.to_owned())
}

/// udev writes what is no letter as `\x20`.
pub(super) fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = match rest {
            [b'\\', b'x', high, low, ..] => {
                let digits = [*high, *low];
                std::str::from_utf8(&digits)
                    .ok()
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            }
            _ => None,
        };
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &rest[4..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
