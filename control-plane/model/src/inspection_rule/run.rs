//! Runs rules: by priority, each on what the ones before it have made of the node.

use super::action::Call;
use super::arguments::Signature;
use super::condition::Operator;
use super::editing::{Changed, Effect, perform};
use super::format::{Scope, Unfilled, fill, lone_value};
use super::node_view::NodeView;
use super::operation::Multiple;
use super::pattern::Pattern;
use super::rule::{Deed, Rule, Test};
use super::secrets::MaskSecrets;
use super::weight;
use crate::named::named;
use crate::node::{Node, Object};
use crate::port::Port;
use serde_json::Value;
use std::cell::Cell;

/// What the rules of one inspection may do together, in bytes of the texts that their templates become.
const ALLOWANCE: usize = 16 << 20;
/// What counts as much as a text: an operation, a value that is no text, and compiling a regular expression or trying one
/// out.
const OPERATION: usize = 64;
const VALUE: usize = 16;
/// An action may have to write node and ports anew: so many bytes of them count as much as one of a text.
const EDIT: usize = 16;
const COMPILATION: usize = 64 << 10;
/// Lines of the log of one inspection.
const MOST_LINES: usize = 1000;

named!(
    /// How important a line of the log is.
    Level, "level of a log", {
        Debug = "debug",
        Info = "info",
        Warning = "warning",
        Error = "error",
        Critical = "critical",
    }
);

/// What rules look at and change; the inventory they only look at.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    pub node: Node,
    pub ports: Vec<Port>,
    pub inventory: Object,
    pub plugin_data: Object,
}

/// What came of them. Nothing of it counts unless all have passed.
#[derive(Debug)]
pub struct Outcome {
    pub subject: Subject,
    pub log: Vec<LogLine>,
    pub calls: Vec<Call>,
    /// The rules whose conditions held.
    pub applied: Vec<String>,
}

/// For the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    pub rule: String,
    pub level: Level,
    pub text: String,
}

/// A rule refuses the machine, or cannot be run on what was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("inspection rule {rule} {problem}")]
pub struct RuleFailure {
    pub rule: String,
    pub problem: String,
}

struct Runner<'a> {
    changed: Changed,
    inventory: Value,
    masked: bool,
    left: Cell<usize>,
    rule: &'a Rule,
    log: Vec<LogLine>,
    calls: Vec<Call>,
}

/// Runs all rules, those with the highest priority first and equal ones as they stand.
///
/// # Errors
/// The first rule that fails; the others are not run then.
pub fn apply(
    rules: &[Rule],
    subject: Subject,
    mask_secrets: MaskSecrets,
) -> Result<Outcome, RuleFailure> {
    let mut ordered: Vec<&Rule> = rules.iter().collect();
    ordered.sort_by_key(|rule| std::cmp::Reverse(rule.priority()));
    let Some(first) = ordered.first() else {
        return Ok(Outcome {
            subject,
            log: Vec::new(),
            calls: Vec::new(),
            applied: Vec::new(),
        });
    };
    let node = NodeView::new(subject.node).map_err(|problem| failure(first, problem))?;
    let mut runner = Runner {
        changed: Changed {
            node,
            ports: subject.ports,
            plugin_data: Value::Object(subject.plugin_data),
        },
        inventory: Value::Object(subject.inventory),
        masked: true,
        left: Cell::new(ALLOWANCE),
        rule: first,
        log: Vec::new(),
        calls: Vec::new(),
    };
    let mut applied = Vec::new();
    for rule in ordered {
        runner.rule = rule;
        runner.masked = mask_secrets.masks(rule.sensitive());
        if runner.run()? {
            applied.push(rule.label().to_owned());
        }
    }
    Ok(Outcome {
        subject: Subject {
            node: runner.changed.node.into_node(),
            ports: runner.changed.ports,
            inventory: object(runner.inventory),
            plugin_data: object(runner.changed.plugin_data),
        },
        log: runner.log,
        calls: runner.calls,
        applied,
    })
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

fn failure(rule: &Rule, problem: impl Into<String>) -> RuleFailure {
    RuleFailure {
        rule: rule.label().to_owned(),
        problem: problem.into(),
    }
}

impl Runner<'_> {
    /// Whether the rule's conditions held and its actions are done.
    fn run(&mut self) -> Result<bool, RuleFailure> {
        let rule = self.rule;
        for (index, test) in rule.tests.iter().enumerate() {
            let holds = self.holds(test).map_err(|problem| {
                self.broken(&format!("condition {index} ({})", test.name), &problem)
            })?;
            if !holds {
                return Ok(false);
            }
        }
        for (index, deed) in rule.deeds.iter().enumerate() {
            self.do_each(index, deed)?;
        }
        Ok(true)
    }

    /// A sensitive rule does not tell what it stumbled over.
    fn broken(&self, place: &str, problem: &str) -> RuleFailure {
        let text = if self.rule.sensitive() {
            format!("failed at its {place}; the rule is sensitive, so no more is said")
        } else {
            format!("failed at its {place}: {problem}")
        };
        failure(self.rule, text)
    }

    fn holds(&mut self, test: &Test) -> Result<bool, String> {
        let Some(items) = &test.each else {
            return self.asks(test, None);
        };
        let mut last = false;
        for item in items {
            last = self.asks(test, Some(item))?;
            match test.multiple {
                Multiple::First => return Ok(last),
                Multiple::Any if last => return Ok(true),
                Multiple::All if !last => return Ok(false),
                Multiple::Any | Multiple::All | Multiple::Last => {}
            }
        }
        Ok(last)
    }

    fn asks(&mut self, test: &Test, item: Option<&Value>) -> Result<bool, String> {
        let operator = test.operator;
        let compiles = test.pattern.is_none() && test.args.contains_key("regex");
        let tries = test.pattern.as_ref().is_some_and(Pattern::is_tried);
        let takes_long = compiles || tries;
        self.charge(OPERATION + if takes_long { COMPILATION } else { 0 })?;
        let item = item
            .map(|item| self.filled(item, None, Absent::Kept))
            .transpose()?;
        let absent = if operator == Operator::IsEmpty {
            Absent::Null
        } else {
            Absent::Kept
        };
        let mut args = self.arguments(operator.signature(), &test.args, item.as_ref(), absent)?;
        if operator == Operator::IsNone {
            // As a text it would be `None`, which is something.
            let template = test.args.get("value").and_then(Value::as_str);
            let scope = self.scope(item.as_ref());
            if template.and_then(|template| lone_value(template, scope)) == Some(&Value::Null) {
                args.insert("value".to_owned(), Value::Null);
            }
        }
        if item.is_some() && operator.signature().optional.contains(&"force_strings") {
            args.insert("force_strings".to_owned(), Value::Bool(true));
        }
        let holds = operator.holds(&args, test.pattern.as_ref())?;
        Ok(holds != test.negated)
    }

    fn do_each(&mut self, index: usize, deed: &Deed) -> Result<(), RuleFailure> {
        let place = format!("action {index} ({})", deed.action);
        let items = match &deed.each {
            Some(items) => items.iter().map(Some).collect(),
            None => vec![None],
        };
        for item in items {
            let effect = self.does(deed, item);
            match effect.map_err(|problem| self.broken(&place, &problem))? {
                Effect::None => {}
                Effect::Call(call) => self.calls.push(call),
                Effect::Log(level, text) => self.say(level, text),
                Effect::Fail(_) if self.rule.sensitive() => {
                    let text = "refuses this machine; it is sensitive, so no more is said";
                    return Err(failure(self.rule, text));
                }
                Effect::Fail(message) => {
                    return Err(failure(
                        self.rule,
                        format!("refuses this machine: {message}"),
                    ));
                }
            }
        }
        Ok(())
    }

    fn does(&mut self, deed: &Deed, item: Option<&Value>) -> Result<Effect, String> {
        self.charge(OPERATION + weight::of_changed(&self.changed) / EDIT)?;
        let item = item
            .map(|item| self.filled(item, None, Absent::Kept))
            .transpose()?;
        let signature = deed.action.signature();
        let args = self.arguments(signature, &deed.args, item.as_ref(), Absent::Kept)?;
        perform(deed.action, &args, &mut self.changed, self.rule)
    }

    fn scope<'b>(&'b self, item: Option<&'b Value>) -> Scope<'b> {
        Scope {
            node: self.changed.node.seen(),
            inventory: &self.inventory,
            plugin_data: &self.changed.plugin_data,
            item,
            masked: self.masked,
            left: &self.left,
        }
    }

    /// The arguments with their templates filled in: those that take some, and within a loop all.
    ///
    /// An item's own templates have been filled in before: what a machine says is never taken for a template.
    fn arguments(
        &mut self,
        signature: Signature,
        args: &Object,
        item: Option<&Value>,
        absent: Absent,
    ) -> Result<Object, String> {
        let mut filled = Object::new();
        for (name, value) in args {
            let value = if item.is_some() || signature.filled.contains(&name.as_str()) {
                self.filled(value, item, absent)?
            } else {
                value.clone()
            };
            filled.insert(name.clone(), value);
        }
        Ok(filled)
    }

    fn filled(
        &mut self,
        value: &Value,
        item: Option<&Value>,
        absent: Absent,
    ) -> Result<Value, String> {
        match value {
            Value::String(template) => self.filled_text(template, item, absent),
            Value::Array(items) => {
                let items = items.iter().map(|value| self.filled(value, item, absent));
                items.collect::<Result<_, _>>().map(Value::Array)
            }
            Value::Object(entries) => {
                let mut filled = Object::new();
                for (key, value) in entries {
                    let key = match self.filled_text(key, item, Absent::Kept)? {
                        Value::String(key) => key,
                        _ => key.clone(),
                    };
                    filled.insert(key, self.filled(value, item, absent)?);
                }
                Ok(Value::Object(filled))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                self.charge(VALUE)?;
                Ok(value.clone())
            }
        }
    }

    fn charge(&self, amount: usize) -> Result<(), String> {
        let left = self.left.get().checked_sub(amount);
        let left = left.ok_or("the rules do more than one inspection is allowed")?;
        self.left.set(left);
        Ok(())
    }

    /// As in Ironic, a template that cannot be filled in stays as it is, with a line in the log.
    fn filled_text(
        &mut self,
        template: &str,
        item: Option<&Value>,
        absent: Absent,
    ) -> Result<Value, String> {
        let problem = match fill(template, self.scope(item)) {
            Ok(text) => return Ok(Value::String(text)),
            Err(Unfilled::Missing(_)) if absent == Absent::Null => return Ok(Value::Null),
            Err(Unfilled::TooLong) => {
                return Err("the texts that its templates become are too long".to_owned());
            }
            Err(Unfilled::Missing(problem) | Unfilled::Wrong(problem)) => problem,
        };
        self.say(
            Level::Warning,
            format!("{template:?} is left as it is: {problem}"),
        );
        Ok(Value::String(template.to_owned()))
    }

    fn say(&mut self, level: Level, text: String) {
        if self.log.len() >= MOST_LINES {
            return;
        }
        let text = if self.rule.sensitive() {
            "(a line that is not shown, because the rule is sensitive)".to_owned()
        } else {
            text
        };
        self.log.push(LogLine {
            rule: self.rule.label().to_owned(),
            level,
            text,
        });
    }
}

/// What a template stands for that names what is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Absent {
    /// Itself.
    Kept,
    Null,
}
