//! Takes boot entries of systems that are gone out of the firmware, chosen by their device paths.

use std::path::Path;

use regex_automata::Input;
use regex_automata::dfa::{Automaton, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use serde::Serialize;
use thiserror::Error;

use super::entries::{self, Entry};
use super::{BootloaderError, EFI_FIRMWARE};
use crate::host::Host;
use crate::run::run;

/// Entries on a disk, and the loaders of Linux wherever they are: those of the network stay.
const DEFAULT: [&str; 3] = [r"^HD\(", r"shim.*\.efi", r"grub.*\.efi"];
const MAX_PATTERNS: usize = 100;
/// A pattern that needs more is not meant for a device path.
const MAX_BYTES: usize = 4 << 20;

/// Regular expressions, of which one must be found in an entry's path; the case of letters does not matter.
pub struct Patterns(Vec<dense::DFA<Vec<u32>>>);

#[derive(Debug, Error)]
pub enum PatternsError {
    #[error("match_patterns has more than {MAX_PATTERNS} patterns")]
    TooMany,
    #[error(
        "match_patterns must be a list of regular expressions, and {pattern:?} is none: {reason}"
    )]
    Pattern { pattern: String, reason: String },
}

/// An entry that the firmware had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RemovedEntry {
    pub number: String,
    pub label: String,
}

impl Patterns {
    /// Those that were asked for, or those that are usual.
    ///
    /// # Errors
    /// When one of them is no regular expression.
    pub fn new(wanted: Option<&[String]>) -> Result<Self, PatternsError> {
        let usual = || DEFAULT.map(str::to_owned).to_vec();
        let wanted = wanted.map_or_else(usual, <[String]>::to_vec);
        if wanted.len() > MAX_PATTERNS {
            return Err(PatternsError::TooMany);
        }
        let compiled = wanted.into_iter().map(|pattern| compiled(&pattern));
        compiled.collect::<Result<_, _>>().map(Self)
    }

    fn is_found_in(&self, path: &str) -> bool {
        let input = Input::new(path).earliest(true);
        // What the search cannot decide does not take an entry away.
        let is_found =
            |pattern: &dense::DFA<Vec<u32>>| matches!(pattern.try_search_fwd(&input), Ok(Some(_)));
        self.0.iter().any(is_found)
    }

    fn chosen(&self, entries: Vec<Entry>) -> Vec<Entry> {
        let is_chosen = |entry: &Entry| self.is_found_in(&entry.path);
        entries.into_iter().filter(is_chosen).collect()
    }
}

fn compiled(pattern: &str) -> Result<dense::DFA<Vec<u32>>, PatternsError> {
    // Device paths are ASCII, and whatever else the firmware has are bytes.
    let syntax = syntax::Config::new()
        .case_insensitive(true)
        .unicode(false)
        .utf8(false);
    let limits = dense::Config::new()
        .dfa_size_limit(Some(MAX_BYTES))
        .determinize_size_limit(Some(MAX_BYTES));
    let limit = thompson::Config::new()
        .utf8(false)
        .nfa_size_limit(Some(MAX_BYTES));
    let built = dense::Builder::new()
        .configure(limits)
        .syntax(syntax)
        .thompson(limit)
        .build(pattern);
    built.map_err(|error| PatternsError::Pattern {
        pattern: pattern.to_owned(),
        reason: error.to_string(),
    })
}

/// Removes the entries whose paths fit.
///
/// # Errors
/// Anywhere but in a ramdisk that UEFI has started, and when the firmware does not let go of an entry.
pub fn remove_entries(
    host: &Host,
    patterns: &Patterns,
) -> Result<Vec<RemovedEntry>, BootloaderError> {
    host.permits_boot_entries()?;
    if !Path::new(EFI_FIRMWARE).exists() {
        return Err(BootloaderError::NotUefi);
    }
    let shown = run("efibootmgr", &["-v"])?;
    let mut removed = Vec::new();
    for entry in patterns.chosen(entries::parse(&shown.stdout)) {
        run("efibootmgr", &["-b", &entry.number, "-B"])?;
        tracing::info!(
            entry.number,
            entry.label,
            entry.path,
            "a boot entry was removed"
        );
        removed.push(RemovedEntry {
            number: entry.number,
            label: entry.label,
        });
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: &[u8] = b"BootOrder: 0001,0002,0003,0004\n\
        Boot0001* debian\tHD(1,GPT,6f1c)/File(\\EFI\\debian\\shimx64.efi)\n\
        Boot0002* UEFI PXEv4\tPciRoot(0x0)/Pci(0x2,0x0)/MAC(525400000001,1)/IPv4(0.0.0.0)\n\
        Boot0003* old\tVenHw(99e275e7)/\\EFI\\x\\GRUBX64.EFI\n\
        Boot0004* UEFI Shell\tFv(7cb8bdc9)/FvFile(7c04a583)\n";

    fn check(wanted: Option<&[&str]>, expected: &[&str]) {
        let wanted = wanted.map(|all| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
        let patterns = Patterns::new(wanted.as_deref()).unwrap();
        let chosen = patterns.chosen(entries::parse(SHOWN));
        let numbers: Vec<_> = chosen.iter().map(|entry| entry.number.as_str()).collect();
        assert_eq!(numbers, expected, "{wanted:?}");
    }

    #[test]
    fn entries_are_chosen_by_their_paths() {
        check(None, &["0001", "0003"]);
        check(Some(&[]), &[]);
        check(Some(&["mac\\([0-9a-f]{12}"]), &["0002"]);
        check(Some(&["^hd", "FvFile"]), &["0001", "0004"]);
        check(Some(&["^File"]), &[]);
        check(Some(&["debian$", "\\w+x64\\.efi$"]), &["0003"]);
    }

    #[test]
    fn what_is_no_regular_expression_is_refused() {
        for (wrong, expected) in [("(", "\"(\" is none"), ("(a{1000}){1000}", "is none")] {
            let error = Patterns::new(Some(&[wrong.to_owned()]))
                .err()
                .unwrap()
                .to_string();
            assert!(error.contains(expected), "{error}");
        }
        let many = vec!["a".to_owned(); MAX_PATTERNS + 1];
        assert!(matches!(
            Patterns::new(Some(&many)),
            Err(PatternsError::TooMany)
        ));
    }

    #[test]
    fn an_ordinary_host_keeps_its_entries() {
        let host = Host::detect(&[]).unwrap();
        let error = remove_entries(&host, &Patterns::new(None).unwrap()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("changing boot entries is refused")
        );
    }
}
