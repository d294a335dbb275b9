//! The commands that a conductor can send: their names, who runs them, and the list of those that were sent.
//!
//! HTTP is none of their business, and none of them touches the machine but through `host`, `disk`, `image` and the like.

mod argsinfo;
mod bootloader;
mod burnin;
mod catalog;
mod containers;
mod erase;
mod failure;
mod flow;
mod image;
mod image_failure;
mod inject;
mod ledger;
mod log;
mod managers;
mod node;
mod nvram;
mod offered;
mod raid;
mod rescue;
mod run;
mod standby;
mod steps;
mod system;

pub use catalog::{Command, Mode, Unknown};
pub(crate) use failure::shortened;
pub use failure::{ErrorKind, Failure, sentence};
pub use ledger::{Begun, Ledger, Order, Refusal, Resumed};
pub use log::bundle as log_bundle;
pub use rescue::is_rescued;
pub use run::{resume, start};
pub use steps::{MANAGER, MANAGER_VERSION};
pub use system::isolate;
