//! The virtual BMC of one machine: a Redfish service that says what is true of it and passes orders on.
//!
//! One file per resource: a pure body, and the routes with its literal paths (a BMC has one system, so no path has parameters
//! but a session's). Nothing here starts or stops anything: that is the machine's own task.

mod account;
mod auth;
mod bios;
mod chassis;
mod error;
mod ethernet;
mod fault;
mod manager;
mod memory;
mod message;
mod metadata;
mod paths;
mod processor;
mod protocol;
mod reset;
mod resource;
mod serve;
mod service_root;
mod session;
mod sessions;
mod simple_storage;
mod storage;
mod system;
mod task;
mod virtual_media;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use parking_lot::Mutex;

use crate::config;
use crate::machine::{Machine, Status};

pub use fault::Fault;
pub use serve::Listener;

use sessions::Sessions;

/// What a body is made of: one machine at one instant.
pub(crate) struct View<'a> {
    pub(crate) machine: &'a config::Machine,
    pub(crate) status: Status,
}

#[derive(Clone)]
pub struct Bmc {
    machine: Machine,
    sessions: Arc<Mutex<Sessions>>,
    fault: Arc<Mutex<Fault>>,
}

impl Bmc {
    pub fn new(machine: Machine) -> Bmc {
        Bmc {
            machine,
            sessions: Arc::default(),
            fault: Arc::default(),
        }
    }

    pub fn set_fault(&self, fault: Fault) {
        *self.fault.lock() = fault;
    }

    fn view(&self) -> View<'_> {
        View {
            machine: self.machine.config(),
            status: self.machine.status(),
        }
    }

    pub fn router(&self) -> Router {
        let machine = self.machine.config();
        Router::new()
            .merge(service_root::routes())
            .merge(metadata::routes())
            .merge(session::routes())
            .merge(account::routes())
            .merge(task::routes())
            .merge(system::routes(machine))
            .merge(reset::routes(machine))
            .merge(processor::routes(machine))
            .merge(memory::routes(machine))
            .merge(ethernet::routes(machine))
            .merge(storage::routes(machine))
            .merge(simple_storage::routes(machine))
            .merge(bios::routes(machine))
            .merge(manager::routes())
            .merge(virtual_media::routes(machine))
            .merge(chassis::routes())
            .fallback(error::not_found)
            .method_not_allowed_fallback(error::method_not_allowed)
            .layer(from_fn(protocol::refuse_queries))
            .layer(from_fn_with_state(self.clone(), auth::check))
            .layer(from_fn_with_state(self.clone(), fault::apply))
            .layer(from_fn(protocol::mark))
            .with_state(self.clone())
    }
}

#[cfg(test)]
mod tests;
