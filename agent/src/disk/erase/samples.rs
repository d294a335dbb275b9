//! Reads an erased disk back at a few places: its beginning, its end, and some in between that nobody can foresee.
//!
//! Before a drive erases itself, random bytes are written there: where nothing was, a drive that does nothing could
//! not be told from one that has done its work.

use ferric_agent_protocol::erase::{EraseFound, EraseSample};
use rand::{Rng, RngCore};

use super::device::Device;
use super::method::MethodError;
use super::pattern::Pattern;

const SAMPLE_BYTES: u64 = 4096;
/// Between the first and the last one.
const IN_BETWEEN: u64 = 32;

/// The places, by ascending offset, and their length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Samples {
    offsets: Vec<u64>,
    length: usize,
}

/// What was at the places before, in the same order; nothing where that tells nothing, or could not be read.
pub(super) struct Before(Vec<Option<Vec<u8>>>);

/// What an erased disk must read as.
pub(super) enum Promise<'a> {
    /// Zeroes.
    Zeroes,
    /// FFh.
    Ones,
    /// Each sample all zeroes or all FFh: which of them is up to the drive.
    Uniform,
    /// The bytes that were written last.
    Random(&'a Pattern),
    /// Anything but what was there before.
    Altered(&'a Before),
}

impl Samples {
    /// Draws places of a disk, one in each of as many equal parts of it.
    pub(super) fn draw(size: u64, sector_bytes: u32, random: &mut impl Rng) -> Self {
        let length = SAMPLE_BYTES.max(sector_bytes.into()).min(size);
        let mut offsets = vec![0];
        // The last whole unit may overlap the last sample; nothing depends on that.
        let units = size.checked_div(length).unwrap_or(0).saturating_sub(1);
        let parts = IN_BETWEEN.min(units);
        let width = units.checked_div(parts).unwrap_or(0);
        let draw = |part: u64| (part * width + random.random_range(0..width)) * length;
        offsets.extend((0..parts).map(draw));
        offsets.push(size - length);
        offsets.sort_unstable();
        offsets.dedup();
        Self {
            offsets,
            length: usize::try_from(length).unwrap_or(usize::MAX),
        }
    }

    pub(super) fn length_bytes(&self) -> u64 {
        self.length as u64
    }

    /// Writes random bytes to the places and reads what is there now. A drive that is too worn out to be written, or
    /// that a failed sanitize has left unreadable, may still be able to erase itself: that is no failure.
    pub(super) fn mark(&self, device: &dyn Device) -> Before {
        let mut bytes = vec![0; self.length];
        let write = |offset: &u64| {
            rand::rng().fill_bytes(&mut bytes);
            device.write(*offset, &bytes)
        };
        let written = self.offsets.iter().try_for_each(write);
        let written = written.and_then(|()| device.settle());
        if let Err(error) = &written {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, "marking the places of a disk that are read back");
        }
        let is_telling = |bytes: &Vec<u8>| written.is_ok() || !is_uniform(bytes);
        let read = |offset: &u64| self.read(device, *offset).ok().filter(is_telling);
        Before(self.offsets.iter().map(read).collect())
    }

    /// Reads the places back and compares them.
    ///
    /// # Errors
    /// When one is not as promised: the disk has ignored its erase.
    pub(super) fn check(
        &self,
        device: &dyn Device,
        promise: &Promise<'_>,
    ) -> Result<Vec<EraseSample>, MethodError> {
        let settled = device.settle();
        settled.map_err(|source| MethodError::Io {
            action: "flushing",
            offset: 0,
            source,
        })?;
        let mut samples = Vec::new();
        for (index, offset) in self.offsets.iter().copied().enumerate() {
            let bytes = self.read(device, offset)?;
            let found = promise.found(offset, &bytes);
            if !promise.is_kept(index, &bytes, found) {
                let expected = promise.words();
                return Err(MethodError::Ignored { offset, expected });
            }
            samples.push(EraseSample {
                offset_bytes: offset,
                found,
            });
        }
        Ok(samples)
    }

    fn read(&self, device: &dyn Device, offset: u64) -> Result<Vec<u8>, MethodError> {
        let mut bytes = vec![0; self.length];
        let read = device.read(offset, &mut bytes);
        read.map_err(|source| MethodError::Io {
            action: "reading back",
            offset,
            source,
        })?;
        Ok(bytes)
    }
}

impl Promise<'_> {
    fn found(&self, offset: u64, bytes: &[u8]) -> EraseFound {
        let is_all = |value: u8| bytes.iter().all(|byte| *byte == value);
        let is_random = |pattern: &Pattern| {
            let mut expected = vec![0; bytes.len()];
            pattern.read(offset, &mut expected);
            expected == bytes
        };
        match self {
            Promise::Random(pattern) if is_random(pattern) => EraseFound::Random,
            _ if is_all(0) => EraseFound::Zeroes,
            _ if is_all(0xff) => EraseFound::Ones,
            _ => EraseFound::Other,
        }
    }

    fn is_kept(&self, index: usize, bytes: &[u8], found: EraseFound) -> bool {
        match self {
            Promise::Zeroes => found == EraseFound::Zeroes,
            Promise::Ones => found == EraseFound::Ones,
            Promise::Uniform => matches!(found, EraseFound::Zeroes | EraseFound::Ones),
            Promise::Random(_) => found == EraseFound::Random,
            Promise::Altered(before) => before
                .0
                .get(index)
                .is_none_or(|before| before.as_deref() != Some(bytes)),
        }
    }

    fn words(&self) -> &'static str {
        match self {
            Promise::Zeroes => "zeroes",
            Promise::Ones => "FFh",
            Promise::Uniform => "zeroes, or FFh throughout",
            Promise::Random(_) => "the random bytes that were written to it",
            Promise::Altered(_) => "anything but what was there before",
        }
    }
}

/// What looks the same before and after an erase.
fn is_uniform(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| Some(byte) == bytes.first())
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::disk::erase::model::Model;

    fn drawn(size: u64, sector_bytes: u32, seed: u64) -> Samples {
        Samples::draw(size, sector_bytes, &mut StdRng::seed_from_u64(seed))
    }

    #[test]
    fn places_are_spread_over_the_whole_disk() {
        const SIZE: u64 = (1 << 40) + 512;
        let samples = drawn(SIZE, 512, 1);
        let offsets = &samples.offsets;
        assert_eq!(offsets.len(), 34);
        assert_eq!(
            (offsets[0], offsets[33]),
            (0, SIZE - 4096),
            "the ends are always read"
        );
        assert!(offsets.is_sorted() && offsets.iter().all(|offset| offset % 512 == 0));
        for part in 0..32 {
            let bounds = (part << 35)..((part + 1) << 35);
            let inside = offsets[1..33].iter().filter(|at| bounds.contains(*at));
            assert_eq!(inside.count(), 1, "part {part}");
        }
        assert_ne!(drawn(SIZE, 512, 2), samples);
    }

    #[test]
    fn small_disks_and_large_sectors_have_places_too() {
        for (size, sector, expected) in [(512, 512, 1), (4096, 4096, 1), (12_288, 512, 3)] {
            let samples = drawn(size, sector, 3);
            assert!(
                samples.offsets.len() <= expected,
                "{size}: {:?}",
                samples.offsets
            );
            let end = samples.offsets.last().unwrap() + samples.length_bytes();
            assert_eq!(end, size);
        }
        let large = drawn(1 << 30, 65_536, 3);
        assert_eq!(large.length_bytes(), 65_536);
        assert!(large.offsets.iter().all(|offset| offset % 65_536 == 0));
    }

    fn check(disk: &[u8], promise: &Promise<'_>, expected: Result<EraseFound, u64>) {
        let model = Model::of_bytes(disk.to_vec());
        let samples = drawn(disk.len() as u64, 512, 4);
        let found = match samples.check(&model, promise) {
            Ok(samples) => Ok(samples.last().unwrap().found),
            Err(MethodError::Ignored { offset, .. }) => Err(offset),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(found, expected, "{}", promise.words());
    }

    #[test]
    fn each_promise_is_held_against_what_is_read() {
        const LENGTH: usize = 1 << 20;
        let of = |value: u8| vec![value; LENGTH];
        let (zeroes, ones, other) = (of(0), of(0xff), of(7));
        check(&zeroes, &Promise::Zeroes, Ok(EraseFound::Zeroes));
        check(&ones, &Promise::Zeroes, Err(0));
        check(&ones, &Promise::Ones, Ok(EraseFound::Ones));
        check(&ones, &Promise::Uniform, Ok(EraseFound::Ones));
        check(&other, &Promise::Uniform, Err(0));
        let mut end = zeroes;
        end[LENGTH - 1] = 1;
        check(&end, &Promise::Zeroes, Err(LENGTH as u64 - 4096));

        let pattern = Pattern::draw();
        let mut random = of(0);
        pattern.read(0, &mut random);
        check(&random, &Promise::Random(&pattern), Ok(EraseFound::Random));
        check(&random, &Promise::Random(&Pattern::draw()), Err(0));
    }

    #[test]
    fn a_place_that_was_empty_before_tells_nothing_until_it_is_marked() {
        let model = Model::of_bytes(vec![0; 1 << 20]);
        let samples = drawn(1 << 20, 512, 5);
        let before = samples.mark(&model);
        let error = samples.check(&model, &Promise::Altered(&before));
        assert!(matches!(
            error.unwrap_err(),
            MethodError::Ignored { offset: 0, .. }
        ));
        model.fill(0);
        samples.check(&model, &Promise::Altered(&before)).unwrap();
    }
}
