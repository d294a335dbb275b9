//! Regular expressions of `matches` and `contains`. Those that can be are matched in linear time; those with look-around
//! or back-references, which Python's have, are tried out, within a bound of attempts. All are of bounded size when compiled.

use super::condition::Operator;
use fancy_regex::{CompileError, Error as FancyError, RuntimeError};

const COMPILED_BYTES: usize = 256 << 10;
const LONGEST: usize = 10_000;
/// Of a text that is matched, which takes the longer the longer both are.
const LONGEST_TEXT: usize = 256 << 10;
/// The same of what is tried out: the text may be gone through at every attempt.
const LONGEST_TRIED: usize = 1000;
const LONGEST_TRIED_TEXT: usize = 16 << 10;
const MOST_ATTEMPTS: usize = 20_000;
/// It is compiled in parts, each of at most so many bytes.
const PART_BYTES: usize = 64 << 10;
const MOST_PARTS: usize = 1000;

/// One that is ready to be used.
pub(super) enum Pattern {
    Linear(regex::Regex),
    /// What only trying out can match.
    Tried(fancy_regex::Regex),
}

impl Pattern {
    /// `matches` is about the whole text, `contains` about any part of it.
    pub(super) fn new(operator: Operator, regex: &str) -> Result<Self, String> {
        if regex.len() > LONGEST {
            return Err(format!("regex may have at most {LONGEST} bytes"));
        }
        let whole = match operator {
            Operator::Matches => format!(r"\A(?:{regex})\z"),
            _ => regex.to_owned(),
        };
        match linear(&whole) {
            Ok(compiled) => Ok(Self::Linear(compiled)),
            Err(regex::Error::CompiledTooBig(_)) => Err(TOO_LARGE.to_owned()),
            Err(other) => tried(regex, &whole, &other).map(Self::Tried),
        }
    }

    pub(super) fn fits(&self, text: &str) -> Result<bool, String> {
        let longest = match self {
            Self::Linear(_) => LONGEST_TEXT,
            Self::Tried(_) => LONGEST_TRIED_TEXT,
        };
        if text.len() > longest {
            return Err(format!(
                "a text of more than {longest} bytes is not matched{}",
                match self {
                    Self::Linear(_) => "",
                    Self::Tried(_) => " by a regex with look-around or back-references",
                }
            ));
        }
        match self {
            Self::Linear(regex) => Ok(regex.is_match(text)),
            Self::Tried(regex) => regex.is_match(text).map_err(|error| gave_up(regex, &error)),
        }
    }

    /// Whether matching may take much longer than the text is long.
    pub(super) fn is_tried(&self) -> bool {
        matches!(self, Self::Tried(_))
    }
}

const TOO_LARGE: &str = "regex is too large";

fn linear(regex: &str) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(regex)
        .size_limit(COMPILED_BYTES)
        .dfa_size_limit(COMPILED_BYTES)
        .build()
}

/// What is no expression for linear matching: `given` as it was written, `whole` as it is used.
fn tried(given: &str, whole: &str, refusal: &regex::Error) -> Result<fancy_regex::Regex, String> {
    let unusable = |problem: String| format!("regex {given:?} cannot be used: {problem}");
    let wrong = wrong(refusal);
    if given.len() > LONGEST_TRIED {
        return Err(match wrong {
            Some(wrong) => unusable(wrong),
            None => format!(
                "regex with look-around or back-references may have at most {LONGEST_TRIED} bytes"
            ),
        });
    }
    let compiled = fancy_regex::RegexBuilder::new(whole)
        .backtrack_limit(MOST_ATTEMPTS)
        .delegate_size_limit(PART_BYTES)
        .delegate_dfa_size_limit(PART_BYTES)
        .max_prog_size(MOST_PARTS)
        .build();
    compiled.map_err(|error| match error {
        error if is_too_large(&error) => TOO_LARGE.to_owned(),
        error => unusable(wrong.unwrap_or_else(|| problem(&error))),
    })
}

/// What is wrong with it; `None`: that there is no linear way, which is no mistake.
fn wrong(refusal: &regex::Error) -> Option<String> {
    let text = refusal.to_string();
    // Of several lines, of which the last one says what is wrong.
    let last = text.lines().last().unwrap_or_default();
    let is_mistake = !last.ends_with("not supported");
    is_mistake.then(|| last.trim_start_matches("error: ").to_owned())
}

/// Without the place, which is that in the expression as it is used.
fn problem(error: &FancyError) -> String {
    match error {
        FancyError::ParseError(_, problem) => problem.to_string(),
        FancyError::CompileError(problem) => match problem.as_ref() {
            CompileError::VariableLookBehindRequiresFeature => {
                "what is looked for behind must be of a fixed width".to_owned()
            }
            other => other.to_string(),
        },
        other => other.to_string(),
    }
}

fn is_too_large(error: &FancyError) -> bool {
    let FancyError::CompileError(error) = error else {
        return false;
    };
    match error.as_ref() {
        CompileError::InnerError(inner) => inner.size_limit().is_some(),
        CompileError::PatternTooComplex => true,
        _ => false,
    }
}

fn gave_up(regex: &fancy_regex::Regex, error: &FancyError) -> String {
    let bound = match error {
        FancyError::RuntimeError(RuntimeError::BacktrackLimitExceeded) => {
            format!("it needs more than {MOST_ATTEMPTS} attempts")
        }
        other => other.to_string(),
    };
    format!(
        "regex {:?} cannot be matched: {bound}; make it simpler, above all what repeats within a repetition",
        regex.as_str()
    )
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
        assert!(
            problem("(?=a").contains("parenthesis"),
            "{}",
            problem("(?=a")
        );
        let width = problem("(?<=a+)b");
        assert!(width.contains("fixed width"), "{width}");
        let group = problem(r"(a)\2");
        assert!(group.contains("back reference"), "{group}");
        assert!(problem("((a{100}){100}){100}").contains("too large"));
        let repeated = problem("(?=b)((a{100}){100}){100}");
        assert!(repeated.contains("too large"), "{repeated}");
        assert!(problem(&"a".repeat(20_000)).contains("at most 10000"));
        let long = problem(&format!("(?=a){}", "a".repeat(2000)));
        assert!(long.contains("at most 1000"), "{long}");
    }

    #[test]
    fn what_pythons_expressions_have_and_linear_ones_have_not() {
        check(Operator::Matches, r"(?!Dell).*", "HPE", true);
        check(Operator::Matches, r"(?!Dell).*", "Dell Inc.", false);
        check(Operator::Contains, r"(?<=sn: )\w+", "sn: 4711", true);
        check(Operator::Contains, r"(?<!not )ready", "not ready", false);
        check(Operator::Contains, r"(\w)\1", "aabc", true);
        check(Operator::Matches, r"(?P<one>\w+)-(?P=one)", "ab-ab", true);
        check(Operator::Matches, r"(?P<one>\w+)-(?P=one)", "ab-abc", false);
        // Of the whole text also where it is an alternative.
        check(Operator::Matches, r"a(?=b)b|c", "cd", false);
        check(Operator::Matches, r"a(?=b)b|c", "ab", true);
        check(Operator::Matches, r"(?=a).", "a\n", false);
        check(Operator::Matches, r"(?i)(d)ell\1$", "DELLd", true);
    }

    #[test]
    fn what_never_ends_is_given_up_soon() {
        let begun = std::time::Instant::now();
        let text = format!("{}!", "a".repeat(200));
        for (operator, regex) in [
            (Operator::Matches, r"(\w+\s?)+\1$"),
            (Operator::Contains, r"(a|aa)+\1$"),
            (Operator::Contains, r"^(a*)*\1b"),
            (Operator::Contains, r"(a+)+\1$"),
        ] {
            let fits = Pattern::new(operator, regex).unwrap().fits(&text);
            let problem = fits.unwrap_err();
            assert!(problem.contains("20000 attempts"), "{regex}: {problem}");
        }
        check(Operator::Matches, r"(a+)+$", &text, false);
        let pattern = Pattern::new(Operator::Contains, r"(a)\1").unwrap();
        let problem = pattern.fits(&"b".repeat(20_000)).unwrap_err();
        assert!(problem.contains("16384 bytes"), "{problem}");
        assert_eq!(pattern.fits(&"b".repeat(16_000)), Ok(false));
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    }

    proptest! {
        #[test]
        fn no_pattern_is_too_strange(regex in "[a-z(){}\\[\\]*+?|\\\\^$.0-9=!<>]{0,20}", text in any::<String>()) {
            for operator in [Operator::Matches, Operator::Contains] {
                if let Ok(pattern) = Pattern::new(operator, &regex) {
                    drop(pattern.fits(&text));
                }
            }
        }
    }
}
