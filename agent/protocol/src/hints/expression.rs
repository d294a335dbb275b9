//! The little language of hints: an operator and its values, such as `>= 100` or `<or> a <or> b`.

use std::fmt;

/// How an attribute is compared; the spelling is Ironic's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    NumberEqual,
    NumberNotEqual,
    NumberLess,
    NumberLessOrEqual,
    NumberGreater,
    NumberGreaterOrEqual,
    TextEqual,
    TextNotEqual,
    TextLess,
    TextLessOrEqual,
    TextGreater,
    TextGreaterOrEqual,
    In,
    AllIn,
    Or,
    RangeIn,
}

impl Operator {
    /// Longer spellings stand before their prefixes. A lone `=` means at least, for history's sake.
    const SPELLINGS: [(&'static str, Self); 17] = [
        ("<range-in>", Self::RangeIn),
        ("<all-in>", Self::AllIn),
        ("<in>", Self::In),
        ("<or>", Self::Or),
        ("s==", Self::TextEqual),
        ("s!=", Self::TextNotEqual),
        ("s<=", Self::TextLessOrEqual),
        ("s>=", Self::TextGreaterOrEqual),
        ("s<", Self::TextLess),
        ("s>", Self::TextGreater),
        ("==", Self::NumberEqual),
        ("!=", Self::NumberNotEqual),
        ("<=", Self::NumberLessOrEqual),
        (">=", Self::NumberGreaterOrEqual),
        ("<", Self::NumberLess),
        (">", Self::NumberGreater),
        ("=", Self::NumberGreaterOrEqual),
    ];

    fn split(text: &str) -> Option<(Self, &str)> {
        Self::SPELLINGS
            .into_iter()
            .find_map(|(spelling, operator)| Some((operator, text.strip_prefix(spelling)?)))
    }

    fn spelling(self) -> &'static str {
        let of_self = |(_, operator): &&(&str, Self)| *operator == self;
        Self::SPELLINGS
            .iter()
            .find(of_self)
            .map_or("", |(spelling, _)| spelling)
    }
}

/// One end of a range, with what bracket it was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bound {
    pub(crate) at: f64,
    pub(crate) included: bool,
}

/// A range as two bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub(crate) low: Bound,
    pub(crate) high: Bound,
}

/// An operator with its values; all text is in lower case, since hints do not tell cases apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    pub(crate) operator: Operator,
    pub(crate) values: Vec<String>,
    pub(crate) range: Option<Range>,
}

impl Expression {
    /// Of an attribute that is a text: no operator means equality of texts.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        Self::parse(text, Operator::TextEqual)
    }

    /// Of an attribute that is a number: no operator means equality of numbers.
    pub(crate) fn of_number(text: &str) -> Option<Self> {
        Self::parse(text, Operator::NumberEqual)
    }

    fn parse(text: &str, default: Operator) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let (operator, rest) = Operator::split(&text).unwrap_or((default, &text));
        let values = values_of(operator, rest);
        let range = match operator {
            Operator::RangeIn => Some(parse_range(&values)?),
            _ => None,
        };
        let usable = !values.is_empty() && values.iter().all(|value| !value.is_empty());
        usable.then_some(Self {
            operator,
            values,
            range,
        })
    }

    /// What the size of a disk may be compared with.
    pub(crate) fn has_positive_whole_numbers(&self) -> bool {
        if let Some(range) = self.range {
            return range.low.at >= 0.0 && range.high.at > 0.0;
        }
        let positive = |value: &String| value.parse::<u64>().is_ok_and(|number| number > 0);
        self.values.iter().all(positive)
    }
}

/// `<or>` stands before each value; words are the values of `<all-in>` and `<range-in>`; every other operator has
/// one value, which may contain blanks.
fn values_of(operator: Operator, rest: &str) -> Vec<String> {
    match operator {
        Operator::Or => rest
            .split("<or>")
            .map(|value| value.trim().to_owned())
            .collect(),
        Operator::AllIn | Operator::RangeIn => rest.split_whitespace().map(str::to_owned).collect(),
        _ => vec![rest.trim().to_owned()],
    }
}

/// `[ 10 20 ]`, where a round bracket leaves the bound out.
fn parse_range(words: &[String]) -> Option<Range> {
    let [open, low, high, close] = words else {
        return None;
    };
    let bound = |text: &str, included| {
        let at = text.parse::<f64>().ok().filter(|at| at.is_finite())?;
        Some(Bound { at, included })
    };
    let low = match open.as_str() {
        "[" => bound(low, true)?,
        "(" => bound(low, false)?,
        _ => return None,
    };
    let high = match close.as_str() {
        "]" => bound(high, true)?,
        ")" => bound(high, false)?,
        _ => return None,
    };
    (low.at <= high.at).then_some(Range { low, high })
}

impl fmt::Display for Expression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = match self.operator {
            Operator::Or => " <or> ",
            _ => " ",
        };
        let values = self.values.join(separator);
        write!(formatter, "{} {values}", self.operator.spelling())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, operator: Operator, values: &[&str]) {
        let expression = Expression::of_text(text).unwrap();
        assert_eq!(expression.operator, operator, "{text}");
        assert_eq!(expression.values, values, "{text}");
    }

    #[test]
    fn operators_are_told_apart_with_and_without_blanks() {
        check("Plain Text", Operator::TextEqual, &["plain text"]);
        check("s== A B", Operator::TextEqual, &["a b"]);
        check("s!=x", Operator::TextNotEqual, &["x"]);
        check(
            "<or> one two <or>three",
            Operator::Or,
            &["one two", "three"],
        );
        check("<in> ssd 860", Operator::In, &["ssd 860"]);
        check("<all-in> ssd 860", Operator::AllIn, &["ssd", "860"]);
        check("<= 5", Operator::NumberLessOrEqual, &["5"]);
        check("= 5", Operator::NumberGreaterOrEqual, &["5"]);
        check("samsung", Operator::TextEqual, &["samsung"]);
        check(
            "<range-in> ( 10 20 ]",
            Operator::RangeIn,
            &["(", "10", "20", "]"],
        );
    }

    #[test]
    fn expressions_without_a_value_are_refused() {
        for text in [
            "",
            "  ",
            ">=",
            "<or>",
            "<or> a <or>",
            "<all-in>",
            "<range-in> [ 10 ]",
            "<range-in> [ 20 10 ]",
        ] {
            assert_eq!(Expression::of_text(text), None, "{text}");
        }
    }
}
