//! Whether a text is JSON that Postgres takes: a large object that DMS has cut is JSON no more.

use super::decimal_text::is_within_unlimited;
use super::misfit::Misfit;

/// Postgres parses recursively, within `max_stack_depth`: of its default, 2 MB, this depth leaves a good part unused.
const DEPTH_MAX: usize = 10_000;
/// A number without an exponent that is shorter is within every limit.
const PLAIN_NUMBER_BYTES: usize = 16_000;

/// Checks a text for `json`.
pub(crate) fn check_json(text: &str) -> Result<(), Misfit> {
    // The parser keeps no tree and does not recurse.
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(serde::de::IgnoredAny) => {}
        Err(error) if error.is_eof() => return Err(Misfit::JsonCut { bytes: text.len() }),
        Err(error) => return Err(Misfit::JsonSyntax { line: error.line(), column: error.column() }),
    }
    if text.len() > DEPTH_MAX && depth(text.as_bytes()) > DEPTH_MAX {
        return Err(Misfit::JsonDepth { max: DEPTH_MAX });
    }
    Ok(())
}

/// Checks a text for `jsonb`, which stores strings and numbers decoded and so refuses what text and numeric can't hold.
pub(crate) fn check_jsonb(text: &str) -> Result<(), Misfit> {
    check_json(text)?;
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at = match byte {
            b'"' => check_string(bytes, at + 1)?,
            b'-' | b'0'..=b'9' => check_number(text, at)?,
            _ => at + 1,
        };
    }
    Ok(())
}

/// Checks the string whose first character is at `start` in a valid document, and gives the index behind it.
fn check_string(bytes: &[u8], start: usize) -> Result<usize, Misfit> {
    let mut at = start;
    while let Some(found) = bytes[at..].iter().position(|byte| matches!(byte, b'"' | b'\\')) {
        at += found;
        if bytes[at] == b'"' {
            return Ok(at + 1);
        }
        match code_unit(&bytes[at..]) {
            // The character behind the backslash, which may be one itself.
            None => at += 2,
            Some(0) => return Err(Misfit::JsonNul),
            Some(0xD800..=0xDBFF) => match code_unit(&bytes[at + 6..]) {
                Some(0xDC00..=0xDFFF) => at += 12,
                Some(_) | None => return Err(Misfit::JsonSurrogate),
            },
            Some(0xDC00..=0xDFFF) => return Err(Misfit::JsonSurrogate),
            Some(_) => at += 6,
        }
    }
    Ok(bytes.len())
}

/// The code unit of an escape of four hexadecimal digits at the start.
fn code_unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// As [`check_string`], for a number.
fn check_number(text: &str, start: usize) -> Result<usize, Misfit> {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let length = text.as_bytes()[start..].iter().take_while(|byte| is_part(byte)).count();
    let number = &text[start..start + length];
    let is_plain = length < PLAIN_NUMBER_BYTES && !number.bytes().any(|byte| matches!(byte, b'e' | b'E'));
    if is_plain || is_within_unlimited(number) { Ok(start + length) } else { Err(Misfit::JsonNumber) }
}

/// How deeply arrays and objects of a valid document are nested.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0, false, false);
    for byte in bytes {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (true, b'"') => in_string = false,
            (true, _) => {}
            (false, b'"') => in_string = true,
            (false, b'[' | b'{') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            (false, _) => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_that_were_cut_are_told_from_ones_that_never_were_json() {
        for text in ["{}", " [1, 2.5e400, \"\\ud83d\\ude00 \\\\u0000\"] ", "null", "\"a\\u00e9\""] {
            assert_eq!(check_jsonb(text), Ok(()), "{text}");
        }
        assert_eq!(check_json("{\"a\": \"long te"), Err(Misfit::JsonCut { bytes: 14 }));
        assert_eq!(check_json(""), Err(Misfit::JsonCut { bytes: 0 }));
        assert_eq!(check_json("{'a': 1}"), Err(Misfit::JsonSyntax { line: 1, column: 2 }));
        assert_eq!(check_json("[01]"), Err(Misfit::JsonSyntax { line: 1, column: 3 }));
    }

    #[test]
    fn jsonb_refuses_what_text_cannot_hold() {
        assert_eq!(check_json("\"\\u0000\""), Ok(()), "json keeps the escape as it is");
        assert_eq!(check_jsonb("\"\\u0000\""), Err(Misfit::JsonNul));
        assert_eq!(check_jsonb("\"\\\\\\u0000\""), Err(Misfit::JsonNul), "an escaped backslash, then the escape");
        for text in ["\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\ud800\\ud800\""] {
            assert_eq!(check_jsonb(text), Err(Misfit::JsonSurrogate), "{text}");
        }
    }

    #[test]
    fn jsonb_refuses_what_numeric_cannot_hold() {
        for text in ["1e131071", "[-1.5E-16000, 12345678901234567890.5]", "\"1e999999\""] {
            assert_eq!(check_jsonb(text), Ok(()), "{text}");
        }
        for text in ["1e131072", "{\"a\": [2, 1e-16384]}"] {
            assert_eq!(check_jsonb(text), Err(Misfit::JsonNumber), "{text}");
            assert_eq!(check_json(text), Ok(()), "json keeps {text} as it is");
        }
    }

    #[test]
    fn documents_too_deep_for_the_server_are_refused() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(check_json(&nested(10_000)), Ok(()));
        assert_eq!(check_json(&nested(10_001)), Err(Misfit::JsonDepth { max: 10_000 }));
        assert_eq!(check_json(&nested(1_000_000)), Err(Misfit::JsonDepth { max: 10_000 }), "no stack is exhausted");
        let brackets = format!("\"\\\"{}\"", "[".repeat(20_000));
        assert_eq!(check_json(&brackets), Ok(()), "brackets in a string are text");
    }
}
