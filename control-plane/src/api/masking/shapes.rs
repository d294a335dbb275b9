//! What a secret's name must stand between so that what follows it is taken for the secret: the patterns of oslo.utils, in
//! their order, each tried only where the name was found.
//!
//! As one expression for each name and pattern they go over the whole text some hundred times. What is before a name is
//! looked at by hand here, and what is behind it is the same for all names.

use super::MASK;
use regex::{CaptureLocations, Regex, RegexBuilder};
use std::ops::Range;
use std::sync::LazyLock;

const QUOTES: [char; 2] = ['"', '\''];

/// What stands before the name.
#[derive(Clone, Copy)]
enum Head {
    Anything,
    Dashes,
    Bracket,
    Quote,
    /// A quote, and between it and the name no other one.
    QuotedText,
}

/// What becomes of what is behind the name, if the pattern fits.
#[derive(Clone, Copy)]
enum Fate {
    /// What the groups hold stays, and between them goes the mask.
    Masked,
    /// The same, where the pattern is followed by the name and the end of its bracket.
    MaskedElement,
    /// The text's last but one quote is the end of what stays; what is between it and the last one, and that one, go.
    CutToQuote,
}

pub(super) struct Shape {
    head: Head,
    fate: Fate,
    /// Begins behind the name.
    tail: Regex,
}

const SHAPES: &[(Head, Fate, &str)] = &[
    (
        Head::Anything,
        Fate::Masked,
        r#"([0-9]*\s*[=]\s*["'])[^"']*(["'])"#,
    ),
    (
        Head::Anything,
        Fate::Masked,
        r#"([0-9]*\s*[=]\s*["])[^"]*(["])"#,
    ),
    (
        Head::Anything,
        Fate::Masked,
        r"([0-9]*\s*[=]\s*['])[^']*(['])",
    ),
    (
        Head::Anything,
        Fate::Masked,
        r#"([0-9]*\s+["'])[^"']*(["'])"#,
    ),
    (
        Head::Dashes,
        Fate::Masked,
        r#"([0-9]*\s+)[^'^"=\s]+([\s]*)"#,
    ),
    (Head::Bracket, Fate::MaskedElement, r"([0-9]*>)[^<]*(</)"),
    (
        Head::Quote,
        Fate::Masked,
        r#"([0-9]*["']\s*:\s*["'])[^"']*(["'])"#,
    ),
    (
        Head::QuotedText,
        Fate::Masked,
        r#"([0-9]*['"]\s*:\s*u?['"])[^"']*(['"])"#,
    ),
    (
        Head::QuotedText,
        Fate::Masked,
        r#"([0-9]*['"]\s*,\s*'--?[A-z]+'\s*,\s*u?['"])[^"']*(['"])"#,
    ),
    (
        Head::Anything,
        Fate::Masked,
        r"([0-9]*\s*--?[A-z]+\s*)\S+(\s*)",
    ),
    (
        Head::Anything,
        Fate::Masked,
        r#"([0-9]*\s*[=]\s*)[^\s^'"]+()"#,
    ),
    (
        Head::QuotedText,
        Fate::CutToQuote,
        r#"([0-9]*['"]\s*:\s*u?['"])()"#,
    ),
];

/// In the order in which they are tried.
pub(super) fn all() -> &'static [Shape] {
    static ALL: LazyLock<Vec<Shape>> = LazyLock::new(|| {
        let shapes = SHAPES.iter();
        let shapes = shapes.map(|&(head, fate, tail)| Shape {
            head,
            fate,
            tail: compiled(&format!("^{tail}")),
        });
        shapes.collect()
    });
    &ALL
}

/// As oslo.utils compiles its patterns.
pub(super) fn compiled(pattern: &str) -> Regex {
    let mut builder = RegexBuilder::new(pattern);
    builder.case_insensitive(true).dot_matches_new_line(true);
    builder.build().expect("the patterns are regular")
}

/// What a shape does at one place. The numbers are places in the text.
struct Found {
    /// Up to here the text stays.
    kept: usize,
    mask: &'static str,
    /// From here on it goes on.
    rest: usize,
    end: usize,
}

/// Goes through a text once, for all places in their order.
#[derive(Default)]
struct Quotes {
    last: Option<usize>,
    looked: usize,
}

impl Quotes {
    /// The last one before this place.
    fn before(&mut self, text: &str, place: usize) -> Option<usize> {
        let found = text[self.looked..place].rfind(QUOTES);
        self.last = found.map(|at| self.looked + at).or(self.last);
        self.looked = place;
        self.last
    }
}

impl Shape {
    /// The text with what fits, if anything does. `places` are all those where the name stands.
    pub(super) fn replaced(&self, text: &str, places: &[Range<usize>]) -> Option<String> {
        let (mut out, mut done) = (String::new(), 0);
        let mut quotes = Quotes::default();
        let mut groups = self.tail.capture_locations();
        for (number, place) in places.iter().enumerate() {
            let start = self.start(text, place.start, &mut quotes);
            if start.is_none_or(|start| start < done) {
                continue;
            }
            let (behind, places) = (place.end, &places[number..]);
            let Some(found) = self.found(text, behind, places, &mut groups) else {
                continue;
            };
            out.push_str(&text[done..found.kept]);
            out.push_str(found.mask);
            out.push_str(&text[found.rest..found.end]);
            done = found.end;
        }
        (done > 0).then(|| out + &text[done..])
    }

    /// Where it begins, with the name at this place.
    fn start(&self, text: &str, name: usize, quotes: &mut Quotes) -> Option<usize> {
        let before = &text[..name];
        match self.head {
            Head::Anything => Some(name),
            Head::Dashes => before.ends_with("--").then(|| name - 2),
            Head::Bracket => before.ends_with('<').then(|| name - 1),
            Head::Quote => before.ends_with(QUOTES).then(|| name - 1),
            Head::QuotedText => quotes.before(text, name),
        }
    }

    /// What it does to a text with the name up to here.
    fn found(
        &self,
        text: &str,
        behind: usize,
        places: &[Range<usize>],
        groups: &mut CaptureLocations,
    ) -> Option<Found> {
        let tail = self.tail.captures_read(groups, &text[behind..])?;
        let (_, kept) = groups.get(1)?;
        let (rest, _) = groups.get(2)?;
        let found = Found {
            kept: behind + kept,
            mask: MASK,
            rest: behind + rest,
            end: behind + tail.end(),
        };
        match self.fate {
            Fate::Masked => Some(found),
            Fate::MaskedElement => {
                let end = end_of_element(text, found.end, places)?;
                Some(Found { end, ..found })
            }
            Fate::CutToQuote => {
                let last = found.end + text[found.end..].rfind(QUOTES)?;
                let last_but_one = found.end + text[found.end..last].rfind(QUOTES)?;
                Some(Found {
                    kept: last_but_one + 1,
                    mask: "",
                    rest: last + 1,
                    end: last + 1,
                })
            }
        }
    }
}

/// Behind the name that stands at this place, its number, and the bracket that closes it.
fn end_of_element(text: &str, name: usize, places: &[Range<usize>]) -> Option<usize> {
    let number = places
        .binary_search_by_key(&name, |place| place.start)
        .ok()?;
    let behind = &text[places[number].end..];
    let after_digits = behind.trim_start_matches(|c: char| c.is_ascii_digit());
    let closed = after_digits.strip_prefix('>')?;
    Some(text.len() - closed.len())
}
