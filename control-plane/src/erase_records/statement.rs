//! What is signed: the agent's record of one disk, and whose disk it was, who was told, when, and in the course of what.

use ferric_agent_protocol::erase::{EraseMethod, EraseOutcome, EraseRecord};
use ferric_model::ids::{NodeId, RunId};
use ferric_model::run::Activity;
use ferric_model::step::StepId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Times of the erasure are by the machine's clock, `signed_at` by the conductor's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Statement {
    pub(crate) node: Whose,
    pub(crate) conductor: String,
    pub(crate) activity: Activity,
    pub(crate) run: RunId,
    pub(crate) step: StepId,
    pub(crate) signed_at: Timestamp,
    pub(crate) erasure: EraseRecord,
}

/// The node, as it was called then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Whose {
    pub(crate) uuid: NodeId,
    pub(crate) name: Option<String>,
}

/// What became of the disk, as people say it.
pub(crate) fn outcome_in_words(outcome: &EraseOutcome) -> String {
    match outcome {
        EraseOutcome::Skipped { reason } => format!("NOT ERASED: {reason}"),
        EraseOutcome::Erased { method, .. } => method_in_words(*method),
    }
}

fn method_in_words(method: EraseMethod) -> String {
    let words = match method {
        EraseMethod::NvmeFormatCrypto => "NVMe format with cryptographic erase",
        EraseMethod::NvmeFormat => "NVMe format with user data erase",
        EraseMethod::NvmeSanitizeBlock => "NVMe sanitize, block erase",
        EraseMethod::NvmeSanitizeCrypto => "NVMe sanitize, cryptographic erase",
        EraseMethod::NvmeSanitizeOverwrite => "NVMe sanitize, overwriting",
        EraseMethod::AtaEraseEnhanced => "ATA secure erase, enhanced",
        EraseMethod::AtaErase => "ATA secure erase",
        EraseMethod::Overwrite {
            random_passes,
            zeroed,
        } => {
            let zeroes = if zeroed { ", then zeroes" } else { "" };
            return format!("overwritten by the agent: random bytes {random_passes} times{zeroes}");
        }
        EraseMethod::Metadata => "metadata only: THE DATA ARE STILL THERE",
    };
    words.to_owned()
}

/// What a disk or an agent says must not reach a terminal or a timeline as it is.
pub(crate) fn plain(text: &str) -> String {
    let letters = text.chars().map(|letter| match letter.is_control() {
        true => ' ',
        false => letter,
    });
    letters.collect()
}
