//! Who may do what with the operators' API: one layer in front of every route.
//!
//! `routes` names a rule for each method of each path; a method that has none does not exist, whatever the router
//! knows. `rules` is the table of rules, `who` says whom one lets. What only a handler can tell (who owns what a body
//! names, which fields it touches) it decides with [`Access`], and its answer is held back if it did not.

mod guard;
mod later;
mod layer;
mod listing;
mod patching;
mod policy;
mod routes;
pub(super) mod rules;
mod since;
mod standing;
mod steps;
#[cfg(test)]
mod tests;
mod who;

pub use layer::Gate;
pub(super) use layer::admit;
pub(super) use listing::{can_be_listed, of_visible_nodes};
pub(super) use patching::{check_node_patch, check_runbook_patch};
pub use policy::PolicyError;
pub(super) use routes::is_list;
pub(super) use since::refuse_newer;
#[cfg(test)]
pub(super) use since::{Old, from_the_start, gated};
pub(super) use standing::{Lost, Standing};
pub(super) use who::{Rule, Target};

use super::error::{ApiError, ApiResult};
use crate::auth::{Caller, Scope};
use crate::config::auth::Rbac;
use ferric_model::event::Requester;
use policy::{Answers, Policy};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The names of all rules and whom they let, one a line; below them what a file of rules says to no effect.
///
/// # Errors
/// [`PolicyError`] says what is wrong with the file.
pub fn rules_for_people(file: Option<&Path>) -> Result<String, PolicyError> {
    let policy = match file {
        Some(path) => Policy::read(Rbac::default(), path)?,
        None => Policy::new(Rbac::default()),
    };
    let lines = rules::ALL
        .iter()
        .map(|rule| format!("{}: {}\n", rule.name, policy.shown(rule)));
    let warnings = policy.warnings().iter();
    let warnings = warnings.map(|warning| format!("warning: {warning}\n"));
    Ok(lines.chain(warnings).collect())
}

/// What the caller of one request may do. Cheap to clone.
#[derive(Clone)]
pub(super) struct Access(Arc<Inner>);

struct Inner {
    caller: Caller,
    policy: Arc<Policy>,
    /// What servers have said of this request.
    answers: Answers,
    /// A list is to hold only what belongs to this project.
    narrowed: Option<String>,
    /// Whether the handler has asked for what the layer could not know.
    asked: AtomicBool,
}

impl Access {
    fn new(caller: Caller, policy: Arc<Policy>) -> Self {
        Self::of(caller, policy, Answers::default(), None)
    }

    fn of(caller: Caller, policy: Arc<Policy>, answers: Answers, narrowed: Option<String>) -> Self {
        Self(Arc::new(Inner {
            caller,
            policy,
            answers,
            narrowed,
            asked: AtomicBool::new(false),
        }))
    }

    /// For the same request, of which the handler has asked nothing yet.
    fn afresh(&self, narrowed: Option<String>) -> Self {
        let Inner {
            caller,
            policy,
            answers,
            ..
        } = self.0.as_ref();
        Self::of(
            caller.clone(),
            Arc::clone(policy),
            answers.clone(),
            narrowed,
        )
    }

    /// For routes that are everybody's, such as those of machines.
    pub(super) fn unlimited() -> Self {
        let caller = Caller::Trusted { user: None };
        Self::new(caller, Arc::new(Policy::new(Rbac::default())))
    }

    pub(super) fn allows(&self, rule: &Rule, target: Target<'_>) -> bool {
        let Inner {
            caller,
            policy,
            answers,
            ..
        } = self.0.as_ref();
        rule.allows(caller, target, policy, answers)
    }

    /// 403 unless the rule lets the caller.
    pub(super) fn check(&self, rule: &Rule, target: Target<'_>) -> ApiResult<()> {
        self.0.asked.store(true, Ordering::Relaxed);
        match self.allows(rule, target) {
            true => Ok(()),
            false => Err(ApiError::forbidden(format!(
                "access is denied: {} is for {}",
                rule.name,
                self.0.policy.shown(rule)
            ))),
        }
    }

    /// Whether there is such a node for the caller at all; of all others it gets to know nothing.
    pub(super) fn sees(&self, node: Target<'_>) -> bool {
        self.allows(&rules::NODE_GET, node)
    }

    /// The project whose objects are all that a list may hold; `None`: it may hold everything.
    pub(super) fn project_of_list(&self) -> Option<&str> {
        self.0.asked.store(true, Ordering::Relaxed);
        self.0.narrowed.as_deref()
    }

    /// The owner of a new node: the caller's project, unless the caller may make nodes of anybody.
    ///
    /// 403 for who may make none, 400 for another project's.
    pub(super) fn owner_of_new_node(&self, asked: Option<String>) -> ApiResult<Option<String>> {
        self.0.asked.store(true, Ordering::Relaxed);
        let identity = match &self.0.caller {
            Caller::Known(identity) => identity,
            Caller::Trusted { .. } => return Ok(asked),
        };
        let own = self.0.policy.rbac().project_admin_can_manage_own_nodes
            && self.allows(&rules::NODE_CREATE_SELF_OWNED, Target::NOBODYS);
        if !own {
            self.check(&rules::NODE_CREATE, Target::NOBODYS)?;
            return Ok(asked);
        }
        match identity.scope {
            Scope::System => Ok(asked),
            Scope::Project => self.own_project(asked, "node").map(Some),
        }
    }

    /// The owner of a new allocation: the caller's project, unless the caller may make them for anybody.
    ///
    /// 403 for who may make none, and for another project's.
    pub(super) fn owner_of_new_allocation(
        &self,
        asked: Option<String>,
    ) -> ApiResult<Option<String>> {
        self.check(&rules::ALLOCATION_CREATE, Target::NOBODYS)?;
        let project = match &self.0.caller {
            Caller::Known(identity) if identity.scope == Scope::Project => identity.project_id(),
            Caller::Known(_) | Caller::Trusted { .. } => return Ok(asked),
        };
        if asked.is_none() {
            return Ok(project.map(str::to_owned));
        }
        if asked.as_deref() != project {
            self.check(&rules::ALLOCATION_CREATE_RESTRICTED, Target::NOBODYS)?;
        }
        Ok(asked)
    }

    /// The owner of a new runbook. 400 for another project's, and for a public one of a project.
    pub(super) fn owner_of_new_runbook(
        &self,
        asked: Option<String>,
        public: bool,
    ) -> ApiResult<Option<String>> {
        match &self.0.caller {
            Caller::Known(identity) if identity.scope == Scope::Project => {
                if public {
                    return Err(ApiError::invalid(
                        "a public runbook can be made with a token for the system only",
                    ));
                }
                self.own_project(asked, "runbook").map(Some)
            }
            Caller::Known(_) | Caller::Trusted { .. } => Ok(asked),
        }
    }

    fn own_project(&self, asked: Option<String>, what: &str) -> ApiResult<String> {
        let project = match &self.0.caller {
            Caller::Known(identity) => identity.project_id(),
            Caller::Trusted { .. } => None,
        };
        let Some(project) = project else {
            return Err(ApiError::forbidden(format!(
                "a new {what} belongs to the project of its maker, and the token is for none"
            )));
        };
        if asked.is_some_and(|asked| asked != project) {
            return Err(ApiError::invalid(format!(
                "a {what} can be made for project {project} only, which the token is for: leave its owner out"
            )));
        }
        Ok(project.to_owned())
    }

    /// For whom it is asked, where it is known: a project, or a user who acts for none.
    pub(super) fn party(&self) -> Option<String> {
        match &self.0.caller {
            Caller::Trusted { user } => user.as_ref().map(|user| format!("user {user}")),
            Caller::Known(identity) => Some(match identity.project_id() {
                Some(project) => format!("project {project}"),
                None => format!("user {}", identity.user),
            }),
        }
    }

    /// Who asks, where it is known.
    pub(super) fn requester(&self) -> Option<Requester> {
        match &self.0.caller {
            Caller::Trusted { user } => user.clone().map(|user| Requester {
                user,
                project: None,
            }),
            Caller::Known(identity) => Some(Requester {
                user: identity.user.clone(),
                project: identity.project_id().map(str::to_owned),
            }),
        }
    }

    /// Whether the handler has asked anything.
    fn was_asked(&self) -> bool {
        self.0.asked.load(Ordering::Relaxed)
    }
}
