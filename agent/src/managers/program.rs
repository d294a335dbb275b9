//! One program, and the calls of the protocol: each is a process of its own, so nothing is left of one that failed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::answer::{Answer, CallError};
use super::process::{Order, run};
use crate::host::ProgramPermit;
use crate::image::Stop;
use crate::progress::Progress;

/// Of the protocol that is spoken here.
pub(super) const PROTOCOL: u32 = 1;

/// What a call is told, by name.
pub(super) type Request = Map<String, Value>;

/// A program that may be run.
#[derive(Clone, Debug)]
pub(super) struct Program {
    path: PathBuf,
    time: Duration,
    only_devices: Vec<PathBuf>,
    stop: Stop,
}

impl Program {
    /// `time` is for everything but steps.
    pub(super) fn new(permit: &ProgramPermit, path: PathBuf, time: Duration, stop: &Stop) -> Self {
        Self {
            path,
            time,
            only_devices: permit.only_devices().to_vec(),
            stop: stop.clone(),
        }
    }

    /// The name of its file.
    pub(super) fn file_name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A call that is answered soon.
    pub(super) fn ask<T: DeserializeOwned>(
        &self,
        call: &str,
        request: Request,
    ) -> Result<T, CallError> {
        let order = self.order(call, request, Some(self.time));
        let value = self.call(order, None)?;
        serde_json::from_value(value).map_err(CallError::Form)
    }

    /// A step takes as long as it takes.
    pub(super) fn run_step(
        &self,
        request: Request,
        progress: &Progress,
    ) -> Result<Value, CallError> {
        self.call(self.order("run_step", request, None), Some(progress))
    }

    fn order<'a>(&'a self, call: &'a str, request: Request, time: Option<Duration>) -> Order<'a> {
        let mut all = Map::new();
        all.insert("protocol".to_owned(), json!(PROTOCOL));
        all.insert("call".to_owned(), json!(call));
        let only_devices = (!self.only_devices.is_empty()).then_some(&self.only_devices);
        all.insert("only_devices".to_owned(), json!(only_devices));
        all.extend(request);
        let mut input = Value::Object(all).to_string().into_bytes();
        input.push(b'\n');
        Order {
            program: &self.path,
            argument: call,
            input,
            time,
        }
    }

    fn call(&self, order: Order<'_>, progress: Option<&Progress>) -> Result<Value, CallError> {
        let mut answer = Answer::reporting_to(progress);
        let ended = run(order, &self.stop, &mut |line| answer.take(line));
        answer.finish(ended)
    }
}
