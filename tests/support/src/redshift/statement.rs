//! Owns the decision on one statement: run it as it is, in other words, by the stand-in itself, or refuse it as Redshift does.

use super::copy_statement::{CopyStatement, parse_copy};
use super::ddl::{alter_table, create_table};
use super::tokens::{Kind, Token, significant, text_of};

/// Redshift would refuse the statement: an SQLSTATE and a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn syntax(near: &str) -> Refusal {
        Refusal { code: "42601", message: format!("syntax error at or near \"{near}\"") }
    }

    pub(super) fn unsupported(what: impl Into<String>) -> Refusal {
        Refusal { code: "0A000", message: what.into() }
    }
}

/// What is done for a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// It goes to the server in these words; then these, which the client does not hear of.
    Run { sql: String, then: Vec<String> },
    /// Rows come from object storage.
    Copy(CopyStatement),
    /// It commits, whatever transaction it is in.
    RunAndCommit(String),
    /// It is refused inside a transaction.
    RunAlone(String),
}

/// Words of another type system, in statements that make or change tables.
pub(super) const FOREIGN_TYPES: &[&str] = &[
    "uuid",
    "json",
    "jsonb",
    "bytea",
    "money",
    "xml",
    "hstore",
    "inet",
    "cidr",
    "macaddr",
    "bit",
    "serial",
    "bigserial",
    "smallserial",
    "tsvector",
    "oid",
];

/// Functions that Redshift's old Postgres does not have.
const FOREIGN_FUNCTIONS: &[&str] = &[
    "to_regclass",
    "to_regnamespace",
    "to_regtype",
    "hashtextextended",
    "unnest",
    "to_jsonb",
    "jsonb_build_object",
    "gen_random_uuid",
];

/// Decides on a statement.
pub(super) fn decide(statement: &[Token]) -> Result<Action, Refusal> {
    let tokens = significant(statement);
    let words: Vec<String> = tokens.iter().map(|token| token.word()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    refuse_everywhere(&tokens, &words)?;
    match words.as_slice() {
        ["copy", ..] => parse_copy(&tokens).map(Action::Copy),
        ["create", "table", ..] => create_table(&tokens, 2),
        ["create", "temp" | "temporary", "table", ..] => create_table(&tokens, 3),
        ["create", "local", "temp" | "temporary", "table", ..] => create_table(&tokens, 4),
        ["create", "index", ..] | ["create", "unique", "index", ..] => {
            Err(Refusal::unsupported("SQL command \"CREATE INDEX\" not supported on Redshift tables."))
        }
        ["create", what @ ("type" | "domain" | "trigger" | "extension" | "sequence" | "rule" | "aggregate"), ..] => {
            Err(Refusal::unsupported(format!("CREATE {} is not supported", what.to_uppercase())))
        }
        ["alter", "table", ..] => alter_table(&tokens),
        ["truncate", ..] => Ok(Action::RunAndCommit(text_of(statement))),
        ["merge", ..] => merge(statement, &words),
        _ => Ok(Action::Run { sql: text_of(statement), then: Vec::new() }),
    }
}

fn refuse_everywhere(tokens: &[&Token], words: &[&str]) -> Result<(), Refusal> {
    let writes = matches!(words.first(), Some(&("insert" | "update" | "delete" | "with" | "merge")));
    for (place, pair) in words.windows(2).enumerate() {
        match pair {
            ["on", "conflict"] if writes => return Err(Refusal::syntax("ON")),
            ["for", "update" | "share"] => return Err(Refusal::unsupported("SELECT FOR UPDATE is not supported")),
            [function, ""] if tokens[place + 1].is_symbol('(') => refuse_function(function)?,
            _ => {}
        }
    }
    match words.iter().find(|word| **word == "returning") {
        Some(_) if writes => return Err(Refusal::syntax("RETURNING")),
        Some(_) | None => {}
    }
    let long = tokens.iter().filter_map(|token| (token.kind == Kind::Name).then(|| token.name()).flatten());
    match long.into_iter().find(|name| name.len() > NAME_BYTES_MAX) {
        Some(_) => Err(Refusal { code: "42622", message: format!("identifier exceeds {NAME_BYTES_MAX} bytes") }),
        None => Ok(()),
    }
}

const NAME_BYTES_MAX: usize = 127;

fn refuse_function(name: &str) -> Result<(), Refusal> {
    if name.starts_with("pg_advisory") || name.starts_with("pg_try_advisory") || FOREIGN_FUNCTIONS.contains(&name) {
        return Err(Refusal { code: "42883", message: format!("function {name}() does not exist") });
    }
    Ok(())
}

/// A MERGE can't tell rows to delete from rows to update.
fn merge(statement: &[Token], words: &[&str]) -> Result<Action, Refusal> {
    let conditional = words.windows(2).any(|pair| pair == ["matched", "and"]);
    if conditional {
        return Err(Refusal::syntax("AND"));
    }
    Ok(Action::Run { sql: text_of(statement), then: Vec::new() })
}
