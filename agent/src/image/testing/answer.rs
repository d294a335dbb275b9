//! What the server reads, and what it says.

use std::io::{BufRead, BufReader, Read};

use super::server::{Plan, State};

pub(super) struct Request {
    pub(super) path: String,
    pub(super) range: Option<String>,
    if_range: Option<String>,
    pub(super) authorization: Option<String>,
}

pub(super) fn read_request(connection: &mut impl Read) -> Option<Request> {
    let mut lines = BufReader::new(connection).lines();
    let target = lines.next()?.ok()?.split(' ').nth(1)?.to_owned();
    // A proxy is asked for whole URLs.
    let path = match target.strip_prefix("http://") {
        Some(rest) => rest.split_once('/').map(|(_, path)| format!("/{path}"))?,
        None => target,
    };
    let mut request = Request {
        path,
        range: None,
        if_range: None,
        authorization: None,
    };
    for line in lines {
        let line = line.ok()?;
        let Some((name, value)) = line.split_once(": ") else {
            break;
        };
        let field = match name.to_ascii_lowercase().as_str() {
            "range" => &mut request.range,
            "if-range" => &mut request.if_range,
            "authorization" => &mut request.authorization,
            _ => continue,
        };
        *field = Some(value.to_owned());
    }
    Some(request)
}

pub(super) fn answer(state: &State, request: &Request, plan: Plan) -> (String, Vec<u8>) {
    let status = |code: u16| {
        (
            format!("HTTP/1.1 {code} Planned\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
            Vec::new(),
        )
    };
    if let Plan::Status(code) = plan {
        return status(code);
    }
    let is_stream = request
        .range
        .as_ref()
        .is_none_or(|range| range.ends_with('-'));
    let file = state.streams.get(&request.path).filter(|_| is_stream);
    let Some(file) = file.or_else(|| state.files.get(&request.path)) else {
        return status(404);
    };
    let etag = state.etag.clone().unwrap_or_default();
    let is_current = request
        .if_range
        .as_ref()
        .is_none_or(|wanted| *wanted == etag);
    let range = request
        .range
        .as_deref()
        .filter(|_| !state.no_ranges && is_current)
        .and_then(parse_range);
    let mut head = String::new();
    let mut body = match range {
        Some((first, _)) if first >= file.len() => return status(416),
        Some((first, last)) => {
            let end = last.map_or(file.len(), |last| (last + 1).min(file.len()));
            head += &format!(
                "HTTP/1.1 206 Partial\r\nContent-Range: bytes {first}-{}/{}\r\n",
                end - 1,
                file.len()
            );
            file[first..end].to_vec()
        }
        None => {
            head += "HTTP/1.1 200 OK\r\n";
            file.to_vec()
        }
    };
    if !state.no_length {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    head += &format!("ETag: {etag}\r\nConnection: close\r\n\r\n");
    if let Plan::CutAfter(bytes) | Plan::SlowlyCutAfter(bytes) | Plan::StallAfter(bytes) = plan {
        body.truncate(bytes);
    }
    (head, body)
}

fn parse_range(range: &str) -> Option<(usize, Option<usize>)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()))
}
