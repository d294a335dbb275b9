//! Names of traits.

/// `CUSTOM_` names are the operator's; the others are those of the os-traits list, of which only the form is checked.
pub fn is_trait(name: &str) -> bool {
    const STANDARD: &[&str] = &["HW_", "COMPUTE_", "STORAGE_", "OWNER_", "MISC_"];
    let letters = |text: &str| {
        let allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        !text.is_empty() && text.bytes().all(allowed)
    };
    let custom = name.strip_prefix("CUSTOM_").is_some_and(letters);
    let standard = STANDARD
        .iter()
        .any(|prefix| name.strip_prefix(prefix).is_some_and(letters));
    name.len() <= 255 && (custom || standard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trait_names() {
        for good in ["CUSTOM_A", "CUSTOM_RAID_5", "HW_CPU_X86_VMX"] {
            assert!(is_trait(good), "{good}");
        }
        for bad in ["", "CUSTOM_", "CUSTOM_a", "FOO", "custom_A"] {
            assert!(!is_trait(bad), "{bad}");
        }
    }
}
