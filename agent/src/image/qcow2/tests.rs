//! The parsers meet hostile bytes: single fields that are wrong, and images with random damage.

use proptest::prelude::{ProptestConfig, any, proptest};

use super::*;
use crate::image::stop::Stop;
use crate::image::target::Target;
use crate::image::testing::{FileDisk, bootable_image};
use crate::progress::Progress;
use crate::run::run;

/// A small image as qemu-img makes it.
fn image(arguments: &[&str]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("raw"), bootable_image(9)).unwrap();
    let (from, to) = (path("raw"), path("qcow2"));
    run(
        "qemu-img",
        &[&["convert", "-O", "qcow2"], arguments, &[&from, &to]].concat(),
    )
    .unwrap();
    std::fs::read(to).unwrap()
}

/// The header of a small version 3 image, with one field changed.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a case reads better without a borrow"
)]
fn check(at: usize, value: &[u8], expected: Result<(), Qcow2Error>) {
    static IMAGE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| image(&[]));
    let mut header = IMAGE[..65536].to_vec();
    header[at..at + value.len()].copy_from_slice(value);
    let found = Header::parse(&header).map(drop);
    assert!(
        found == expected,
        "{value:x?} at {at}: {found:?} is not {expected:?}"
    );
}

#[test]
fn every_field_of_the_header_that_is_wrong() {
    check(0, b"QFI\xfb", Ok(()));
    check(0, b"QED\0", Err(Qcow2Error::Magic));
    for version in [0, 1, 4, u32::MAX] {
        check(4, &version.to_be_bytes(), Err(Qcow2Error::Version(version)));
    }
    check(8, &1u64.to_be_bytes(), Err(Qcow2Error::BackingFile));
    for bits in [0, 8, 22, u32::MAX] {
        check(20, &bits.to_be_bytes(), Err(Qcow2Error::ClusterBits(bits)));
    }
    check(24, &0u64.to_be_bytes(), Err(Qcow2Error::Empty));
    check(
        24,
        &(1u64 << 40).to_be_bytes(),
        Err(Qcow2Error::L1TooSmall {
            virtual_size: 1 << 40,
            needed: 2048,
            found: 1,
        }),
    );
    check(32, &1u32.to_be_bytes(), Err(Qcow2Error::Encrypted));
    check(
        36,
        &0u32.to_be_bytes(),
        Err(Qcow2Error::L1TooSmall {
            virtual_size: 9 << 20,
            needed: 1,
            found: 0,
        }),
    );
    check(
        40,
        &512u64.to_be_bytes(),
        Err(Qcow2Error::Unaligned {
            table: "L1 table",
            offset: 512,
        }),
    );
    for length in [0, 72, 103, 105, 8192, u32::MAX] {
        check(
            100,
            &length.to_be_bytes(),
            Err(Qcow2Error::HeaderLength(length)),
        );
    }
}

#[test]
fn every_feature_bit() {
    let feature = |bit: u32, expected| check(72, &(1u64 << bit).to_be_bytes(), expected);
    feature(0, Ok(())); // Not closed: only the reference counts are wrong.
    feature(1, Err(Qcow2Error::Corrupt));
    feature(2, Err(Qcow2Error::ExternalData));
    feature(3, Err(Qcow2Error::CompressionBit));
    feature(4, Err(Qcow2Error::Subclusters));
    for bit in 5..64 {
        feature(bit, Err(Qcow2Error::UnknownFeatures(1 << bit)));
    }
    check(104, &[1], Err(Qcow2Error::CompressionBit));
    check(104, &[2], Err(Qcow2Error::CompressionType(2)));
}

#[test]
fn header_extensions_that_change_where_the_data_is() {
    // The first extension starts behind the header of 112 bytes.
    check(
        112,
        &0x4441_5441_u32.to_be_bytes(),
        Err(Qcow2Error::ExternalData),
    );
    check(
        112,
        &0x0537_be77_u32.to_be_bytes(),
        Err(Qcow2Error::Encrypted),
    );
    check(116, &u32::MAX.to_be_bytes(), Ok(())); // It reaches beyond the header: nothing follows it.
}

#[test]
fn a_header_that_is_cut_is_short_and_never_a_panic() {
    let whole = image(&[]);
    for length in 0..112 {
        let error = Header::parse(&whole[..length]).unwrap_err();
        assert!(
            matches!(error, Qcow2Error::Short | Qcow2Error::Magic),
            "{length}: {error}"
        );
    }
}

/// Metadata in memory.
struct Bytes<'a>(&'a [u8]);

impl ReadAt for Bytes<'_> {
    fn read_exact_at(&mut self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        assert!(
            buffer.len() <= 8 << 20,
            "no table of {} bytes is allocated",
            buffer.len()
        );
        let from = usize::try_from(offset).map_err(std::io::Error::other)?;
        let found = self.0.get(from..).and_then(|rest| rest.get(..buffer.len()));
        buffer.copy_from_slice(found.ok_or(std::io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

fn map(file: &[u8]) -> Result<(Header, Map), MapError> {
    let prefix = &file[..file.len().min(65536)];
    let header = Header::parse(prefix)?;
    let map = Map::read(&header, prefix, Some(file.len() as u64), &mut Bytes(file))?;
    Ok((header, map))
}

/// Everything after the header may be anything: the outcome is an error or a write inside the disk.
fn write(file: &[u8], disk: &FileDisk) {
    let Ok((header, map)) = map(file) else { return };
    let permit = disk.host.permits_device(disk.path()).unwrap();
    let mut target = Target::open(&permit, Progress::default(), Stop::default()).unwrap();
    if target.check_fits(header.virtual_size).is_ok() {
        drop(write_clusters(
            &header,
            &map.pieces,
            map.watches,
            file,
            &mut target,
        ));
        drop(write_zeroes(&header, &map.zeros, &mut target));
    }
}

#[test]
fn two_guest_clusters_in_one_place_of_the_file_are_refused() {
    let mut file = image(&[]);
    let number = |file: &[u8], at: usize| u64::from_be_bytes(*file[at..].first_chunk().unwrap());
    let position = |entry: u64| usize::try_from(entry & 0x00ff_ffff_ffff_fe00).unwrap();
    let l2 = position(number(&file, position(number(&file, 40))));
    let used = (0..8192)
        .map(|index| l2 + index * 8)
        .find(|at| number(&file, *at) != 0)
        .unwrap();
    let entry = file[used..used + 8].to_vec();
    file[used + 8..used + 16].copy_from_slice(&entry);
    let offset = position(u64::from_be_bytes(*entry.first_chunk().unwrap())) as u64;
    assert!(
        matches!(map(&file), Err(MapError::Format(Qcow2Error::SharedCluster(at))) if at == offset)
    );
}

#[test]
fn tables_that_are_absurd_are_refused_before_they_are_allocated() {
    let mut file = image(&["-o", "cluster_size=512"]);
    // 1 TiB in clusters of 512 bytes needs an L1 table of 256 MiB.
    file[24..32].copy_from_slice(&(1u64 << 40).to_be_bytes());
    file[36..40].copy_from_slice(&u32::MAX.to_be_bytes());
    let error = map(&file).err().unwrap().to_string();
    assert!(
        error.contains("the L1 table of 268435456 bytes is larger"),
        "{error}"
    );
    file[24..32].copy_from_slice(&u64::MAX.to_be_bytes());
    assert!(map(&file).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn random_headers_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), version in 2u8..4) {
        if let Some(start) = bytes.first_chunk_mut::<8>() {
            *start = [b'Q', b'F', b'I', 0xfb, 0, 0, 0, version];
        }
        drop(Header::parse(&bytes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn damaged_images_never_panic(
        kind in 0usize..3,
        damage in proptest::collection::vec((any::<u32>(), any::<u8>()), 1..30),
    ) {
        static IMAGES: std::sync::LazyLock<[Vec<u8>; 3]> = std::sync::LazyLock::new(|| [
            image(&["-o", "cluster_size=4k"]),
            image(&["-c", "-o", "cluster_size=4k"]),
            image(&["-c", "-o", "compression_type=zstd"]),
        ]);
        let mut file = IMAGES[kind].clone();
        for (at, value) in damage {
            // The metadata of all three lies at the start; bytes of the header would end it too soon.
            let at = 112 + at as usize % (400 << 10);
            if let Some(byte) = file.get_mut(at) {
                *byte = value;
            }
        }
        write(&file, &FileDisk::new(12 << 20));
    }
}
