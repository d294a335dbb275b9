//! Reading files of records, a line at a time, so that an export of any size takes little memory.

use super::record::{Header, Record};
use super::sink::Sink;
use anyhow::{Context, bail};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Longer than the longest record that the API takes.
const LONGEST_LINE_BYTES: u64 = 64 << 20;

pub(super) async fn read(path: &Path, sink: &mut Sink) -> anyhow::Result<()> {
    let mut lines = BufReader::new(open(path)?);
    let mut number = 0_u64;
    while let Some(line) = next(&mut lines)
        .with_context(|| format!("reading line {} of {}", number + 1, path.display()))?
    {
        number += 1;
        if number == 1 {
            sink.begin(Header::parse(&line)?)?;
        } else if !line.trim().is_empty() {
            let record: Record = serde_json::from_str(&line)
                .with_context(|| format!("reading line {number} of {}", path.display()))?;
            sink.take(record).await?;
        }
    }
    if number == 0 {
        bail!("{} is empty", path.display());
    }
    Ok(())
}

/// All of a file of secrets.
pub(super) fn whole(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = open(path)?.read_to_string(&mut text);
    read.with_context(|| format!("reading {}", path.display()))?;
    Ok(text)
}

fn open(path: &Path) -> anyhow::Result<Box<dyn Read + Send>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    Ok(Box::new(file))
}

fn next(lines: &mut impl BufRead) -> anyhow::Result<Option<String>> {
    let mut line = String::new();
    let length = lines.take(LONGEST_LINE_BYTES).read_line(&mut line)?;
    if length as u64 == LONGEST_LINE_BYTES {
        bail!("it is longer than {LONGEST_LINE_BYTES} bytes");
    }
    Ok((length > 0).then_some(line))
}
