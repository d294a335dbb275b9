//! A rule that is ready to be run: its operators known, its arguments named, its regular expressions compiled.

use super::InspectionRule;
use super::action::{self, Action};
use super::arguments;
use super::condition::{self, Operator};
use super::operation::{Multiple, Operation};
use super::pattern::Pattern;
use crate::node::Object;
use serde_json::Value;

/// What a rule is made of, whether it is stored or built in.
#[derive(Clone, Copy, Debug)]
pub struct RuleText<'a> {
    pub id: &'a str,
    pub description: Option<&'a str>,
    pub priority: i64,
    pub sensitive: bool,
    pub conditions: &'a [Operation],
    pub actions: &'a [Operation],
}

pub struct Rule {
    label: String,
    priority: i64,
    sensitive: bool,
    pub(super) tests: Vec<Test>,
    pub(super) deeds: Vec<Deed>,
}

pub(super) struct Test {
    pub(super) name: String,
    pub(super) operator: Operator,
    pub(super) negated: bool,
    pub(super) args: Object,
    pub(super) each: Option<Vec<Value>>,
    pub(super) multiple: Multiple,
    pub(super) pattern: Option<Pattern>,
}

pub(super) struct Deed {
    pub(super) action: Action,
    pub(super) args: Object,
    pub(super) each: Option<Vec<Value>>,
}

impl Rule {
    /// # Errors
    /// One sentence: what of it nobody can run.
    pub fn new(text: RuleText<'_>) -> Result<Self, String> {
        let label = match text.description.filter(|_| !text.sensitive) {
            Some(description) if !description.is_empty() => format!("{} ({description})", text.id),
            _ => text.id.to_owned(),
        };
        Ok(Self {
            label,
            priority: text.priority,
            sensitive: text.sensitive,
            tests: text.conditions.iter().map(test).collect::<Result<_, _>>()?,
            deeds: text.actions.iter().map(deed).collect::<Result<_, _>>()?,
        })
    }

    /// For people: its id, and its description unless it is sensitive.
    pub fn label(&self) -> &str {
        &self.label
    }

    pub fn priority(&self) -> i64 {
        self.priority
    }

    pub fn sensitive(&self) -> bool {
        self.sensitive
    }
}

impl InspectionRule {
    /// The rule, ready to be run.
    ///
    /// # Errors
    /// One sentence: what of it nobody can run.
    pub fn rule(&self) -> Result<Rule, String> {
        Rule::new(RuleText {
            id: &self.uuid.to_string(),
            description: self.description.as_deref(),
            priority: self.priority,
            sensitive: self.sensitive,
            conditions: &self.conditions,
            actions: &self.actions,
        })
    }
}

fn test(operation: &Operation) -> Result<Test, String> {
    let (operator, negated) = condition::parse(&operation.op)?;
    let args = arguments::named(operator.signature(), &operation.args)?;
    let each = operation.each();
    let has_pattern = matches!(operator, Operator::Matches | Operator::Contains);
    let regex = args.get("regex").and_then(Value::as_str);
    let regex = regex.filter(|_| has_pattern && each.is_none());
    let pattern = regex
        .map(|regex| Pattern::new(operator, regex))
        .transpose()?;
    Ok(Test {
        name: operation.op.clone(),
        operator,
        negated,
        args,
        each,
        multiple: operation.multiple.unwrap_or(Multiple::Any),
        pattern,
    })
}

fn deed(operation: &Operation) -> Result<Deed, String> {
    let action = action::parse(&operation.op)?;
    Ok(Deed {
        action,
        args: arguments::named(action.signature(), &operation.args)?,
        each: operation.each(),
    })
}
