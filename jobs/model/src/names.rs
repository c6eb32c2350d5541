//! The names of things: a configured table, and a table inside a database.
//!
//! Names are data here. Only the `sql` crate turns one into SQL text, by its one quoting type.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a [`Table`](crate::config::Table) entry of the configuration: what users type after `--table`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TableName(pub String);

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a connection of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionName(pub String);

impl fmt::Display for ConnectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A table inside a database, as SQL names it: `table`, `schema.table`, `"Mixed Case"."with ""quotes"""`.
///
/// Unquoted parts are folded to lower case when parsed, as Postgres does; quoted parts are kept to the letter.
/// `Display` gives a form that parses back to the same value; it is for messages and must not be put into SQL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QualifiedName {
    pub schema: Option<String>,
    pub name: String,
}

/// Why a text is not a table name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("a name is empty in `{text}`")]
    Empty { text: String },
    #[error("a quoted name is not closed in `{text}`")]
    Unclosed { text: String },
    #[error("`{text}` has {parts} parts; `table` or `schema.table` is expected")]
    Parts { text: String, parts: usize },
    #[error("unexpected `{found}` in `{text}`: quote names that are not plain words, as \"My Table\"")]
    Character { text: String, found: char },
}

impl FromStr for QualifiedName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let mut parts = split_parts(text)?;
        match parts.len() {
            1 => Ok(QualifiedName { schema: None, name: parts.remove(0) }),
            2 => {
                let name = parts.remove(1);
                Ok(QualifiedName { schema: Some(parts.remove(0)), name })
            }
            count => Err(NameError::Parts { text: text.to_owned(), parts: count }),
        }
    }
}

fn split_parts(text: &str) -> Result<Vec<String>, NameError> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let (part, after) = take_part(rest, text)?;
        parts.push(part);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(parts),
            None => {
                let found = after.chars().next().unwrap_or('.');
                return Err(NameError::Character { text: text.to_owned(), found });
            }
        }
    }
}

fn take_part<'a>(rest: &'a str, whole: &str) -> Result<(String, &'a str), NameError> {
    let Some(quoted) = rest.strip_prefix('"') else {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
        if end == 0 {
            return match rest.chars().next() {
                Some(found) if found != '.' => Err(NameError::Character { text: whole.to_owned(), found }),
                Some(_) | None => Err(NameError::Empty { text: whole.to_owned() }),
            };
        }
        return Ok((rest[..end].to_lowercase(), &rest[end..]));
    };
    let mut part = String::new();
    let mut chars = quoted.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != '"' {
            part.push(c);
            continue;
        }
        if chars.peek().is_some_and(|(_, next)| *next == '"') {
            part.push('"');
            chars.next();
            continue;
        }
        if part.is_empty() {
            return Err(NameError::Empty { text: whole.to_owned() });
        }
        return Ok((part, &quoted[at + 1..]));
    }
    Err(NameError::Unclosed { text: whole.to_owned() })
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |part: &str| {
            !part.is_empty()
                && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
                && !part.starts_with(|c: char| c.is_ascii_digit())
        };
        let quoted =
            |part: &str| if plain(part) { part.to_owned() } else { format!("\"{}\"", part.replace('"', "\"\"")) };
        match &self.schema {
            Some(schema) => write!(f, "{}.{}", quoted(schema), quoted(&self.name)),
            None => f.write_str(&quoted(&self.name)),
        }
    }
}

impl Serialize for QualifiedName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for QualifiedName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(schema: Option<&str>, table: &str) -> QualifiedName {
        QualifiedName { schema: schema.map(str::to_owned), name: table.to_owned() }
    }

    #[test]
    fn names_parse_as_sql_reads_them() {
        let cases = [
            ("orders", name(None, "orders")),
            ("Live.Orders", name(Some("live"), "orders")),
            ("live.\"TransactionsNew\"", name(Some("live"), "TransactionsNew")),
            ("\"a.b\".\"say \"\"hi\"\"\"", name(Some("a.b"), "say \"hi\"")),
            ("\"line\nbreak\"", name(None, "line\nbreak")),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<QualifiedName>().unwrap(), expected, "{text}");
            assert_eq!(expected.to_string().parse::<QualifiedName>().unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_names_are_refused() {
        for text in ["", ".", "a.", "\"\"", "\"open", "a.b.c", "a b", "a;drop"] {
            assert!(text.parse::<QualifiedName>().is_err(), "{text}");
        }
    }
}
