//! Defaults that both engines read the same.

use serde::{Deserialize, Serialize};

use crate::mapping::TargetType;
use crate::source::{SourceColumn, SourceType};

/// A constant default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Constant {
    Boolean(bool),
    /// Digits, with a sign before and a point inside at most.
    Number(Digits),
    Text(String),
}

/// The digits of a number: there is no other way to one than [`Digits::parse`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Digits(String);

impl Digits {
    /// `-12`, `0.50`.
    pub fn parse(text: &str) -> Option<Digits> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, decimals) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        (digits(whole) && digits(decimals)).then(|| Digits(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is_whole(&self) -> bool {
        !self.0.contains('.')
    }
}

impl<'de> Deserialize<'de> for Digits {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Digits::parse(&text).ok_or_else(|| serde::de::Error::custom("not the digits of a number"))
    }
}

/// What becomes of a column's default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CarriedDefault {
    /// There is none, or it is NULL.
    None,
    Carried(Constant),
    /// There is one, and it stays behind.
    NotCarried(String),
}

/// The default of a source column, as one of a target column of that type.
pub(super) fn carry_default(column: &SourceColumn, target: &TargetType) -> CarriedDefault {
    let Some(expression) = &column.default else { return CarriedDefault::None };
    let literal = match column.source_type {
        SourceType::Postgres(_) => postgres_literal(expression),
        SourceType::MySql(_) => mysql_literal(expression),
    };
    match literal.and_then(|literal| constant(literal, target)) {
        Some(Some(constant)) => CarriedDefault::Carried(constant),
        Some(None) => CarriedDefault::None,
        None => CarriedDefault::NotCarried(expression.clone()),
    }
}

/// A constant as its source wrote it.
enum Literal {
    Null,
    Bare(String),
    Quoted(String),
}

/// `'it''s'::character varying`, `'-1'::integer`, `(0)::numeric`, `true`, `NULL::text`.
fn postgres_literal(expression: &str) -> Option<Literal> {
    let (literal, cast) = match expression.strip_prefix('\'') {
        Some(quoted) => {
            let (text, rest) = unquote(quoted)?;
            (Literal::Quoted(text), rest)
        }
        None => {
            let (bare, cast) = expression.split_once("::").unwrap_or((expression, ""));
            let bare = bare.strip_prefix('(').and_then(|inside| inside.strip_suffix(')')).unwrap_or(bare);
            let literal =
                if bare.eq_ignore_ascii_case("null") { Literal::Null } else { Literal::Bare(bare.to_owned()) };
            (literal, cast)
        }
    };
    // Behind the constant there is nothing but the name of a type.
    let is_type =
        |c: char| c.is_alphanumeric() || matches!(c, ' ' | ':' | '(' | ')' | ',' | '_' | '.' | '"' | '[' | ']');
    cast.chars().all(is_type).then_some(literal)
}

/// `'new'`, `0`, `NULL`; a backslash is an escape in some modes and not in others, so texts with one stay behind.
fn mysql_literal(expression: &str) -> Option<Literal> {
    if expression.contains('\\') {
        return None;
    }
    match expression.strip_prefix('\'') {
        Some(quoted) => {
            let (text, rest) = unquote(quoted)?;
            rest.is_empty().then_some(Literal::Quoted(text))
        }
        None if expression.eq_ignore_ascii_case("null") => Some(Literal::Null),
        None => Some(Literal::Bare(expression.to_owned())),
    }
}

/// The text up to the closing quote, and what follows it.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut rest = quoted;
    loop {
        let (before, after) = rest.split_once('\'')?;
        text.push_str(before);
        match after.strip_prefix('\'') {
            Some(more) => {
                text.push('\'');
                rest = more;
            }
            None => return Some((text, after)),
        }
    }
}

/// Some(None): NULL, which is what a column without a default has.
fn constant(literal: Literal, target: &TargetType) -> Option<Option<Constant>> {
    let (text, is_quoted) = match literal {
        Literal::Null => return Some(None),
        Literal::Bare(text) => (text, false),
        Literal::Quoted(text) => (text, true),
    };
    let constant = match target {
        TargetType::SmallInt | TargetType::Integer | TargetType::BigInt => {
            Constant::Number(Digits::parse(&text).filter(Digits::is_whole)?)
        }
        TargetType::Numeric { .. } | TargetType::Real | TargetType::DoublePrecision => {
            Constant::Number(Digits::parse(&text)?)
        }
        TargetType::Boolean => match text.as_str() {
            "true" => Constant::Boolean(true),
            "false" => Constant::Boolean(false),
            _ => return None,
        },
        TargetType::Text | TargetType::Varchar { .. } | TargetType::Char { .. } if is_quoted => {
            (!text.contains('\0')).then_some(Constant::Text(text))?
        }
        TargetType::Text
        | TargetType::Varchar { .. }
        | TargetType::Char { .. }
        | TargetType::Money
        | TargetType::Bytes { .. }
        | TargetType::Uuid
        | TargetType::Json
        | TargetType::Jsonb
        | TargetType::Super
        | TargetType::Date
        | TargetType::Time { .. }
        | TargetType::TimeTz { .. }
        | TargetType::Timestamp { .. }
        | TargetType::TimestampTz { .. }
        | TargetType::Interval
        | TargetType::Bit { .. }
        | TargetType::BitVarying { .. }
        | TargetType::Builtin(_)
        | TargetType::Array { .. }
        | TargetType::Named { .. } => return None,
    };
    Some(Some(constant))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried(expression: &str, mysql: bool, target: &TargetType) -> Option<Option<Constant>> {
        let literal = if mysql { mysql_literal(expression) } else { postgres_literal(expression) };
        literal.and_then(|literal| constant(literal, target))
    }

    fn number(digits: &str) -> Option<Option<Constant>> {
        Some(Some(Constant::Number(Digits(digits.to_owned()))))
    }

    fn text(text: &str) -> Option<Option<Constant>> {
        Some(Some(Constant::Text(text.to_owned())))
    }

    #[test]
    fn constants_of_postgres_are_carried_and_expressions_are_not() {
        let (integer, varchar) = (TargetType::Integer, TargetType::varchar(9));
        let cases = [
            ("0", &integer, number("0")),
            ("'-1'::integer", &integer, number("-1")),
            ("(-1)", &integer, number("-1")),
            ("1.5", &TargetType::numeric(5, 2), number("1.5")),
            ("1.5", &integer, None),
            ("true", &TargetType::Boolean, Some(Some(Constant::Boolean(true)))),
            ("'it''s'::character varying", &varchar, text("it's")),
            ("''::text", &TargetType::Text, text("")),
            ("'sad'::public.\"Mood\"", &TargetType::Text, text("sad")),
            ("NULL::character varying", &varchar, Some(None)),
            ("now()", &TargetType::TimestampTz { precision: None }, None),
            ("nextval('t_id_seq'::regclass)", &TargetType::BigInt, None),
            ("CURRENT_USER", &TargetType::Text, None),
            ("('a'::text || 'b'::text)", &TargetType::Text, None),
            ("'a'::text || 'b'::text", &TargetType::Text, None),
            ("1; DROP TABLE t", &integer, None),
            ("'NaN'::numeric", &TargetType::numeric(5, 2), None),
            ("'2024-01-01'::date", &TargetType::Date, None),
        ];
        for (expression, target, expected) in cases {
            assert_eq!(carried(expression, false, target), expected, "{expression}");
        }
    }

    #[test]
    fn constants_of_mysql_are_carried_and_escapes_are_not() {
        let cases = [
            ("0", TargetType::Integer, number("0")),
            ("'a''b'", TargetType::varchar(9), text("a'b")),
            ("'a\\'b'", TargetType::varchar(9), None),
            ("NULL", TargetType::Text, Some(None)),
            ("current_timestamp()", TargetType::Timestamp { precision: None }, None),
            ("b'0'", TargetType::Boolean, None),
            ("uuid()", TargetType::Text, None),
        ];
        for (expression, target, expected) in cases {
            assert_eq!(carried(expression, true, &target), expected, "{expression}");
        }
    }

    #[test]
    fn digits_come_through_json_only_as_digits() {
        assert!(serde_json::from_str::<Digits>("\"-1.50\"").is_ok());
        assert!(serde_json::from_str::<Digits>("\"1; DROP TABLE t\"").is_err());
    }
}
