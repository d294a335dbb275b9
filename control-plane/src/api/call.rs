//! What every handler needs to know of its request, in one extractor.

use super::access::{self, Access};
use super::answers::AnswerRoom;
use super::arguments::Arguments;
use super::error::{ApiError, ApiResult};
use super::ferric::Streams;
use super::forwarded::Forwarded;
use super::links::Base;
use super::root::Resource;
use super::suffix;
use super::version::ApiVersion;
use crate::conductor::Conductor;
use crate::listener::OverTls;
use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath};
use http::request::Parts;
use http::{HeaderMap, header};
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What the handlers of one listener share.
#[derive(Clone)]
pub(super) struct Api(Arc<Shared>);

/// Whom a listener is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    Operators,
    Machines,
}

pub(super) struct Shared {
    pub(super) conductor: Conductor,
    pub(super) audience: Audience,
    /// The URL of links; from the request's host when there is none.
    public_url: Option<Base>,
    /// What this listener has.
    pub(super) resources: Vec<Resource>,
    /// Ends the streams that would otherwise never end.
    pub(super) stop: CancellationToken,
    pub(super) streams: Streams,
    pub(super) answers: AnswerRoom,
}

impl Api {
    pub(super) fn new(
        conductor: Conductor,
        audience: Audience,
        public_url: Option<&str>,
        resources: Vec<Resource>,
        stop: CancellationToken,
    ) -> Self {
        let public_url = public_url.map(Base::new);
        let http = &conductor.settings().http;
        let (streams, answers) = (Streams::new(http), AnswerRoom::new(http));
        Self(Arc::new(Shared {
            conductor,
            audience,
            public_url,
            resources,
            stop,
            streams,
            answers,
        }))
    }

    /// A UUID for an object whose client leaves the choice to us.
    pub(super) fn new_id(&self) -> Uuid {
        Uuid::new_v4()
    }

    fn base(&self, parts: &Parts) -> Base {
        self.public_url.clone().unwrap_or_else(|| {
            let header = parts.headers.get(header::HOST);
            let host = header.and_then(|host| host.to_str().ok());
            let host = host.or(parts.uri.authority().map(|authority| authority.as_str()));
            let scheme = match parts.extensions.get::<OverTls>() {
                Some(OverTls) => "https",
                None => "http",
            };
            let host = host.unwrap_or("localhost");
            Base::new(&match self.forwarded(&parts.headers) {
                Some(forwarded) => forwarded.url(scheme, host),
                None => format!("{scheme}://{host}"),
            })
        })
    }

    /// What a proxy says of the request, where there is one to be believed.
    pub(super) fn forwarded(&self, headers: &HeaderMap) -> Option<Forwarded> {
        let is_there = self.conductor.settings().parse_proxy_headers;
        is_there.then(|| Forwarded::read(headers))
    }
}

impl Deref for Api {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// A request: its version, where it came from and what it asks for beside the path.
pub(super) struct Call {
    pub(super) api: Api,
    pub(super) version: ApiVersion,
    pub(super) base: Base,
    pub(super) arguments: Arguments,
    /// The peer's address, where the listener tells it.
    pub(super) from: Option<IpAddr>,
    /// What the caller may do beyond what the route's guard has found out.
    pub(super) access: Access,
}

impl Call {
    pub(super) fn conductor(&self) -> &Conductor {
        &self.api.conductor
    }

    /// For resources that take no arguments.
    pub(super) fn no_arguments(&self) -> ApiResult<()> {
        self.arguments.allow(&[])
    }

    /// What a path names without the suffix that old versions may put behind it; to be tried after the whole name.
    pub(super) fn without_suffix<'a>(&self, ident: &'a str) -> Option<&'a str> {
        suffix::strip(self.version, ident)
    }

    /// Whatever its version knows.
    pub(super) fn read(parts: &Parts, api: &Api) -> ApiResult<Self> {
        let version = parts.extensions.get().copied();
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let access = parts.extensions.get::<Access>().cloned();
        Ok(Self {
            // The envelope has put it there; a request that came by another way is as old as can be.
            version: version.unwrap_or(ApiVersion::MIN),
            base: api.base(parts),
            arguments: Arguments::read(parts.uri.query())?,
            from: peer.map(|peer| peer.0.ip()),
            api: api.clone(),
            // The layer has put it there, unless the route is everybody's.
            access: access.unwrap_or_else(Access::unlimited),
        })
    }
}

impl FromRequestParts<Api> for Call {
    type Rejection = ApiError;

    /// Refuses what is newer than the request's version, before its body is read.
    async fn from_request_parts(parts: &mut Parts, api: &Api) -> ApiResult<Self> {
        let call = Self::read(parts, api)?;
        if let Some(path) = parts.extensions.get::<MatchedPath>() {
            access::refuse_newer(&parts.method, path.as_str(), call.version)?;
        }
        Ok(call)
    }
}
