//! The firmware's tables, as foreign bytes.

use super::describe;
use crate::inventory::smbios::Smbios;

/// Nothing is made up: what is told of a table is bounded by its size, and there are no more modules than structures.
pub(crate) fn smbios(bytes: &[u8]) {
    let table = Smbios::parse(bytes);
    let structures = (0..=u8::MAX).flat_map(|kind| table.of_kind(kind));
    let (mut count, mut fields_bytes) = (0, 0);
    for structure in structures {
        // A header has four bytes, and two zeroes end the strings.
        assert!(structure.length() >= 4);
        count += 1;
        fields_bytes += structure.length() + 2;
    }
    assert!(fields_bytes <= bytes.len());
    let most_mib = u64::from(u32::MAX) * count;
    assert!(table.installed_mib().is_none_or(|mib| mib <= most_mib));
    let identity = table.identity();
    let texts = [
        &identity.manufacturer,
        &identity.product_name,
        &identity.serial_number,
        &identity.firmware_vendor,
        &identity.firmware_version,
        &identity.firmware_date,
    ];
    // A byte that is no text becomes a character of three.
    let is_bounded = |text: &String| !text.is_empty() && text.len() <= 3 * bytes.len();
    assert!(texts.into_iter().flatten().all(is_bounded));
    let told = describe(&table).to_string();
    assert!(told.len() <= 1000 * (bytes.len() + 10));
}
