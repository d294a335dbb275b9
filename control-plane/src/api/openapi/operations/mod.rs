//! Every operation of the operators' listener, in tables.

mod ferric;
mod nodes;
mod resources;

/// A line of a table. `body` and `answer` name schemas.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) ok: u16,
    pub(super) summary: &'static str,
    pub(super) body: Option<&'static str>,
    pub(super) answer: Option<&'static str>,
}

/// What a request may be answered that is not done.
const ALWAYS: [(u16, &str); 4] = [
    (400, "The request is wrong."),
    (404, "There is no such object."),
    (406, "The version is not served, or does not have this."),
    (
        503,
        "There is no room for it now; Retry-After says when to come back.",
    ),
];
const OF_WRITES: [(u16, &str); 5] = [
    (403, "It may not be done."),
    (408, "The body did not come in time."),
    (409, "Somebody else works on the object, or has changed it."),
    (413, "The body is too large."),
    (
        504,
        "Another conductor was given the request and did not answer: it may have been done.",
    ),
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
        summary,
        body: None,
        answer: None,
    }
}

const fn get(path: &'static str, answer: &'static str, summary: &'static str) -> Operation {
    op("get", path, 200, summary).answer(answer)
}

const fn post(path: &'static str, ok: u16, summary: &'static str) -> Operation {
    op("post", path, ok, summary).body("Any")
}

const fn put(path: &'static str, ok: u16, summary: &'static str) -> Operation {
    op("put", path, ok, summary).body("Any")
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
