//! Every operation of the operators' listener, in tables.

mod ferric;
mod nodes;
mod resources;

use super::parameters::{self, Set};

/// A line of a table. `body` and `answer` name schemas.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) ok: u16,
    /// The same answer while some of it is still to be done.
    pub(super) unfinished: Option<u16>,
    pub(super) summary: &'static str,
    pub(super) body: Option<&'static str>,
    pub(super) answer: Option<&'static str>,
    pub(super) query: &'static [Set],
}

/// What a request may be answered that is not done.
const ALWAYS: [(u16, &str); 7] = [
    (400, "The request is wrong."),
    (401, "It is not known who asks."),
    (403, "It may not be done."),
    (404, "There is no such object."),
    (406, "The version is not served, or does not have this."),
    (
        503,
        "There is no room for it now; Retry-After says when to come back.",
    ),
    (
        504,
        "Another conductor was given the request and did not answer: it may have been done.",
    ),
];
const OF_WRITES: [(u16, &str); 3] = [
    (408, "The body did not come in time."),
    (409, "Somebody else works on the object, or has changed it."),
    (413, "The body is too large."),
];

impl Operation {
    pub(super) fn refusals(&self) -> impl Iterator<Item = (u16, &'static str)> {
        let writes: &[_] = if self.method == "get" {
            &[]
        } else {
            &OF_WRITES
        };
        ALWAYS.iter().chain(writes).copied()
    }

    const fn body(self, body: &'static str) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }

    const fn or_unfinished(self, status: u16) -> Self {
        Self {
            unfinished: Some(status),
            ..self
        }
    }

    const fn query(self, query: &'static [Set]) -> Self {
        Self { query, ..self }
    }

    const fn answer(self, answer: &'static str) -> Self {
        Self {
            answer: Some(answer),
            ..self
        }
    }
}

const fn op(method: &'static str, path: &'static str, ok: u16, summary: &'static str) -> Operation {
    Operation {
        method,
        path,
        ok,
        unfinished: None,
        summary,
        body: None,
        answer: None,
        query: &[],
    }
}

const fn get(path: &'static str, answer: &'static str, summary: &'static str) -> Operation {
    op("get", path, 200, summary).answer(answer)
}

/// An object of a resource, of which some fields can be asked for.
const fn show(path: &'static str, answer: &'static str, summary: &'static str) -> Operation {
    get(path, answer, summary).query(parameters::FIELDS)
}

/// A new object of a resource.
const fn create(
    path: &'static str,
    body: &'static str,
    answer: &'static str,
    summary: &'static str,
) -> Operation {
    post(path, 201, summary).body(body).answer(answer)
}

const fn post(path: &'static str, ok: u16, summary: &'static str) -> Operation {
    op("post", path, ok, summary)
}

const fn put(path: &'static str, ok: u16, summary: &'static str) -> Operation {
    op("put", path, ok, summary)
}

const fn patch(path: &'static str, answer: &'static str, summary: &'static str) -> Operation {
    op("patch", path, 200, summary).body("Patch").answer(answer)
}

const fn delete(path: &'static str, summary: &'static str) -> Operation {
    op("delete", path, 204, summary)
}

/// All of them, in the order of the document.
pub(super) fn all() -> impl Iterator<Item = &'static Operation> {
    let tables = [nodes::OPERATIONS, resources::OPERATIONS, ferric::OPERATIONS];
    tables.into_iter().flatten()
}
