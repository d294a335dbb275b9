//! Changing a resource under its entity tag, with BMCs that get tags wrong.

use serde_json::Value;

use super::Bmc;
use super::exchange::Request;
use super::resource::Resource;
use crate::BmcError;

/// Changes a resource. When the BMC says that the resource has changed since (412), the resource is read again; when it
/// still says so, it compares tags wrongly, and gets the tag without its weakness mark, then no tag at all.
pub(crate) async fn patch(bmc: &Bmc, resource: &Resource, body: &Value) -> Result<(), BmcError> {
    let refused = match send(bmc, &resource.path, body, resource.etag()).await {
        Err(error) if is_about_tags(&error) => error,
        other => return other,
    };
    let fresh = bmc.get(&resource.path).await?;
    let strong = fresh.etag().map(|etag| etag.trim_start_matches("W/"));
    // A BMC that gives no tag but demands one takes any.
    let first = strong.or(Some("*"));
    let mut last = refused;
    for etag in [fresh.etag().or(first), first, None] {
        match send(bmc, &resource.path, body, etag).await {
            Err(error) if is_about_tags(&error) => last = error,
            other => return other,
        }
    }
    Err(last)
}

async fn send(bmc: &Bmc, path: &str, body: &Value, etag: Option<&str>) -> Result<(), BmcError> {
    bmc.send(&Request::patch(path, body, etag)).await.map(drop)
}

/// 412: the tag does not match; 428: a tag is demanded.
fn is_about_tags(error: &BmcError) -> bool {
    matches!(
        error,
        BmcError::Refused {
            status: 412 | 428,
            ..
        }
    )
}

/// Whether the BMC has nothing against us, but against what the body says, so that another body may do.
pub(crate) fn is_about_body(error: &BmcError) -> bool {
    matches!(
        error,
        BmcError::Refused {
            status: 400 | 404 | 405 | 409 | 422 | 501,
            ..
        }
    )
}
