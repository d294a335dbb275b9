//! How many nodes came and went, counted since the start. How many there are is asked of the store.

use std::sync::atomic::{AtomicU64, Ordering};

/// Nodes that changed hands by this conductor's doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnershipFigures {
    /// From conductors that were gone, and from nobody.
    pub taken_over: u64,
    /// To conductors that are alive.
    pub handed_over: u64,
}

#[derive(Debug, Default)]
pub(super) struct Figures {
    taken_over: AtomicU64,
    handed_over: AtomicU64,
}

impl Figures {
    pub(super) fn took_over(&self, nodes: usize) {
        let nodes = u64::try_from(nodes).unwrap_or(u64::MAX);
        self.taken_over.fetch_add(nodes, Ordering::Relaxed);
    }

    pub(super) fn handed_over(&self) {
        self.handed_over.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn all(&self) -> OwnershipFigures {
        OwnershipFigures {
            taken_over: self.taken_over.load(Ordering::Relaxed),
            handed_over: self.handed_over.load(Ordering::Relaxed),
        }
    }
}
