//! Records of erased disks: what an agent's step tells of them is checked, signed, and kept beside the node, in the commit
//! that ends the step, whether it is done or has failed for other disks. So none is lost and none is there twice, whenever
//! the conductor dies.
//!
//! A record that makes no sense fails no step: the disk may well be erased. The timeline says that there is none. One of a
//! clock that was set back is kept, and the timeline says so.

use super::Conductor;
use super::flows;
use super::node_task::{Change, NodeTask};
use crate::erase_records::{SigningKey, Statement, Whose, check, clock_went_back, plain, sign};
use ferric_agent_protocol::erase::EraseRecord;
use ferric_agent_protocol::steps::StepOutcome;
use ferric_model::erasure::SignedErasure;
use ferric_model::event::What;
use ferric_model::ids::ErasureId;
use ferric_model::run::Run;
use ferric_model::step::{Performer, Step};
use ferric_store::{FieldValue, Query, StoreError, Table};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Of one step; a machine has far fewer disks.
const STEP_LIMIT: usize = 256;
/// Of a node; the oldest make room.
const NODE_LIMIT: usize = 1024;
/// In characters, of what an agent says and a note repeats.
const QUOTE_LIMIT: usize = 200;

impl Conductor {
    /// The key of this conductor that records are signed with; one is made when there is none.
    ///
    /// # Errors
    /// When its file cannot be read or made.
    pub(crate) fn erase_key(&self) -> anyhow::Result<Arc<SigningKey>> {
        let mut kept = self.inner.erase_key.lock();
        if let Some(key) = &*kept {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(SigningKey::open_or_make(&self.settings().state_dir)?);
        *kept = Some(Arc::clone(&key));
        Ok(key)
    }
}

/// The change that ends the step in hand with the records that the agent's result has of it.
pub(super) async fn with_records(
    task: &NodeTask,
    change: Change,
    result: Option<&Value>,
) -> Result<Change, StoreError> {
    let run = task.node.run.as_ref();
    let Some((run, step)) = run.and_then(|run| Some((run, run.step()?))) else {
        return Ok(change);
    };
    let told = Told::of(run, step, result);
    if told.records.is_empty() && told.problems.is_empty() {
        return Ok(change);
    }
    let change = change.events(told.notes());
    let key = match task.conductor().erase_key() {
        Ok(key) => key,
        Err(error) => {
            let error = format!("{error:#}");
            tracing::error!(node = %task.id(), error, "erase records cannot be signed");
            let text = "the erase records of the step are not kept: this conductor's key to sign them cannot be used, its log says why";
            let text = text.to_owned();
            return Ok(change.event(What::Note { text }));
        }
    };
    let signed = told.records.into_iter();
    let signed: Vec<SignedErasure> = signed
        .map(|erasure| signed_by(&key, task, (run, step), erasure))
        .collect();
    let change = making_room(task, change, signed.len()).await?;
    Ok(change.beside(|beside| {
        signed
            .iter()
            .fold(beside, |beside, signed| beside.put(signed))
    }))
}

fn signed_by(
    key: &SigningKey,
    task: &NodeTask,
    (run, step): (&Run, &Step),
    erasure: EraseRecord,
) -> SignedErasure {
    let (conductor, node) = (task.conductor(), &task.node);
    let signed_at = conductor.now();
    let statement = Statement {
        node: Whose {
            uuid: node.uuid,
            name: node.name.clone(),
        },
        conductor: conductor.host().to_owned(),
        activity: run.activity,
        run: run.id,
        step: step.id.clone(),
        signed_at,
        erasure,
    };
    SignedErasure {
        uuid: ErasureId(conductor.new_id()),
        node_uuid: node.uuid,
        signed_at,
        envelope: sign(key, &statement),
    }
}

/// Nobody else writes records of this node, as its owner has its lock.
async fn making_room(task: &NodeTask, change: Change, more: usize) -> Result<Change, StoreError> {
    let node = FieldValue::Text(task.id().to_string());
    let query = Query::all(Table::EraseRecord).filter("node_uuid", vec![node]);
    let query = query.want(vec!["node_uuid"]);
    let kept = task.conductor().store().outlines(&query).await?;
    let surplus = (kept.len() + more).saturating_sub(NODE_LIMIT);
    let oldest = kept.into_iter().take(surplus);
    Ok(change.beside(|beside| oldest.fold(beside, |beside, record| beside.delete(record.key))))
}

/// What a result says of disks.
#[derive(Debug, Default, PartialEq)]
struct Told {
    records: Vec<EraseRecord>,
    /// A sentence for each that is none.
    problems: Vec<String>,
}

impl Told {
    /// Other agents, and hardware managers of others, answer with what they like: what does not claim to be a record is
    /// passed over.
    fn of(run: &Run, step: &Step, result: Option<&Value>) -> Self {
        let erases = step.by == Performer::Agent
            && step.id.interface == "deploy"
            && step.id.step.starts_with("erase_devices");
        let kind = flows::kind(run.activity);
        let outcome = result
            .filter(|_| erases)
            .and_then(|result| StepOutcome::from_value(kind, result).ok());
        match outcome.map(|outcome| outcome.result) {
            Some(Value::Object(by_device)) => Self::of_devices(by_device),
            _ => Self::default(),
        }
    }

    fn of_devices(by_device: Map<String, Value>) -> Self {
        let claims = |value: &Value| value.get("outcome").is_some();
        let claimed: Vec<_> = by_device
            .into_iter()
            .filter(|(_, value)| claims(value))
            .collect();
        let mut told = Self::default();
        if claimed.len() > STEP_LIMIT {
            let count = claimed.len();
            let problem = format!("there are {count}, and {STEP_LIMIT} are the most of one step");
            told.problems.push(problem);
        }
        for (name, value) in claimed.into_iter().take(STEP_LIMIT) {
            match read(&name, value) {
                Ok(record) => told.records.push(record),
                Err(problem) => {
                    told.problems
                        .push(format!("{}: {}", quote(&name), quote(&problem)))
                }
            }
        }
        told
    }

    /// One line each, however many are bad, and however many are odd.
    fn notes(&self) -> impl Iterator<Item = What> {
        let texts = [self.not_kept(), self.odd()].into_iter().flatten();
        texts.map(|text| What::Note { text })
    }

    fn not_kept(&self) -> Option<String> {
        let first = self.problems.first()?;
        let more = more(self.problems.len(), "problems");
        Some(format!(
            "not every erase record that the agent has sent is kept: {first}{more}"
        ))
    }

    fn odd(&self) -> Option<String> {
        let records = self.records.iter();
        let odd: Vec<_> = records.filter(|record| clock_went_back(record)).collect();
        let device = quote(&odd.first()?.device);
        let more = more(odd.len(), "such disks");
        Some(format!(
            "the machine's clock was set back while {device} was erased: by its erase record that ended before it \
             began{more}"
        ))
    }
}

/// Besides the first one.
fn more(count: usize, what: &str) -> String {
    match count {
        1 => String::new(),
        count => format!(" (and {} more {what})", count - 1),
    }
}

fn read(name: &str, value: Value) -> Result<EraseRecord, String> {
    let record: EraseRecord = serde_json::from_value(value).map_err(|error| error.to_string())?;
    if record.device != name {
        return Err("its device has another name".to_owned());
    }
    check(&record)?;
    Ok(record)
}

fn quote(text: &str) -> String {
    let shown: String = text.chars().take(QUOTE_LIMIT).collect();
    plain(&shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn device(name: &str) -> Value {
        json!({
            "device": name, "serial": "S", "model": null, "wwn": null, "size_bytes": 4096,
            "started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:01Z",
            "outcome": "skipped", "reason": "it is read-only",
        })
    }

    fn told(result: &Value) -> (Vec<String>, Vec<String>) {
        let told = Told::of_devices(result.as_object().unwrap().clone());
        let devices = told.records.into_iter().map(|record| record.device);
        (devices.collect(), told.problems)
    }

    #[test]
    fn what_claims_to_be_a_record_and_is_none_is_told_of() {
        let mut unknown = device("/dev/sdc");
        unknown["outcome"] = json!("erased");
        unknown["method"] = json!("hammer");
        let mut wordy = device("/dev/sdd");
        wordy["serial"] = json!("S".repeat(256));
        let result = json!({
            "/dev/sda": device("/dev/sda"), "/dev/sdb": device("/dev/sda"), "/dev/sdc": unknown,
            "/dev/sdd": wordy, "/dev/sde": null, "/dev/sdf": {"passes": 3}, "\u{1b}[2J": {"outcome": 1},
        });
        let (devices, problems) = told(&result);
        assert_eq!(devices, ["/dev/sda"]);
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert_eq!(problems[0], "/dev/sdb: its device has another name");
        assert!(problems[1].contains("hammer"), "{problems:?}");
        assert_eq!(
            problems[2],
            "/dev/sdd: serial is longer than 255 characters"
        );
        assert!(problems[3].starts_with(" [2J: "), "{problems:?}");
    }

    #[test]
    fn no_step_has_more_than_so_many() {
        let named = (0..STEP_LIMIT + 2).map(|number| format!("/dev/sd{number:04}"));
        let result: Map<_, _> = named.map(|name| (name.clone(), device(&name))).collect();
        let (devices, problems) = told(&Value::Object(result));
        assert_eq!(devices.len(), STEP_LIMIT);
        assert_eq!(
            problems,
            ["there are 258, and 256 are the most of one step"]
        );
    }

    fn notes(told: &Told) -> Vec<String> {
        let notes = told.notes().map(|what| match what {
            What::Note { text } => text,
            other => panic!("a note was expected, not {other:?}"),
        });
        notes.collect()
    }

    #[test]
    fn a_note_is_one_line() {
        let problems = |problems: &[&str]| Told {
            records: Vec::new(),
            problems: problems.iter().map(|text| (*text).to_owned()).collect(),
        };
        let head = "not every erase record that the agent has sent is kept";
        assert_eq!(notes(&problems(&[])), Vec::<String>::new());
        assert_eq!(notes(&problems(&["a"])), [format!("{head}: a")]);
        assert_eq!(
            notes(&problems(&["a", "b", "c"])),
            [format!("{head}: a (and 2 more problems)")]
        );
    }

    #[test]
    fn a_clock_that_was_set_back_is_told_of_and_its_records_are_kept() {
        let reversed = |name: &str| {
            let mut reversed = device(name);
            reversed["finished_at"] = json!("2025-01-01T00:00:00Z");
            reversed
        };
        let told_of = |result: Value| Told::of_devices(result.as_object().unwrap().clone());
        let text = "the machine's clock was set back while /dev/sda was erased: by its erase record that ended \
                    before it began";
        let one =
            told_of(json!({"/dev/sda": reversed("/dev/sda"), "/dev/sdb": device("/dev/sdb")}));
        assert_eq!((one.records.len(), one.problems.len()), (2, 0));
        assert_eq!(notes(&one), [text]);
        let two =
            told_of(json!({"/dev/sda": reversed("/dev/sda"), "/dev/sdb": reversed("/dev/sdb")}));
        assert_eq!((two.records.len(), two.problems.len()), (2, 0));
        assert_eq!(notes(&two), [format!("{text} (and 1 more such disks)")]);
    }
}
