//! Since when a route is there, and what a request of an older version is told: Ironic's controllers have several ways.

use super::routes;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::newer;
use crate::api::version::ApiVersion;
use http::{Method, StatusCode};

/// Minor versions that brought the route or more of it, lowest first.
pub(super) type Gates = &'static [(u16, Old)];

/// What an older request is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Old {
    /// 404, as of a path that does not exist.
    NoPath,
    /// 404, as of an object that does not exist.
    NoObject,
    /// 404 without a word of why.
    Hidden,
    /// 405, as of a method that the path does not have.
    NoMethod,
    /// 405, as of an object that cannot be changed.
    NoChange,
    /// 406.
    NotAcceptable,
}

/// Refuses what is newer than the request. The path is as the router has it.
pub(in crate::api) fn refuse_newer(
    method: &Method,
    path: &str,
    version: ApiVersion,
) -> ApiResult<()> {
    let mut gates = routes::gates(method, path).iter();
    let Some((since, old)) = gates.find(|(since, _)| version.0 < *since) else {
        return Ok(());
    };
    let unknown = || format!("API version {version} has no such resource: it came with 1.{since}");
    Err(match old {
        Old::NoPath => ApiError::routing(StatusCode::NOT_FOUND, unknown()),
        Old::NoObject => ApiError::not_found(unknown()),
        Old::Hidden => ApiError::not_found("the resource could not be found"),
        Old::NoMethod => ApiError::method_not_allowed(method),
        Old::NoChange => ApiError::not_changed_before(*since),
        Old::NotAcceptable => newer(&format!("the resource {}", below(path)), *since),
    })
}

/// The path below the object that it is about.
fn below(path: &str) -> &str {
    path.rsplit_once("}/").map_or(path, |(_, rest)| rest)
}

/// A version that brought a route, or more of it: method, path, minor version, and what older ones are told.
#[cfg(test)]
pub(in crate::api) type Gated = (&'static str, &'static str, u16, Old);

/// All of Ironic's API that was not there from the start.
#[cfg(test)]
pub(in crate::api) fn gated() -> impl Iterator<Item = Gated> {
    let rows = routes::TABLE.iter().zip(routes::GATES);
    rows.flat_map(|((method, path, _), gates)| {
        let gates = gates.iter();
        gates.map(move |(since, old)| (*method, *path, *since, *old))
    })
}

/// What was.
#[cfg(test)]
pub(in crate::api) fn from_the_start() -> impl Iterator<Item = (&'static str, &'static str)> {
    let rows = routes::TABLE.iter().zip(routes::GATES);
    let rows = rows.filter(|((_, path, _), gates)| gates.is_empty() && path.starts_with("/v1"));
    rows.map(|((method, path, _), _)| (*method, *path))
}
