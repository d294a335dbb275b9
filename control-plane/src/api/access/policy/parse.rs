//! From the text of a check to its tree, as oslo.policy reads it: `not` binds closer than `and`, and `and` than `or`.
//!
//! Spaces separate; parentheses count at the beginning and the end of a word only, as they stand inside of `%(NAME)s`.

use super::attribute::Attribute;
use super::check::{Check, Subject};
use super::pattern::Pattern;
use super::server::Address;
use super::wrong::Wrong;

/// How deep checks may be inside of each other.
const MOST_DEPTH: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Open,
    Close,
    And,
    Or,
    Not,
    Check(&'a str),
}

/// A rule in the language. The empty text is for everybody.
pub(super) fn parse(text: &str) -> Result<Check, Wrong> {
    if text.is_empty() {
        return Ok(Check::Always);
    }
    let tokens = tokens(text);
    if tokens.is_empty() {
        return Err(Wrong::Blank);
    }
    let mut reader = Reader {
        tokens: &tokens,
        depth: 0,
    };
    let check = reader.any()?;
    match reader.tokens.first() {
        None => Ok(check),
        Some(token) => Err(token.misplaced()),
    }
}

/// One check, without words that join several.
pub(super) fn single(text: &str) -> Result<Check, Wrong> {
    match text {
        "@" => return Ok(Check::Always),
        "!" => return Ok(Check::Never),
        _ => {}
    }
    let parts = text.split_once(':');
    let parts = parts.filter(|_| !text.contains(char::is_whitespace));
    let (kind, value) = parts.ok_or_else(|| Wrong::NoKind(text.to_owned()))?;
    Ok(match kind {
        "rule" => Check::Rule(value.to_owned()),
        "role" => Check::Role(Pattern::parse(value)?),
        "http" => Check::Ask(Address::parse("http", value)?),
        "https" => Check::Ask(Address::parse("https", value)?),
        _ => {
            let subject = match (constant(kind), Attribute::from_name(kind)) {
                (Some(text), _) => Subject::Constant(text),
                (None, Some(attribute)) => Subject::Caller(attribute),
                (None, None) => return Err(Wrong::Kind(kind.to_owned())),
            };
            Check::Equal(subject, Pattern::parse(value)?)
        }
    })
}

/// What Python would write for it.
fn constant(kind: &str) -> Option<String> {
    if ["True", "False", "None"].contains(&kind) {
        return Some(kind.to_owned());
    }
    if kind
        .parse::<i64>()
        .is_ok_and(|number| number.to_string() == kind)
    {
        return Some(kind.to_owned());
    }
    let inner = ['\'', '"'].into_iter().find_map(|quote| {
        let inner = kind.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inner.contains([quote, '\\'])).then_some(inner)
    });
    inner.map(str::to_owned)
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for word in text.split_whitespace() {
        let rest = word.trim_start_matches('(');
        tokens.extend(std::iter::repeat_n(Token::Open, word.len() - rest.len()));
        let inner = rest.trim_end_matches(')');
        match inner.to_ascii_lowercase().as_str() {
            "" => {}
            "and" => tokens.push(Token::And),
            "or" => tokens.push(Token::Or),
            "not" => tokens.push(Token::Not),
            _ => tokens.push(Token::Check(inner)),
        }
        tokens.extend(std::iter::repeat_n(Token::Close, rest.len() - inner.len()));
    }
    tokens
}

impl Token<'_> {
    fn misplaced(self) -> Wrong {
        let text = match self {
            Self::Open => "(",
            Self::Close => ")",
            Self::And => "and",
            Self::Or => "or",
            Self::Not => "not",
            Self::Check(text) => text,
        };
        Wrong::Misplaced(text.to_owned())
    }
}

/// What is still to be read.
struct Reader<'a> {
    tokens: &'a [Token<'a>],
    depth: usize,
}

impl<'a> Reader<'a> {
    fn any(&mut self) -> Result<Check, Wrong> {
        let mut checks = vec![self.all()?];
        while self.takes(Token::Or) {
            checks.push(self.all()?);
        }
        Ok(Check::any(checks))
    }

    fn all(&mut self) -> Result<Check, Wrong> {
        let mut checks = vec![self.one()?];
        while self.takes(Token::And) {
            checks.push(self.one()?);
        }
        Ok(Check::all(checks))
    }

    fn one(&mut self) -> Result<Check, Wrong> {
        match self.next().ok_or(Wrong::Ends)? {
            Token::Check(text) => single(text),
            Token::Not => self.deeper(|reader| Ok(Check::Not(Box::new(reader.one()?)))),
            Token::Open => self.deeper(|reader| {
                let check = reader.any()?;
                match reader.next() {
                    Some(Token::Close) => Ok(check),
                    Some(token) => Err(token.misplaced()),
                    None => Err(Wrong::Unclosed),
                }
            }),
            token @ (Token::Close | Token::And | Token::Or) => Err(token.misplaced()),
        }
    }

    fn deeper(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Check, Wrong>,
    ) -> Result<Check, Wrong> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(Wrong::Deep(MOST_DEPTH));
        }
        let check = read(self)?;
        self.depth -= 1;
        Ok(check)
    }

    fn next(&mut self) -> Option<Token<'a>> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(*first)
    }

    fn takes(&mut self, token: Token<'_>) -> bool {
        let is_next = self.tokens.first() == Some(&token);
        if is_next {
            self.tokens = &self.tokens[1..];
        }
        is_next
    }
}
