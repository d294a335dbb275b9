//! What is accepted now and done later: by what right, and for whom it was asked.

use super::who::Rule;
use super::{Access, Target};
use crate::api::error::ApiResult;
use crate::auth::{Caller, Scope};
use ferric_model::bulk::Mandate;

impl Access {
    /// By what right something is done to a node later, whose owner and lessee may have changed by then. `may` says
    /// whether it may be done now to a node with these.
    pub(in crate::api) fn mandate(&self, may: impl Fn(Target<'_>) -> bool) -> Mandate {
        if may(Target::NOBODYS) {
            return Mandate::Anything;
        }
        let project = self.project().unwrap_or_default();
        let is_one = !project.is_empty();
        Mandate::OfProject {
            as_owner: is_one && may(Target::owned_by(Some(project))),
            as_lessee: is_one && may(Target::lent_to(project)),
            project: project.to_owned(),
        }
    }

    /// The project that is asked for; `None`: the system, or nobody was asked who they are.
    pub(in crate::api) fn project(&self) -> Option<&str> {
        match &self.0.caller {
            Caller::Known(identity) if identity.scope == Scope::Project => identity.project_id(),
            Caller::Known(_) | Caller::Trusted { .. } => None,
        }
    }

    /// Whether one of the two lets the caller: the second one counts where projects may do as they like with nodes of
    /// their own.
    pub(in crate::api) fn allows_or_own(
        &self,
        rule: &Rule,
        own: &Rule,
        target: Target<'_>,
    ) -> bool {
        let may_own = self.0.rbac.project_admin_can_manage_own_nodes;
        (may_own && self.allows(own, target)) || self.allows(rule, target)
    }

    /// 403 unless it does.
    pub(in crate::api) fn check_or_own(
        &self,
        rule: &Rule,
        own: &Rule,
        target: Target<'_>,
    ) -> ApiResult<()> {
        match self.allows_or_own(rule, own, target) {
            true => Ok(()),
            false => self.check(rule, target),
        }
    }
}
