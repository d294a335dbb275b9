//! The qcow2 header: parsed from the first bytes of the file, with every rule of what Ferric refuses.
//!
//! An image is foreign data: nothing here may panic or allocate by a number found in it. What could make the
//! reader open another file (backing file, external data file) or mistake the layout (unknown features,
//! subclusters, encryption) is refused, see `docs/decisions/0002-qcow2-in-one-pass.md`.

use thiserror::Error;

pub(crate) const MAGIC: [u8; 4] = *b"QFI\xfb";

/// The longest header and extensions that are looked at: like QEMU, everything must lie in the first cluster,
/// and nothing that Ferric has to know can lie beyond the first 64 KiB.
pub(crate) const MAX_HEADER_BYTES: u64 = 64 * 1024;

const V2_BYTES: usize = 72;
const V3_BYTES: usize = 104;

const CORRUPT: u64 = 1 << 1;
const EXTERNAL_DATA: u64 = 1 << 2;
const COMPRESSION_TYPE: u64 = 1 << 3;
const EXTENDED_L2: u64 = 1 << 4;
/// Bit 0 (dirty) only says that the reference counts may be stale, and a reader does not use them.
const READABLE: u64 = 1 | CORRUPT | EXTERNAL_DATA | COMPRESSION_TYPE | EXTENDED_L2;

const EXTENSION_END: u32 = 0;
const EXTENSION_DATA_FILE: u32 = 0x4441_5441;
const EXTENSION_ENCRYPTION: u32 = 0x0537_be77;

#[derive(Debug, Error, PartialEq, Eq)]
pub enum Qcow2Error {
    #[error("the qcow2 header is cut short")]
    Short,
    #[error("the file is not qcow2")]
    Magic,
    #[error("qcow version {0} is not supported, only qcow2 versions 2 and 3 are")]
    Version(u32),
    #[error(
        "the image has a backing file, which is never followed; make a self-contained image with qemu-img convert"
    )]
    BackingFile,
    #[error(
        "the image keeps its data in an external file, which is never followed; make a self-contained image with qemu-img convert"
    )]
    ExternalData,
    #[error("the image is encrypted")]
    Encrypted,
    #[error("the image is marked corrupt; repair it with qemu-img check -r all")]
    Corrupt,
    #[error(
        "the image uses subclusters (extended L2 entries), which are not supported; convert it with qemu-img convert"
    )]
    Subclusters,
    #[error("the image uses unknown incompatible features {0:#x}")]
    UnknownFeatures(u64),
    #[error("clusters of 2^{0} bytes are outside what qcow2 allows (2^9 to 2^21)")]
    ClusterBits(u32),
    #[error("compression type {0} is unknown")]
    CompressionType(u8),
    #[error("the compression type and its feature bit contradict each other")]
    CompressionBit,
    #[error("the qcow2 header length {0} is not possible")]
    HeaderLength(u32),
    #[error(
        "the virtual size {virtual_size} needs an L1 table of {needed} entries, the image has {found}"
    )]
    L1TooSmall {
        virtual_size: u64,
        needed: u64,
        found: u32,
    },
    #[error(
        "the {table} of {bytes} bytes is larger than the {limit} bytes Ferric reads; convert the image with a larger cluster size"
    )]
    TooLarge {
        table: &'static str,
        bytes: u64,
        limit: u64,
    },
    #[error("the {table} at offset {offset:#x} does not lie on a cluster")]
    Unaligned { table: &'static str, offset: u64 },
    #[error("the {table} at offset {offset:#x} lies outside the file of {file_bytes} bytes")]
    OutsideFile {
        table: &'static str,
        offset: u64,
        file_bytes: u64,
    },
    #[error("a zero cluster in a version 2 image")]
    ZeroInVersion2,
    #[error("the cluster at offset {0:#x} is used twice")]
    SharedCluster(u64),
    #[error(
        "the image has more clusters than Ferric can keep in memory ({limit} pieces); convert it with a larger cluster size"
    )]
    TooManyPieces { limit: usize },
    #[error("the qcow2 file ends at byte {0}, before its data does")]
    FileTooShort(u64),
    #[error(
        "the image's tables were different when they were read again; it was changed on the server"
    )]
    MetadataChanged,
    #[error(
        "the server has no byte ranges, and the image's tables do not come before its data; \
         use a server with byte ranges, or a raw image"
    )]
    TablesTooFar,
    #[error("the virtual disk is empty")]
    Empty,
    #[error("the compressed cluster at offset {0:#x} cannot be decompressed")]
    Compressed(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Deflate,
    Zstd,
}

/// What a reader of the active layer needs of the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) version: u32,
    pub(crate) cluster_bits: u32,
    pub(crate) virtual_size: u64,
    pub(crate) l1_offset: u64,
    pub(crate) l1_entries: u32,
    pub(crate) compression: Compression,
}

impl Header {
    /// `prefix` is the start of the file, [`MAX_HEADER_BYTES`] or all of it.
    pub(crate) fn parse(prefix: &[u8]) -> Result<Self, Qcow2Error> {
        let fields = Fields(prefix);
        if prefix.get(..4).ok_or(Qcow2Error::Short)? != MAGIC {
            return Err(Qcow2Error::Magic);
        }
        let version = fields.u32(4)?;
        if !(2..=3).contains(&version) {
            return Err(Qcow2Error::Version(version));
        }
        if fields.u64(8)? != 0 {
            return Err(Qcow2Error::BackingFile);
        }
        if fields.u32(32)? != 0 {
            return Err(Qcow2Error::Encrypted);
        }
        let cluster_bits = fields.u32(20)?;
        if !(9..=21).contains(&cluster_bits) {
            return Err(Qcow2Error::ClusterBits(cluster_bits));
        }
        let header_bytes = fields.header_bytes(version)?;
        if prefix.len() < header_bytes {
            return Err(Qcow2Error::Short);
        }
        let compression = fields.compression(version, header_bytes)?;
        fields.refuse_extensions(header_bytes, 1 << cluster_bits)?;
        let header = Self {
            version,
            cluster_bits,
            virtual_size: fields.u64(24)?,
            l1_entries: fields.u32(36)?,
            l1_offset: fields.u64(40)?,
            compression,
        };
        if header.virtual_size == 0 {
            return Err(Qcow2Error::Empty);
        }
        header.check_l1()?;
        Ok(header)
    }

    pub(crate) fn cluster_bytes(&self) -> u64 {
        1 << self.cluster_bits
    }

    pub(crate) fn l2_entries(&self) -> u64 {
        self.cluster_bytes() / 8
    }

    /// The guest bytes that one L2 table maps.
    pub(crate) fn l2_span(&self) -> u64 {
        self.cluster_bytes() * self.l2_entries()
    }

    /// The L1 entries in use: a table may be larger than the virtual size needs.
    pub(crate) fn l1_needed(&self) -> u64 {
        self.virtual_size.div_ceil(self.l2_span())
    }

    fn check_l1(&self) -> Result<(), Qcow2Error> {
        if u64::from(self.l1_entries) < self.l1_needed() {
            return Err(Qcow2Error::L1TooSmall {
                virtual_size: self.virtual_size,
                needed: self.l1_needed(),
                found: self.l1_entries,
            });
        }
        if !self.l1_offset.is_multiple_of(self.cluster_bytes()) {
            return Err(Qcow2Error::Unaligned {
                table: "L1 table",
                offset: self.l1_offset,
            });
        }
        Ok(())
    }
}

/// Big-endian fields at fixed offsets.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn u32(&self, at: usize) -> Result<u32, Qcow2Error> {
        let bytes = self.0.get(at..).and_then(|rest| rest.first_chunk());
        Ok(u32::from_be_bytes(*bytes.ok_or(Qcow2Error::Short)?))
    }

    fn u64(&self, at: usize) -> Result<u64, Qcow2Error> {
        let bytes = self.0.get(at..).and_then(|rest| rest.first_chunk());
        Ok(u64::from_be_bytes(*bytes.ok_or(Qcow2Error::Short)?))
    }

    fn header_bytes(&self, version: u32) -> Result<usize, Qcow2Error> {
        if version == 2 {
            return Ok(V2_BYTES);
        }
        let stated = self.u32(100)?;
        match usize::try_from(stated) {
            Ok(bytes) if (V3_BYTES..=4096).contains(&bytes) && bytes % 8 == 0 => Ok(bytes),
            _ => Err(Qcow2Error::HeaderLength(stated)),
        }
    }

    fn compression(&self, version: u32, header_bytes: usize) -> Result<Compression, Qcow2Error> {
        let features = if version == 2 { 0 } else { self.u64(72)? };
        match features {
            bits if bits & EXTERNAL_DATA != 0 => return Err(Qcow2Error::ExternalData),
            bits if bits & EXTENDED_L2 != 0 => return Err(Qcow2Error::Subclusters),
            bits if bits & CORRUPT != 0 => return Err(Qcow2Error::Corrupt),
            bits if bits & !READABLE != 0 => {
                return Err(Qcow2Error::UnknownFeatures(bits & !READABLE));
            }
            _ => {}
        }
        let code = if header_bytes > V3_BYTES {
            *self.0.get(V3_BYTES).ok_or(Qcow2Error::Short)?
        } else {
            0
        };
        match (code, features & COMPRESSION_TYPE != 0) {
            (0, false) => Ok(Compression::Deflate),
            (1, true) => Ok(Compression::Zstd),
            (0 | 1, _) => Err(Qcow2Error::CompressionBit),
            (code, _) => Err(Qcow2Error::CompressionType(code)),
        }
    }

    /// Walks the header extensions: two of them change where the data is.
    fn refuse_extensions(&self, mut at: usize, cluster_bytes: usize) -> Result<(), Qcow2Error> {
        // An extension is at least 8 bytes long, so this ends after at most 8192 rounds.
        while at + 8 <= cluster_bytes.min(self.0.len()) {
            match self.u32(at)? {
                EXTENSION_END => return Ok(()),
                EXTENSION_DATA_FILE => return Err(Qcow2Error::ExternalData),
                EXTENSION_ENCRYPTION => return Err(Qcow2Error::Encrypted),
                _ => {}
            }
            let Ok(bytes) = usize::try_from(self.u32(at + 4)?) else {
                return Err(Qcow2Error::Short);
            };
            let Some(next) = bytes
                .checked_next_multiple_of(8)
                .and_then(|bytes| at.checked_add(8 + bytes))
            else {
                return Err(Qcow2Error::Short);
            };
            at = next;
        }
        Ok(())
    }
}
