//! Consoles: opened and closed on request, and by what becomes of the node. What carries a console runs beside the process
//! that opened it: whoever has the node next opens it again (`periodic::consoles`).

use super::Done;
use crate::conductor::Conductor;
use crate::conductor::requests::{ConsoleShown, RequestError};
use crate::conductor::steps::{StepError, chain};
use crate::config::seconds;
use ferric_drivers::Hardware;
use ferric_drivers::{Console, ConsoleState};
use ferric_model::ids::NodeId;
use ferric_model::node::{Node, Wish};
use std::sync::Arc;
use tokio::time::timeout;
use tracing::warn;

impl Conductor {
    pub(in crate::conductor) async fn do_console(
        &self,
        id: NodeId,
    ) -> Result<ConsoleShown, RequestError> {
        let node = self.node(id).await?;
        if !node.console_enabled {
            return Ok(ConsoleShown::Closed);
        }
        let address = self.console_for(&node)?.address();
        Ok(ConsoleShown::of(address))
    }

    /// Nothing is done where it is as wanted already.
    pub(in crate::conductor) async fn do_set_console(
        &self,
        id: NodeId,
        open: bool,
    ) -> Result<(), RequestError> {
        let task = self.task(id, Wish::Console(open).purpose()).await?;
        self.console_for(&task.node)?;
        let is_open = task.node.console_enabled && !task.node.console_closed;
        if open == is_open && task.node.wish.is_none() {
            return Ok(());
        }
        self.begin(task, Wish::Console(open)).await
    }

    fn console_for(&self, node: &Node) -> Result<Arc<dyn Console>, RequestError> {
        let console = self.hardware_for(node)?.console;
        console.ok_or_else(|| {
            RequestError::Invalid(format!(
                "Driver {} does not support console (disabled or not implemented): the console interface of node {} is \
                 {}, choose another console_interface",
                node.driver,
                node.uuid,
                node.interface("console").unwrap_or("none")
            ))
        })
    }

    /// Before the node goes where this conductor cannot reach its console any more. What keeps it from closing keeps the
    /// node from nothing, and for no longer than a call to a BMC may take.
    pub(in crate::conductor) async fn let_console_go(&self, node: &Node) {
        if !node.console_enabled {
            return;
        }
        let closing = async {
            match self.hardware(node) {
                Ok(hardware) => close(&hardware).await,
                Err(error) => Err(error),
            }
        };
        let limit = seconds(self.settings().conductor.bmc_call_timeout_s);
        match timeout(limit, closing).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                warn!(node = %node.uuid, error = chain(&error), "the console stays open");
            }
            Err(_elapsed) => {
                let limit_s = limit.as_secs();
                warn!(node = %node.uuid, limit_s, "the console was not closed in time and stays open");
            }
        }
    }
}

/// Closes the console, if it is open here.
pub(in crate::conductor) async fn close(hardware: &Hardware) -> Result<(), StepError> {
    let Some(console) = &hardware.console else {
        return Ok(());
    };
    if console.state() == ConsoleState::Closed {
        return Ok(());
    }
    let closed = console.close().await;
    closed.map_err(StepError::bmc("closing the console"))
}

pub(super) async fn switch(
    hardware: &Hardware,
    node: &Node,
    open: bool,
) -> Result<Done, StepError> {
    let Some(console) = &hardware.console else {
        return Err(StepError::Problem(format!(
            "the console interface {} of the node has no console: choose another console_interface",
            node.interface("console").unwrap_or("none")
        )));
    };
    if open {
        let opened = console.open().await;
        opened.map_err(StepError::bmc("opening the console"))?;
    } else {
        close(hardware).await?;
    }
    Ok(Done::Console)
}
