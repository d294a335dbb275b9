//! What goes over the socket: the name of a job on a line, and back frames of a kind, a length and content.

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Those that are sent are as long as a batch of documents.
const LONGEST: u32 = 512 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// For people.
    Line,
    /// Of the backup.
    Bytes,
    /// The job is done; the last frame.
    Fine,
    /// It is done, and found something wrong; the last frame.
    Wrong,
    /// It is not done, and why; the last frame.
    Failed,
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::Line,
        Self::Bytes,
        Self::Fine,
        Self::Wrong,
        Self::Failed,
    ];

    const fn letter(self) -> u8 {
        match self {
            Self::Line => b'L',
            Self::Bytes => b'B',
            Self::Fine => b'F',
            Self::Wrong => b'W',
            Self::Failed => b'E',
        }
    }
}

pub(super) async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    kind: Kind,
    content: &[u8],
) -> io::Result<()> {
    let length = u32::try_from(content.len()).map_err(io::Error::other)?;
    stream.write_u8(kind.letter()).await?;
    stream.write_u32(length).await?;
    stream.write_all(content).await
}

pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<(Kind, Vec<u8>)> {
    let letter = stream.read_u8().await?;
    let length = stream.read_u32().await?;
    let mut kinds = Kind::ALL.into_iter();
    let kind = kinds.find(|kind| kind.letter() == letter);
    let Some(kind) = kind.filter(|_| length <= LONGEST) else {
        return Err(io::Error::other("the answer is not one of ferric"));
    };
    let mut content = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    stream.read_exact(&mut content).await?;
    Ok((kind, content))
}
