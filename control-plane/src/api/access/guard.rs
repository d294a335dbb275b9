//! What stands in front of a route: which rule, and whose object it is about.

use super::who::Rule;
use super::{Access, Target, listing, rules};
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::nodes;
use crate::api::nodes::find::is_name;
use crate::auth::Caller;
use ferric_store::{FieldValue, Key, Query, Record, Table};
use uuid::Uuid;

#[derive(Clone, Copy, Debug)]
pub(super) enum Guard {
    /// Nobody is asked who they are.
    Public,
    /// About no object in particular.
    Caller(Rule),
    /// About the node that the path names; 404 where the caller may not see it.
    Node(Rule),
    /// The same; the second rule is enough where projects may do as they like with nodes of their own.
    NodeOrOwn(Rule, Rule),
    /// About something that belongs to a node; 404 where the caller may not see that.
    Held(Held, Rule),
    /// An allocation, of which whoever may not see it gets to know nothing.
    Allocation(Rule),
    Runbook(Rule),
    /// A runbook; a public one is everybody's.
    PublicRunbook(Rule),
    List(ListRules),
    /// A list of what the node has that the path names.
    NodeList(ListRules),
    /// The same of what belongs to something that belongs to a node.
    HeldList(Held, ListRules),
    /// The handler decides, by this rule and perhaps more of them, as it depends on what the request holds.
    Handler(Rule),
}

/// Those whom `all` lets may list everything, those whom `own` lets what belongs to their project.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListRules {
    pub(super) all: Rule,
    pub(super) own: Rule,
}

/// A kind of object with a field `node_uuid`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    table: Table,
    noun: &'static str,
}

impl Held {
    pub(super) const PORT: Self = Self {
        table: Table::Port,
        noun: "port",
    };
    pub(super) const PORTGROUP: Self = Self {
        table: Table::Portgroup,
        noun: "port group",
    };
    pub(super) const CONNECTOR: Self = Self {
        table: Table::VolumeConnector,
        noun: "volume connector",
    };
    pub(super) const TARGET: Self = Self {
        table: Table::VolumeTarget,
        noun: "volume target",
    };
}

impl Guard {
    /// The rules that it goes by, to be shown.
    pub(super) fn rules(&self) -> Vec<Rule> {
        match self {
            Self::Public => Vec::new(),
            Self::Caller(rule)
            | Self::Node(rule)
            | Self::Held(_, rule)
            | Self::Allocation(rule)
            | Self::Runbook(rule)
            | Self::PublicRunbook(rule)
            | Self::Handler(rule) => vec![*rule],
            Self::NodeOrOwn(rule, own) => vec![*rule, *own],
            Self::List(list) | Self::NodeList(list) | Self::HeldList(_, list) => {
                vec![list.all, list.own]
            }
        }
    }

    /// Whether the handler must ask before it may answer.
    pub(super) fn must_be_asked(&self) -> bool {
        self.is_list() || matches!(self, Self::Handler(_))
    }

    fn is_list(&self) -> bool {
        matches!(self, Self::List(_) | Self::NodeList(_) | Self::HeldList(..))
    }

    /// What the caller may do behind this guard; 403 or 404 if it does not get by. `ident` is what the path names.
    pub(super) async fn check(
        &self,
        call: &Call,
        ident: Option<&str>,
        caller: &Caller,
    ) -> ApiResult<Access> {
        let access = &call.access;
        let mut narrowed = None;
        match self {
            Self::Public | Self::Handler(_) => {}
            Self::Caller(rule) => access.check(rule, Target::NOBODYS)?,
            Self::Node(rule) => {
                let node = nodes::find::node(call, named(ident)?).await?.node;
                access.check(rule, Target::of_node(&node))?;
            }
            Self::NodeOrOwn(rule, own) => {
                let node = nodes::find::node(call, named(ident)?).await?.node;
                access.check_or_own(rule, own, Target::of_node(&node))?;
            }
            Self::Held(held, rule) => held.check(call, named(ident)?, rule).await?,
            Self::Allocation(rule) => allocation(call, named(ident)?, rule).await?,
            Self::Runbook(rule) => runbook(call, named(ident)?, rule, IfPublic::Check).await?,
            Self::PublicRunbook(rule) => {
                runbook(call, named(ident)?, rule, IfPublic::Pass).await?;
            }
            Self::List(list) => narrowed = list.narrowed(access, caller)?,
            Self::NodeList(list) => {
                nodes::find::node(call, named(ident)?).await?;
                narrowed = list.narrowed(access, caller)?;
            }
            Self::HeldList(held, list) => {
                held.check(call, named(ident)?, &rules::NODE_GET).await?;
                narrowed = list.narrowed(access, caller)?;
            }
        }
        let access = access.afresh(narrowed);
        if self.is_list() {
            listing::ask_ahead(call, &access).await?;
        }
        Ok(access)
    }
}

fn named(ident: Option<&str>) -> ApiResult<&str> {
    ident.ok_or_else(ApiError::no_such_path)
}

impl ListRules {
    fn narrowed(&self, access: &Access, caller: &Caller) -> ApiResult<Option<String>> {
        if access.allows(&self.all, Target::NOBODYS) {
            return Ok(None);
        }
        let project = match caller {
            Caller::Known(identity) => identity.project_id(),
            Caller::Trusted { .. } => None,
        };
        let Some(project) = project else {
            return access.check(&self.all, Target::NOBODYS).map(|()| None);
        };
        access.check(&self.own, Target::NOBODYS)?;
        Ok(Some(project.to_owned()))
    }
}

impl Held {
    /// What cannot be found is the handler's to say.
    async fn check(&self, call: &Call, ident: &str, rule: &Rule) -> ApiResult<()> {
        let Some(record) = record(call, self.table, ident).await? else {
            return Ok(());
        };
        let FieldValue::Text(node) = field(&record, "node_uuid") else {
            return call.access.check(rule, Target::NOBODYS);
        };
        let found = nodes::find::lookup(call, &node).await?;
        let Some(found) = found else {
            // Of a node that is gone: it belongs to nobody, and whoever tidies up must get at it.
            let key = Key::new(Table::Node, &node);
            let is_gone = call.conductor().store().get(&key).await?.is_none();
            if is_gone && call.access.allows(rule, Target::NOBODYS) {
                return Ok(());
            }
            let noun = self.noun;
            let text = format!("{noun} {ident} could not be found");
            return Err(ApiError::not_found(text));
        };
        call.access.check(rule, Target::of_node(&found.node))
    }
}

async fn allocation(call: &Call, ident: &str, rule: &Rule) -> ApiResult<()> {
    let Some(record) = record(call, Table::Allocation, ident).await? else {
        return Ok(());
    };
    let owner = owner(&record);
    let target = Target::of_allocation(owner.as_deref());
    if !call.access.allows(&rules::ALLOCATION_GET, target) {
        let text = format!("Allocation {ident} could not be found.");
        return Err(ApiError::not_found(text));
    }
    call.access.check(rule, target)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum IfPublic {
    Pass,
    Check,
}

async fn runbook(call: &Call, ident: &str, rule: &Rule, if_public: IfPublic) -> ApiResult<()> {
    let Some(record) = record(call, Table::Runbook, ident).await? else {
        // Whoever may not see any does not learn which there are.
        return call.access.check(&rules::RUNBOOK_LIST, Target::NOBODYS);
    };
    if if_public == IfPublic::Pass && field(&record, "public") == FieldValue::Bool(true) {
        return Ok(());
    }
    let owner = owner(&record);
    call.access
        .check(rule, Target::of_runbook(owner.as_deref()))
}

/// By UUID, or by name where the table has names.
async fn record(call: &Call, table: Table, ident: &str) -> ApiResult<Option<Record>> {
    let idents = [Some(ident), call.without_suffix(ident)];
    for ident in idents.into_iter().flatten() {
        let store = call.conductor().store();
        let record = if let Ok(id) = ident.parse::<Uuid>() {
            store.get(&Key::new(table, id)).await?
        } else if is_name(ident) && table.fields().contains(&"name") {
            let name = FieldValue::Text(ident.to_owned());
            let mut query = Query::all(table).filter("name", vec![name]);
            query.limit = 1;
            store.page(&query).await?.records.pop()
        } else {
            None
        };
        if record.is_some() {
            return Ok(record);
        }
    }
    Ok(None)
}

fn owner(record: &Record) -> Option<String> {
    match field(record, "owner") {
        FieldValue::Text(owner) => Some(owner),
        FieldValue::Null | FieldValue::Bool(_) | FieldValue::Integer(_) => None,
    }
}

fn field(record: &Record, name: &str) -> FieldValue {
    let mut fields = record.fields.iter();
    let found = fields.find(|(field, _)| *field == name);
    found.map_or(FieldValue::Null, |(_, value)| value.clone())
}
