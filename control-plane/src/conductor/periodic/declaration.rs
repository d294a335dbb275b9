//! What a job declares: pace, filters, what it has to know before a node is looked at, limit and access.

use crate::conductor::Conductor;
use ferric_model::ids::NodeId;
use ferric_store::{FieldValue, Outline};
use std::time::Duration;

/// What a job is and which nodes it may want.
pub(in crate::conductor) struct Declaration {
    pub(super) purpose: &'static str,
    /// From one pass to the next; zero: never.
    pub(super) spacing: Duration,
    pub(super) enabled: bool,
    /// Fields that the store filters by; each matches any of its values.
    pub(super) filters: Vec<(&'static str, Vec<FieldValue>)>,
    /// Further indexed fields that the job's predicate and urgency look at.
    pub(super) extra_fields: &'static [&'static str],
    pub(super) limit: Limit,
    pub(super) access: Access,
    /// Visits at the same time.
    pub(super) width: usize,
    /// The gauge of the nodes that a pass found.
    pub(super) node_count_metric: Option<&'static str>,
}

impl Declaration {
    /// All nodes of this conductor, as many as there are, without holding them.
    pub(super) fn new(purpose: &'static str, spacing: Duration, width: usize) -> Self {
        Self {
            purpose,
            spacing,
            enabled: true,
            filters: Vec::new(),
            extra_fields: &[],
            limit: Limit::None,
            access: Access::Shared,
            width,
            node_count_metric: None,
        }
    }

    pub(super) fn runs(&self) -> bool {
        self.enabled && !self.spacing.is_zero()
    }
}

/// Visits per pass that did something; those that did nothing are not counted.
#[derive(Clone, Copy)]
pub(in crate::conductor) enum Limit {
    None,
    Nodes(usize),
    /// Worked out anew for each pass.
    Of(fn(&Conductor) -> usize),
    /// The same, from how many nodes the pass has found.
    OfFound(fn(usize) -> usize),
}

impl Limit {
    /// For a pass that has found so many nodes.
    pub(super) fn now(self, conductor: &Conductor, found: usize) -> Option<usize> {
        match self {
            Self::None => None,
            Self::Nodes(nodes) => Some(nodes),
            Self::Of(work_out) => Some(work_out(conductor)),
            Self::OfFound(work_out) => Some(work_out(found)),
        }
    }
}

/// Whether a node is held while the job looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::conductor) enum Access {
    /// The job takes the lock itself if there is something to store.
    Shared,
    Exclusive,
}

/// A node as the index shows it: nothing is decoded for it.
pub(in crate::conductor) struct Seen<'o> {
    outline: &'o Outline,
    declaration: &'o Declaration,
}

impl<'o> Seen<'o> {
    pub(super) fn new(outline: &'o Outline, declaration: &'o Declaration) -> Self {
        Self {
            outline,
            declaration,
        }
    }

    pub(super) fn node(&self) -> Option<NodeId> {
        self.outline.key.id.parse().ok()
    }

    /// A field that the declaration names.
    pub(super) fn field(&self, name: &str) -> &FieldValue {
        debug_assert!(
            self.declaration.extra_fields.contains(&name),
            "{name} is not declared"
        );
        let mut fields = self.outline.fields.iter();
        fields
            .find(|(known, _)| *known == name)
            .map_or(&FieldValue::Null, |(_, value)| value)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.field(name) {
            FieldValue::Text(text) => Some(text),
            FieldValue::Null | FieldValue::Bool(_) | FieldValue::Integer(_) => None,
        }
    }

    /// A number, or a time in microseconds.
    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        match self.field(name) {
            FieldValue::Integer(number) => Some(*number),
            FieldValue::Null | FieldValue::Bool(_) | FieldValue::Text(_) => None,
        }
    }
}
