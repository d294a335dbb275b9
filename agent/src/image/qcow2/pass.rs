//! The one pass over the file: each piece of data is written to its place in the guest as it comes by.

use std::io::{self, Read};

use super::cluster::Decompressor;
use super::header::{Header, Qcow2Error};
use super::map::{Content, Piece, ZeroRun};
use super::watch::{Watch, Watched};
use super::window::Window;
use crate::image::target::{Target, TargetError};

/// Neighbouring plain clusters are written together, up to this much.
const CHUNK_BYTES: u64 = 1 << 20;

#[derive(Debug, thiserror::Error)]
pub(crate) enum PassError {
    #[error(transparent)]
    Format(#[from] Qcow2Error),
    #[error(transparent)]
    Read(#[from] io::Error),
    #[error(transparent)]
    Write(#[from] TargetError),
}

/// Writes all data of the image and reads the stream to its end. Gives the stream back.
pub(crate) fn write_clusters<R: Read>(
    header: &Header,
    pieces: &[Piece],
    watches: Vec<Watch>,
    stream: R,
    target: &mut Target,
) -> Result<R, PassError> {
    let mut pass = Pass {
        header,
        window: Window::new(Watched::new(stream, watches)),
        decompressor: Decompressor::new(header.compression)?,
        cluster: vec![0; index(header.cluster_bytes())],
        target,
    };
    for piece in pieces {
        pass.write_piece(piece)?;
    }
    let (stream, agrees) = pass.window.drain()?.finish();
    if agrees {
        Ok(stream)
    } else {
        Err(Qcow2Error::MetadataChanged.into())
    }
}

/// Makes everything that the image has no data for read as zero.
pub(crate) fn write_zeroes(
    header: &Header,
    zeros: &[ZeroRun],
    target: &mut Target,
) -> Result<(), TargetError> {
    for run in zeros {
        let offset = u64::from(run.guest_cluster) * header.cluster_bytes();
        let length = u64::from(run.clusters) * header.cluster_bytes();
        target.zero(offset, length.min(header.virtual_size - offset))?;
    }
    Ok(())
}

struct Pass<'a, R> {
    header: &'a Header,
    window: Window<Watched<R>>,
    decompressor: Decompressor,
    /// Room for one decompressed cluster.
    cluster: Vec<u8>,
    target: &'a mut Target,
}

impl<R: Read> Pass<'_, R> {
    fn write_piece(&mut self, piece: &Piece) -> Result<(), PassError> {
        let guest = u64::from(piece.guest_cluster) * self.header.cluster_bytes();
        match piece.content() {
            Content::Plain { clusters } => self.write_plain(
                piece.offset(),
                guest,
                u64::from(clusters) * self.header.cluster_bytes(),
            ),
            Content::Compressed { bytes } => {
                self.write_compressed(piece.offset(), guest, bytes as usize)
            }
        }
    }

    /// The last cluster of the image may reach beyond the guest's end; nothing of that part is written.
    fn write_plain(&mut self, offset: u64, guest: u64, length: u64) -> Result<(), PassError> {
        let guest_length = length.min(self.header.virtual_size - guest);
        let mut done = 0;
        while done < guest_length {
            let step = CHUNK_BYTES.min(length - done);
            let bytes = self.window.take(offset + done, index(step))?;
            let found = bytes.len() as u64;
            // Only the last cluster of the file may be cut short; what is missing of it is zero, as in QEMU.
            if step - found >= self.header.cluster_bytes() {
                return Err(Qcow2Error::FileTooShort(offset + done + found).into());
            }
            let room = step.min(guest_length - done);
            let inside = found.min(room);
            self.target.write(guest + done, &bytes[..index(inside)])?;
            self.target.zero(guest + done + inside, room - inside)?;
            done += step;
        }
        Ok(())
    }

    fn write_compressed(
        &mut self,
        offset: u64,
        guest: u64,
        length: usize,
    ) -> Result<(), PassError> {
        let input = self.window.take(offset, length)?;
        let failed = Qcow2Error::Compressed(offset);
        self.decompressor
            .decompress(input, &mut self.cluster)
            .ok_or(failed)?;
        let inside = self
            .header
            .cluster_bytes()
            .min(self.header.virtual_size - guest);
        Ok(self.target.write(guest, &self.cluster[..index(inside)])?)
    }
}

fn index(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
