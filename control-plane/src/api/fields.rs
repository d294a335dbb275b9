//! One table per resource says since which version a field exists and who writes it; it drives what is shown and
//! what is refused.

use super::error::{ApiError, ApiResult};
use super::shape::Shape;
use super::version::ApiVersion;

/// A line of such a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: &'static str,
    /// The minor version that it came with.
    pub(super) since: u16,
    pub(super) write: Write,
    pub(super) pick: Pick,
    pub(super) shape: Shape,
}

/// Who writes a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// The conductor, or a sub-resource.
    Never,
    /// POST.
    Create,
    /// PATCH.
    Patch,
    /// POST and PATCH.
    Both,
}

/// Whether `fields=` may name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pick {
    Yes,
    /// It comes with the whole object only.
    No,
    /// It comes always, and may be named as well.
    Always,
    /// It comes always, and may not be named.
    Silent,
}

impl Field {
    pub(super) const fn new(name: &'static str, since: u16, write: Write, shape: Shape) -> Self {
        Self {
            name,
            since,
            write,
            pick: Pick::Yes,
            shape,
        }
    }

    pub(super) const fn pick(mut self, pick: Pick) -> Self {
        self.pick = pick;
        self
    }

    pub(super) fn exists_in(&self, version: ApiVersion) -> bool {
        self.since <= version.0
    }

    /// The line as people read it.
    #[cfg(test)]
    pub(super) fn line(&self) -> String {
        let (write, pick) = (format!("{:?}", self.write), format!("{:?}", self.pick));
        let since = format!("1.{}", self.since);
        format!("{:32}{since:7}{write:8}{pick:8}{:?}", self.name, self.shape)
    }

    pub(super) fn writable_by_post(&self) -> bool {
        matches!(self.write, Write::Create | Write::Both)
    }

    pub(super) fn writable_by_patch(&self) -> bool {
        matches!(self.write, Write::Patch | Write::Both)
    }
}

/// The line of a field.
pub(super) fn find(table: &'static [Field], name: &str) -> Option<&'static Field> {
    table.iter().find(|field| field.name == name)
}

/// 406 with the version that is needed.
pub(super) fn newer(what: &str, since: u16) -> ApiError {
    ApiError::not_acceptable(format!("{what} needs API version 1.{since} or newer"))
}

/// 406 unless the request's version has it.
pub(super) fn need(version: ApiVersion, since: u16, what: &str) -> ApiResult<()> {
    if version.0 < since {
        return Err(newer(what, since));
    }
    Ok(())
}
