//! Which rules refer to which: none to one that there is not, none to itself, and not through too many others.

use super::file::Entry;
use super::names;
use crate::api::access::rules;
use crate::api::access::steps::STEP;
use std::collections::{BTreeMap, BTreeSet};

/// How many rules may stand between one and the last that it refers to.
const MOST_STEPS: usize = 32;

type Entries = BTreeMap<String, Entry>;

/// A rule and what is wrong with it.
type Problem = (String, String);

pub(super) fn check(entries: &Entries) -> Result<(), Problem> {
    let mut known = BTreeMap::new();
    for name in entries.keys() {
        steps(entries, name, &mut Vec::new(), &mut known)?;
    }
    Ok(())
}

/// How many there are from this one to the last.
fn steps<'a>(
    entries: &'a Entries,
    name: &'a str,
    way: &mut Vec<&'a str>,
    known: &mut BTreeMap<&'a str, usize>,
) -> Result<usize, Problem> {
    if let Some(steps) = known.get(name) {
        return Ok(*steps);
    }
    if let Some(at) = way.iter().position(|before| *before == name) {
        let circle = way[at..].join(" -> ");
        return Err(problem(
            name,
            format!("it refers to itself: {circle} -> {name}"),
        ));
    }
    if way.len() > MOST_STEPS {
        return Err(too_far(way, name));
    }
    way.push(name);
    let mut most = 0;
    for next in references(entries, name) {
        if !exists(entries, next) {
            let parts = names::PARTS.iter().map(|(part, _)| *part);
            let parts = parts.collect::<Vec<_>>().join(", ");
            let text = format!(
                "there is no rule {next:?} that it could refer to; there are those of this file, those that `ferric \
                 policy` shows, {}, {parts}",
                names::SERVICE_ROLE
            );
            return Err(problem(name, text));
        }
        most = most.max(1 + steps(entries, next, way, known)?);
    }
    way.pop();
    if way.len() + most > MOST_STEPS {
        return Err(too_far(way, name));
    }
    known.insert(name, most);
    Ok(most)
}

fn too_far(way: &[&str], name: &str) -> Problem {
    let text = format!("it refers to others through more than {MOST_STEPS} rules");
    problem(way.first().copied().unwrap_or(name), text)
}

fn problem(rule: &str, text: String) -> Problem {
    (rule.to_owned(), text)
}

/// Those of a rule of Ferric's own are the part for services, if the file has it.
fn references<'a>(entries: &'a Entries, name: &str) -> Vec<&'a str> {
    if let Some(entry) = entries.get(name) {
        return entry.check.references();
    }
    let mut own = rules::ALL.iter();
    let lets_services = own.any(|rule| rule.name == name && rule.lets_services());
    let services = entries.get_key_value(names::SERVICE_ROLE);
    let services = services.filter(|_| lets_services);
    services
        .map(|(name, _)| name.as_str())
        .into_iter()
        .collect()
}

/// Whether the rule, or one that it refers to, asks a server.
pub(super) fn asks(entries: &Entries, name: &str) -> bool {
    let (mut next, mut seen) = (vec![name], BTreeSet::new());
    while let Some(name) = next.pop() {
        if !seen.insert(name) {
            continue;
        }
        if entries.get(name).is_some_and(|entry| entry.check.asks()) {
            return true;
        }
        next.extend(references(entries, name));
    }
    false
}

fn exists(entries: &Entries, name: &str) -> bool {
    entries.contains_key(name) || name == names::SERVICE_ROLE || is_asked(name)
}

/// Whether it is a rule of Ferric's.
fn is_asked(name: &str) -> bool {
    rules::ALL.iter().any(|rule| rule.name == name)
}

/// What stands in the file and changes nothing, with the reason.
pub(super) fn without_effect(written: &[(String, Entry)]) -> Vec<String> {
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let names = written.iter().map(|(name, _)| name.as_str());
    let mut next: Vec<&str> = names
        .clone()
        .filter(|name| is_asked(name) || name.starts_with(STEP) || *name == names::SERVICE_ROLE)
        .collect();
    while let Some(name) = next.pop() {
        if reached.insert(name) {
            let entry = written.iter().find(|(known, _)| known == name);
            match entry {
                Some((_, entry)) => next.extend(entry.check.references()),
                None => of_part(name).for_each(|part| next.push(part)),
            }
        }
    }
    let idle = names.filter(|name| !reached.contains(name));
    let warnings = idle.map(|name| {
        let mut unasked = names::UNASKED.iter();
        match unasked.find(|(known, _)| *known == name) {
            Some((_, reason)) => format!("rule {name:?} changes nothing: {reason}"),
            None => format!(
                "rule {name:?} changes nothing: it is no rule of ferric's, and none refers to it"
            ),
        }
    });
    warnings.collect()
}

/// The parts that a part refers to.
fn of_part(name: &str) -> impl Iterator<Item = &'static str> {
    let part = names::PARTS.iter().find(|(known, _)| *known == name);
    let text = part.map_or("", |(_, text)| *text);
    let words = text.split(|letter: char| letter.is_whitespace() || "()".contains(letter));
    words.filter_map(|word| word.strip_prefix("rule:"))
}
