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
    /// It comes always.
    Always,
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

/// Which fields a request wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Selection {
    All,
    /// Those of a list without `fields` or `detail`.
    Brief(&'static [&'static str]),
    Named(Vec<String>),
}

impl Selection {
    /// From `fields=`: 400 for a name that is none, 406 for one that is newer than the request.
    pub(super) fn named(
        table: &'static [Field],
        names: Vec<String>,
        version: ApiVersion,
    ) -> ApiResult<Self> {
        if version < ApiVersion(8) {
            return Err(newer("the argument fields", 8));
        }
        for name in &names {
            match find(table, name).filter(|field| field.pick == Pick::Yes) {
                None => {
                    return Err(ApiError::invalid(format!(
                        "{name} is not a field that can be asked for"
                    )));
                }
                Some(field) if !field.exists_in(version) => {
                    return Err(newer(&format!("the field {name}"), field.since));
                }
                Some(_) => {}
            }
        }
        Ok(Self::Named(names))
    }

    pub(super) fn shows(&self, field: &Field, version: ApiVersion) -> bool {
        let wanted = match self {
            Self::All => true,
            Self::Brief(names) => names.contains(&field.name),
            Self::Named(names) => names.iter().any(|name| name == field.name),
        };
        field.exists_in(version) && (wanted || field.pick == Pick::Always)
    }
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
