//! The kinds of databases, by the words that people use for them.

use super::fields::Given;
use super::value::text;
use crate::config::Engine;
use crate::config::document::Node;
use crate::config::fault::Report;
use crate::config::path::shown;
use crate::config::suggest::did_you_mean;

/// A kind of database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EngineWord {
    Known(Engine),
    /// One that Quarrel has no word for.
    Unknown(String),
}

impl EngineWord {
    /// As messages name it.
    pub(super) fn shown(&self) -> String {
        match self {
            EngineWord::Known(engine) => engine.to_string(),
            EngineWord::Unknown(word) => shown(word),
        }
    }
}

const KNOWN: [(&str, Engine); 15] = [
    ("postgres", Engine::Postgres),
    ("postgresql", Engine::Postgres),
    ("pg", Engine::Postgres),
    ("aurora_postgres", Engine::Postgres),
    ("aurora_postgresql", Engine::Postgres),
    ("rds_postgres", Engine::Postgres),
    ("rds_postgresql", Engine::Postgres),
    ("redshift", Engine::Redshift),
    ("amazon_redshift", Engine::Redshift),
    ("aws_redshift", Engine::Redshift),
    ("sqlite", Engine::Sqlite),
    ("mysql", Engine::Mysql),
    ("mariadb", Engine::Mysql),
    ("aurora_mysql", Engine::Mysql),
    ("clickhouse", Engine::Clickhouse),
];

/// Databases that are no slip of the keyboard, however near their names come to those above.
const OTHERS: [&str; 12] = [
    "bigquery",
    "cassandra",
    "db2",
    "dynamodb",
    "elasticsearch",
    "mongodb",
    "mssql",
    "oracle",
    "s3",
    "scylla",
    "snowflake",
    "sqlserver",
];

/// Reads the kind of a database. A word that is nearly a known one is reported; a quite different one is a kind of its own.
pub(super) fn engine(given: Given<&Node>, report: &mut Report<'_>) -> Option<Given<EngineWord>> {
    let word = text(given, report)?;
    let plain = word.value.to_ascii_lowercase().replace(['-', ' '], "_");
    if let Some((_, engine)) = KNOWN.iter().find(|(known, _)| *known == plain) {
        return Some(Given { value: EngineWord::Known(*engine), at: word.at });
    }
    let slip = did_you_mean(&plain, KNOWN.iter().map(|(known, _)| *known)).filter(|hint| hint.starts_with("did"));
    match slip {
        Some(hint) if !OTHERS.contains(&plain.as_str()) => {
            report.add_with_hint(&word.at, format!("there is no kind of database {}", shown(&word.value)), hint);
            None
        }
        Some(_) | None => Some(Given { value: EngineWord::Unknown(word.value), at: word.at }),
    }
}

/// The kinds that can be loaded, by name.
pub(super) fn supported_targets() -> String {
    let mut names: Vec<String> = Vec::new();
    for name in KNOWN.iter().filter(|(_, engine)| engine.is_target()).map(|(_, engine)| engine.to_string()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

/// The word for it in the configuration.
pub(super) fn config_word(engine: Engine) -> String {
    let quoted = serde_json::to_string(&engine).expect("a kind of database is written as one word");
    quoted.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::document::Lines;
    use crate::config::path::Path;

    #[test]
    fn words_of_people_are_told_from_slips_and_from_other_databases() {
        let lines = Lines::default();
        let read = |word: &str| {
            let mut report = Report::new(&lines);
            let node = Node::Text(word.to_owned());
            let read = engine(Given { value: &node, at: Path::root().index(3).key("type") }, &mut report);
            (read.map(|read| read.value), report.into_faults().to_string())
        };
        for (word, expected) in
            [("PostgreSQL", Engine::Postgres), ("aurora-mysql", Engine::Mysql), ("Amazon Redshift", Engine::Redshift)]
        {
            assert_eq!(read(word), (Some(EngineWord::Known(expected)), String::new()), "{word}");
        }
        for word in ["mssql", "oracle", "teradata"] {
            assert_eq!(read(word), (Some(EngineWord::Unknown(word.to_owned())), String::new()), "{word}");
        }
        let expected = "[3].type: there is no kind of database `postgers`; did you mean `postgres`?";
        assert_eq!(read("postgers"), (None, expected.to_owned()));
        assert_eq!(config_word(Engine::Postgres), "postgres");
    }
}
