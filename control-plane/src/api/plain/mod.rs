//! Port groups, chassis, volume connectors and volume targets: documents with nothing going on in them. They are handled
//! by the same code (`reading`, `writing`); what differs is in the file of each.

mod chassis;
mod connector;
mod portgroup;
mod reading;
mod target;
mod volume;
mod writing;

pub(super) use chassis::{RESOURCE as CHASSIS, exists as chassis_exists};
pub(super) use portgroup::RESOURCE as PORTGROUPS;
pub(super) use reading::find;
pub(super) use volume::RESOURCE as VOLUME;

use super::access::Rule;
use super::call::{Api, Call};
use super::error::{ApiError, ApiResult};
use super::fields::Field;
use super::patch::Patch;
use crate::conductor::Plain;
use axum::routing::{MethodRouter, get};
use ferric_model::ids::NodeId;
use ferric_store::Query;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

/// The tables of their fields.
pub(super) mod tables {
    pub(in crate::api) use super::chassis::TABLE as CHASSIS;
    pub(in crate::api) use super::connector::TABLE as CONNECTOR;
    pub(in crate::api) use super::portgroup::TABLE as PORTGROUP;
    pub(in crate::api) use super::target::TABLE as TARGET;
}

/// A kind of such a document as a resource.
trait Resource: Plain {
    /// Its place under `/v1`.
    const PATH: &'static str;
    /// The key of its lists.
    const LIST: &'static str;
    /// Since when lists take `detail`.
    const DETAIL_SINCE: u16;
    const TABLE_OF_FIELDS: &'static [Field];
    /// What a list shows of each one unless it is asked for more.
    const BRIEF: &'static [&'static str];
    /// Keys by which its lists are filtered.
    const FILTERS: &'static [&'static str];
    /// Whether a name may stand in the place of the UUID.
    const NAMED: bool;
    /// Who may hang a new one on a node, and who may move one to it.
    const CREATE: Rule;
    const UPDATE: Rule;

    /// A new one of which nothing is said but the node that it hangs on, where it hangs on one.
    fn blank(id: Uuid, node: Option<NodeId>, at: Timestamp) -> Self;

    /// What a field may be beyond its form.
    fn check(field: &Field, value: Value) -> ApiResult<Value>;

    /// Whether it stays as it is while its node is inspected, for versions that know of the wait in it.
    const HELD_BY_INSPECTION: bool = false;

    /// What a patch may not do beyond what its fields say.
    fn check_patch(_patch: &Patch) -> ApiResult<()> {
        Ok(())
    }

    /// The value of a field that is not shown as it is stored.
    fn shown(&self, field: &Field, call: &Call) -> Option<Value>;

    /// The query with the filters of the request, and with the node in whose path it is.
    fn filtered(
        call: &Call,
        node: Option<&str>,
        query: Query,
    ) -> impl Future<Output = ApiResult<Query>> + Send;
}

fn collection<R: Resource>() -> MethodRouter<Api> {
    get(reading::list::<R>).post(writing::create::<R>)
}

fn item<R: Resource>() -> MethodRouter<Api> {
    get(reading::show_one::<R>)
        .patch(writing::update::<R>)
        .delete(writing::destroy::<R>)
}

#[expect(
    private_bounds,
    reason = "the kinds are known in this folder only, and named outside"
)]
pub(super) fn not_found<R: Resource>(ident: &str) -> ApiError {
    ApiError::not_found(format!("{} {ident} could not be found", R::NOUN))
}
