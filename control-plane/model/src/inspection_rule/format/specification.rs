//! What stands behind the colon of a field: `{node.name:>20}`, `{inventory[cpu][count]:04d}`.

use super::{Unfilled, wrong};
use serde_json::Value;

/// The widest field.
const WIDEST: usize = 1000;

/// `[[fill]align][sign][0][width][.precision][type]` for texts and numbers.
pub(super) fn formatted(value: &Value, specification: &str) -> Result<String, Unfilled> {
    let unknown = || wrong(format!("{specification:?} is no format of this value"));
    let (padding, align, rest) = alignment(specification);
    let (zeros, rest) = match rest.strip_prefix('0') {
        Some(rest) => (padding.is_none() && align.is_none(), rest),
        None => (false, rest),
    };
    let width_end = rest
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(rest.len());
    let (width, rest) = rest.split_at(width_end);
    let width: usize = if width.is_empty() {
        0
    } else {
        width.parse().map_err(|_| unknown())?
    };
    let (precision, kind) = match rest.strip_prefix('.') {
        Some(rest) => {
            let end = rest
                .find(|letter: char| !letter.is_ascii_digit())
                .unwrap_or(rest.len());
            let (digits, kind) = rest.split_at(end);
            (Some(digits.parse::<usize>().map_err(|_| unknown())?), kind)
        }
        None => (None, rest),
    };
    if width > WIDEST || precision.is_some_and(|precision| precision > WIDEST) {
        return Err(unknown());
    }
    let (body, left) = body(value, kind, precision).ok_or_else(unknown)?;
    let missing = width.saturating_sub(body.chars().count());
    if let Some(digits) = body.strip_prefix('-').filter(|_| zeros && !left) {
        return Ok(format!("-{}{digits}", "0".repeat(missing)));
    }
    let padding = padding.or(zeros.then_some('0'));
    let fill = |count: usize| padding.unwrap_or(' ').to_string().repeat(count);
    Ok(match align.unwrap_or(if left { '<' } else { '>' }) {
        '<' => body + &fill(missing),
        '^' => fill(missing / 2) + &body + &fill(missing - missing / 2),
        _ => fill(missing) + &body,
    })
}

fn alignment(specification: &str) -> (Option<char>, Option<char>, &str) {
    let is_align = |letter: char| matches!(letter, '<' | '>' | '^');
    let mut letters = specification.chars();
    match (letters.next(), letters.next()) {
        (Some(fill), Some(align)) if is_align(align) => {
            let rest = &specification[fill.len_utf8() + align.len_utf8()..];
            (Some(fill), Some(align), rest)
        }
        (Some(align), _) if is_align(align) => (None, Some(align), &specification[1..]),
        _ => (None, None, specification),
    }
}

/// The value without padding, and whether it stands to the left.
fn body(value: &Value, kind: &str, precision: Option<usize>) -> Option<(String, bool)> {
    match (value, kind) {
        (Value::String(text), "" | "s") => {
            let cut = text.chars().take(precision.unwrap_or(usize::MAX));
            Some((cut.collect(), true))
        }
        (Value::Number(number), "f") => {
            let precision = precision.unwrap_or(6);
            Some((format!("{:.precision$}", number.as_f64()?), false))
        }
        (Value::Number(number), "" | "d") if precision.is_none() => {
            let whole = number.is_i64() || number.is_u64();
            (whole || kind.is_empty()).then(|| (number.to_string(), false))
        }
        (Value::Number(number), "x" | "X" | "b" | "o") if precision.is_none() => {
            let number = number.as_u64()?;
            let text = match kind {
                "x" => format!("{number:x}"),
                "X" => format!("{number:X}"),
                "b" => format!("{number:b}"),
                _ => format!("{number:o}"),
            };
            Some((text, false))
        }
        _ => None,
    }
}
