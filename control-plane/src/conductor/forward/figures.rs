//! What became of the calls that were handed to other conductors, for whoever asks: counted since the start.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;

/// Calls handed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForwardFigures {
    pub made: u64,
    /// Done or refused by the owner.
    pub answered: u64,
    /// By [`Failed::name`].
    pub failed: BTreeMap<&'static str, u64>,
    /// All of them together, until their answer or failure.
    pub took: Duration,
}

/// Why a call came to nothing, or may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// Nothing was sent.
    NotReached,
    /// It was sent: nobody knows what became of it.
    Unanswered,
    /// The other one has lost the node.
    NotOwner,
    /// The other one is of an older version.
    NotUnderstood,
    /// What the other one answered cannot be read.
    Unreadable,
}

impl Failed {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NotReached => "not_reached",
            Self::Unanswered => "unanswered",
            Self::NotOwner => "not_owner",
            Self::NotUnderstood => "not_understood",
            Self::Unreadable => "unreadable",
        }
    }
}

#[derive(Debug, Default)]
pub(in crate::conductor) struct Figures(Mutex<ForwardFigures>);

impl Figures {
    pub(super) fn note(&self, outcome: Result<(), Failed>, took: Duration) {
        let mut figures = self.0.lock();
        figures.made += 1;
        figures.took += took;
        match outcome {
            Ok(()) => figures.answered += 1,
            Err(failed) => *figures.failed.entry(failed.name()).or_default() += 1,
        }
    }

    pub(in crate::conductor) fn all(&self) -> ForwardFigures {
        self.0.lock().clone()
    }
}
