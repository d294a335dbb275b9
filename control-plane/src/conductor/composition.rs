//! Which steps a run is made of: what `flows` composes by pure functions, with what the store, the settings and the
//! driver have to say. Nothing is written here.

use super::Conductor;
use super::flows::{self, Child, Composed, InBand, Offer, Rules};
use super::requests::{ProvisionRequest, Ramdisk, RequestError, RequestedStep};
use crate::config::StepSource;
use ferric_drivers::{Drivers, StepFlow};
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_model::recipe::{DeployTemplate, Runbook};
use ferric_model::run::Activity;
use ferric_model::step::Step;
use ferric_model::verb::Verb;
use ferric_store::{FieldValue, Query, Table};
use serde_json::{Value, json};

/// Where a node may name its runbook.
const RUNBOOK_OF_NODE: &str = "cleaning_runbook";

impl Conductor {
    /// What the node's driver can do out of band in this activity.
    pub(super) fn offers(
        &self,
        node: &Node,
        activity: Activity,
    ) -> Result<Vec<Offer>, RequestError> {
        let flow = match activity {
            Activity::Verify => StepFlow::Verify,
            Activity::Clean | Activity::ManualClean => StepFlow::Clean,
            Activity::Deploy | Activity::Rebuild => StepFlow::Deploy,
            Activity::Service => StepFlow::Service,
            Activity::Inspect
            | Activity::Delete
            | Activity::Adopt
            | Activity::Rescue
            | Activity::Unrescue => return Ok(Vec::new()),
        };
        let interfaces = self.interfaces(node).map_err(invalid)?;
        let steps = Drivers::steps(&interfaces);
        let offers = steps.iter().filter_map(|step| Offer::of_driver(step, flow));
        // Where no ramdisk is ever booted, none is waited for: the BMC does its part alone.
        let has_ramdisk = flows::is_real(node, activity);
        let offers = offers.map(|offer| Offer {
            requires_ramdisk: offer.requires_ramdisk && has_ramdisk,
            ..offer
        });
        Ok(offers.collect())
    }

    /// Verifying: the same for every node of a driver.
    pub(super) fn verify_steps(&self, node: &Node) -> Result<Vec<Step>, RequestError> {
        let offers = self.offers(node, Activity::Verify)?;
        Ok(flows::verify(&offers, &self.settings().steps))
    }

    /// A deploy with what its templates and the client want of it.
    pub(super) async fn deploy_steps(
        &self,
        node: &Node,
        activity: Activity,
        requested: &[RequestedStep],
    ) -> Result<Composed, RequestError> {
        let templates = self.templates_of(node).await?;
        let (offers, children) = (
            self.offers(node, activity)?,
            self.children_of(node, activity).await?,
        );
        let rules = Rules {
            offers: &offers,
            children: &children,
            denied: &self.settings().steps.disallow_deploy_steps,
            denied_by: "disallow_deploy_steps",
            in_band: in_band(node, activity, Ramdisk::Boot),
        };
        flows::compose_deploy(node, &rules, &templates, requested).map_err(invalid)
    }

    /// The steps of a request for manual cleaning or service, without those around them.
    pub(super) async fn listed_steps(
        &self,
        node: &Node,
        activity: Activity,
        request: &ProvisionRequest,
    ) -> Result<Vec<Step>, RequestError> {
        let (offers, children) = (
            self.offers(node, activity)?,
            self.children_of(node, activity).await?,
        );
        let settings = &self.settings().steps;
        let (denied, denied_by) = match activity {
            Activity::Service => (&settings.disallow_service_steps, "disallow_service_steps"),
            _ => (&settings.disallow_clean_steps, "disallow_clean_steps"),
        };
        let rules = Rules {
            offers: &offers,
            children: &children,
            denied,
            denied_by,
            in_band: in_band(node, activity, request.ramdisk),
        };
        flows::listed(node, &rules, &request.steps, request.origin).map_err(invalid)
    }

    /// Manual cleaning, whole.
    pub(super) async fn manual_clean_steps(
        &self,
        node: &Node,
        request: &ProvisionRequest,
    ) -> Result<Composed, RequestError> {
        let activity = Activity::ManualClean;
        let listed = self.listed_steps(node, activity, request).await?;
        Ok(with_runbook(flows::clean_around(node, listed), request))
    }

    /// Service, whole.
    pub(super) async fn service_steps(
        &self,
        node: &Node,
        request: &ProvisionRequest,
    ) -> Result<Composed, RequestError> {
        let listed = self.listed_steps(node, Activity::Service, request).await?;
        Ok(with_runbook(flows::service_around(node, listed), request))
    }

    /// Automated cleaning, whole; no steps for a node that is not to be cleaned.
    pub(super) async fn automated_clean_steps(
        &self,
        node: &Node,
    ) -> Result<Composed, RequestError> {
        let configured = self.settings().conductor.automated_clean;
        if !node.automated_clean.unwrap_or(configured) {
            return Ok(Composed::of(Vec::new()));
        }
        if let Some(runbook) = self.cleaning_runbook(node).await? {
            let request = ProvisionRequest::new(Verb::Provide).with_runbook(&runbook);
            return self.manual_clean_steps(node, &request).await;
        }
        let offers = self.offers(node, Activity::Clean)?;
        Ok(Composed::of(flows::automated_clean(
            node,
            &offers,
            &self.settings().steps,
        )))
    }

    /// The runbook that automated cleaning is to follow; `None`: everything with a priority is done.
    async fn cleaning_runbook(&self, node: &Node) -> Result<Option<Runbook>, RequestError> {
        let settings = &self.settings().steps;
        if settings.automated_cleaning_step_source == StepSource::Autogenerated {
            return Ok(None);
        }
        let name = self.cleaning_runbook_name(node);
        let Some(name) = name else {
            return match settings.automated_cleaning_step_source {
                StepSource::Runbook => Err(RequestError::Invalid(format!(
                    "no runbook is set for the automated cleaning of node {}, and \
                     automated_cleaning_step_source is runbook: name one for its resource class, or use hybrid",
                    node.uuid
                ))),
                StepSource::Autogenerated | StepSource::Hybrid => Ok(None),
            };
        };
        let mut found = self.recipes_named::<Runbook>(&[&name]).await?;
        let Some(runbook) = found.pop() else {
            return Err(RequestError::Invalid(format!(
                "the runbook {name} for the automated cleaning of node {} does not exist",
                node.uuid
            )));
        };
        let allowed = runbook.is_named_by(&node.traits) || runbook.shares_trait(&node.traits);
        if settings.automated_cleaning_runbook_validate_traits && !allowed {
            return Err(RequestError::Invalid(format!(
                "the runbook {name} may not be used for the automated cleaning of node {}: give the node a trait of \
                 the runbook, or set automated_cleaning_runbook_validate_traits to false",
                node.uuid
            )));
        }
        Ok(Some(runbook))
    }

    /// The nearest one: the node's own, that of its resource class, that of everybody.
    fn cleaning_runbook_name(&self, node: &Node) -> Option<String> {
        let settings = &self.settings().steps;
        let own = node
            .driver_info
            .get(RUNBOOK_OF_NODE)
            .and_then(Value::as_str);
        let own = own.filter(|_| settings.automated_cleaning_runbook_from_node);
        let by_class = &settings.automated_cleaning_runbook_by_resource_class;
        let class = node.resource_class.as_ref();
        own.or_else(|| {
            class
                .and_then(|class| by_class.get(class))
                .map(String::as_str)
        })
        .or(settings.automated_cleaning_runbook.as_deref())
        .map(str::to_owned)
    }

    /// Those whose name the instance asks for as a trait, in the order in which it does.
    async fn templates_of(&self, node: &Node) -> Result<Vec<DeployTemplate>, RequestError> {
        let traits = node.instance_info.get("traits").and_then(Value::as_array);
        let names = traits.into_iter().flatten().filter_map(Value::as_str);
        let names: Vec<&str> = names.collect();
        let mut templates = self.recipes_named::<DeployTemplate>(&names).await?;
        templates.sort_by_key(|template| names.iter().position(|name| *name == template.name));
        Ok(templates)
    }

    async fn children_of(
        &self,
        node: &Node,
        activity: Activity,
    ) -> Result<Vec<Child>, RequestError> {
        let mut children = Vec::new();
        for child in self.child_nodes(node.uuid).await? {
            children.push(Child {
                node: child.uuid,
                offers: self.offers(&child, activity)?,
            });
        }
        Ok(children)
    }

    /// In the order of creation; a node is no child of itself.
    pub(super) async fn child_nodes(
        &self,
        parent: NodeId,
    ) -> Result<Vec<Node>, ferric_store::StoreError> {
        let id = FieldValue::Text(parent.to_string());
        let query = Query::all(Table::Node).filter("parent_node", vec![id]);
        let records = self.store().page(&query).await?.records;
        let nodes = records.iter().map(ferric_store::Record::decode::<Node>);
        let nodes: Vec<Node> = nodes.collect::<Result<_, _>>()?;
        Ok(nodes
            .into_iter()
            .filter(|node| node.uuid != parent)
            .collect())
    }
}

/// The run remembers the runbook that its steps come from.
fn with_runbook(steps: Vec<Step>, request: &ProvisionRequest) -> Composed {
    let mut composed = Composed::of(steps);
    let name = request.runbook.as_ref();
    let note = name.map(|name| (flows::RUNBOOK.to_owned(), json!(name)));
    composed.notes.extend(note);
    composed
}

fn in_band(node: &Node, activity: Activity, wanted: Ramdisk) -> InBand {
    match wanted {
        Ramdisk::Disable => InBand::Disabled,
        Ramdisk::Boot if !flows::is_real(node, activity) => InBand::Missing,
        Ramdisk::Boot => InBand::Possible,
    }
}

fn invalid(error: impl std::fmt::Display) -> RequestError {
    RequestError::Invalid(error.to_string())
}
