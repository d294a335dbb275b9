//! Regular expressions of `matches` and `contains`: matched in linear time, and of bounded size when compiled.

use super::condition::Operator;
use regex::{Regex, RegexBuilder};

const COMPILED_BYTES: usize = 256 << 10;
const LONGEST: usize = 10_000;
/// Of a text that is matched, which takes the longer the longer both are.
const LONGEST_TEXT: usize = 256 << 10;

/// One that is ready to be used.
pub(super) struct Pattern(Regex);

impl Pattern {
    /// `matches` is about the whole text, `contains` about any part of it.
    pub(super) fn new(operator: Operator, regex: &str) -> Result<Self, String> {
        if regex.len() > LONGEST {
            return Err(format!("regex may have at most {LONGEST} bytes"));
        }
        let compiled = match operator {
            Operator::Matches => compile(&format!(r"\A(?:{regex})\z")),
            _ => compile(regex),
        };
        let compiled = compiled.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "regex is too large".to_owned(),
            other => {
                // Of several lines, of which the last one says what is wrong.
                let text = other.to_string();
                let problem = text.lines().last().unwrap_or_default();
                let problem = problem.trim_start_matches("error: ").to_owned();
                format!("regex {regex:?} cannot be used: {problem}")
            }
        })?;
        Ok(Self(compiled))
    }

    pub(super) fn fits(&self, text: &str) -> Result<bool, String> {
        if text.len() > LONGEST_TEXT {
            return Err(format!(
                "a text of more than {LONGEST_TEXT} bytes is not matched"
            ));
        }
        Ok(self.0.is_match(text))
    }
}

fn compile(regex: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(regex)
        .size_limit(COMPILED_BYTES)
        .dfa_size_limit(COMPILED_BYTES)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    fn check(operator: Operator, regex: &str, text: &str, expected: bool) {
        let pattern = Pattern::new(operator, regex).unwrap();
        assert_eq!(pattern.fits(text), Ok(expected), "{regex} on {text}");
    }

    #[test]
    fn the_whole_text_or_a_part_of_it() {
        check(Operator::Matches, "Dell.*", "Dell Inc.", true);
        check(Operator::Matches, "Dell", "Dell Inc.", false);
        check(Operator::Matches, "Inc", "Dell Inc", false);
        check(Operator::Matches, "a|b", "ax", false);
        check(Operator::Matches, "(?i)dell$", "DELL", true);
        check(Operator::Contains, "(?i)dell", "A DELL", true);
        check(Operator::Contains, "^dell", "A dell", false);
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let problem = |regex: &str| Pattern::new(Operator::Contains, regex).err().unwrap();
        assert!(problem("(").contains("unclosed group"), "{}", problem("("));
        assert!(problem("(?=a)").contains("look-around"));
        assert!(problem(r"(a)\1").contains("backreferences"));
        assert!(problem("((a{100}){100}){100}").contains("too large"));
        assert!(problem(&"a".repeat(20_000)).contains("at most"));
    }

    proptest! {
        #[test]
        fn no_pattern_is_too_strange(regex in "[a-z(){}\\[\\]*+?|\\\\^$.0-9]{0,20}", text in any::<String>()) {
            for operator in [Operator::Matches, Operator::Contains] {
                if let Ok(pattern) = Pattern::new(operator, &regex) {
                    drop(pattern.fits(&text));
                }
            }
        }
    }
}
