//! How the demo fails: one line on the terminal, and all that is known in a file.

use ferric_tests::failure::{Kept, one_line};

const FILE: &str = "error.log";

/// The line: what failed, and where the logs are. The whole chain, with what is attached to it, goes to a file there.
pub(crate) fn told(error: &anyhow::Error) -> String {
    let cause = one_line(error);
    let Some(Kept(folder)) = error.downcast_ref::<Kept>() else {
        return cause;
    };
    let log = folder.join(FILE);
    match std::fs::write(&log, format!("{error:?}\n")) {
        Ok(()) => format!("{cause} (log: {})", log.display()),
        // Such as no space: the other logs are there all the same.
        Err(_) => format!("{cause} (logs: {})", folder.display()),
    }
}

/// What all have made, or the first failure with the others attached to it.
pub(crate) fn all<T>(outcomes: impl Iterator<Item = anyhow::Result<T>>) -> anyhow::Result<Vec<T>> {
    let mut made = Vec::new();
    let mut failure: Option<anyhow::Error> = None;
    for outcome in outcomes {
        failure = match (outcome, failure) {
            (Ok(one), failure) => {
                made.push(one);
                failure
            }
            (Err(error), None) => Some(error),
            (Err(error), Some(first)) => Some(first.context(format!("and also:\n{error:?}"))),
        };
    }
    failure.map_or(Ok(made), Err)
}
