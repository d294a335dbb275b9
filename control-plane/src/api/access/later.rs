//! What is accepted now and done later: by what right, and for whom it was asked.

use super::who::Rule;
use super::{Access, Target};
use crate::api::error::ApiResult;
use crate::auth::{Caller, Scope};
use ferric_model::bulk::Mandate;

/// A project that no rule and no token names.
const SOME_PROJECT: &str = "-";

impl Access {
    /// By what right something is done to a node later, whose owner and lessee may have changed by then. `may` says
    /// whether it may be done now to a node with these.
    ///
    /// A rule of a file may refuse what belongs to somebody: so it must hold for whomever else a node may belong to.
    pub(in crate::api) fn mandate(&self, may: impl Fn(Target<'_>) -> bool) -> Mandate {
        let project = self.project().unwrap_or_default();
        let own = Some(project).filter(|project| !project.is_empty());
        let others = self.possible_projects();
        let may =
            |owner: Option<&str>, lessee: Option<&str>| may(Target::of_projects(owner, lessee));
        let of_all = |may: &dyn Fn(Option<&str>) -> bool| others.iter().all(|one| may(*one));
        if of_all(&|owner| of_all(&|lessee| may(owner, lessee))) {
            return Mandate::Anything;
        }
        Mandate::OfProject {
            as_owner: own.is_some() && of_all(&|lessee| may(own, lessee)),
            as_lessee: own.is_some() && of_all(&|owner| may(owner, own)),
            project: project.to_owned(),
        }
    }

    /// Whom a node may belong to, as far as rules make a difference: nobody, some project, the caller's own, and those
    /// that rules of a file name.
    fn possible_projects(&self) -> Vec<Option<&str>> {
        let mut projects = vec![None, Some(SOME_PROJECT)];
        if let Caller::Known(identity) = &self.0.caller {
            projects.extend([identity.project_id(), Some(identity.user.as_str())]);
        }
        projects.extend(self.0.policy.constants().map(Some));
        projects
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
        let may_own = self.0.policy.rbac().project_admin_can_manage_own_nodes;
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
