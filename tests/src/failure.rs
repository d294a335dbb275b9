//! What of an error goes where: one line for whoever looks on, everything for the log.
//!
//! The harness attaches what it saw (events, the end of a log or console) to its errors as context of several lines; a
//! cause has one line. Nothing else tells the two apart.

use std::path::PathBuf;

/// The context of an error after which a lab's folder stays.
#[derive(Debug, thiserror::Error)]
#[error("the lab's logs are in {}", .0.display())]
pub struct Kept(pub PathBuf);

/// The causes in one line, from the outermost to the root, without what was attached to them.
pub fn one_line(error: &anyhow::Error) -> String {
    let kept = error.downcast_ref::<Kept>().map(ToString::to_string);
    let causes: Vec<String> = error
        .chain()
        .map(ToString::to_string)
        .filter(|cause| !cause.contains('\n') && Some(cause) != kept.as_ref())
        .collect();
    if causes.is_empty() {
        let root = error.root_cause().to_string();
        return root.lines().next().unwrap_or_default().to_owned();
    }
    causes.join(": ")
}
