//! Stories with real virtual machines. One at a time: see `.config/nextest.toml`.

mod agent_vm;
mod big_image;
mod conductor_restart;
mod dial_out;
mod failures;
mod ironic_agent;

use ferric_tests::lab::Lab;
use ferric_tests::node::Node;
use serde_json::json;
use std::time::Duration;

/// A cause must be on the node within this time.
const TWO_MINUTES: Duration = Duration::from_secs(120);
const LOGIN: Duration = Duration::from_secs(420);

/// Enrolled and available without the first cleaning, which other stories show.
fn available<'a>(lab: &'a Lab, name: &str) -> Node<'a> {
    let node = lab.enroll(name).unwrap();
    node.set("/automated_clean", &json!(false)).unwrap();
    node.manage().unwrap();
    node.provide().unwrap();
    node
}

/// Runs a story; when it fails, the lab's logs stay.
fn told(mut lab: Lab, story: impl FnOnce(&mut Lab) + std::panic::UnwindSafe) {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| story(&mut lab)));
    if let Err(panic) = outcome {
        lab.keep_folder();
        println!("the lab's logs are in {}", lab.folder().display());
        // Once more, as whoever reads the end of a log only sees a backtrace otherwise.
        println!("{}", cause(&*panic));
        std::panic::resume_unwind(panic);
    }
}

/// What a panic said, without the backtrace that an error may bring.
fn cause(panic: &(dyn std::any::Any + Send)) -> &str {
    let said = panic.downcast_ref::<String>().map(String::as_str);
    let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
    let said = said.unwrap_or("a panic without words");
    said.split("Stack backtrace:").next().unwrap_or(said)
}
