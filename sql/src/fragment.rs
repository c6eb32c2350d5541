//! Fragments of SQL that are safe by construction.

use std::fmt;

use quarrel_model::names::QualifiedName;

/// A piece of SQL: a quoted name, a quoted text, a number, or a statement rendered from a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sql(String);

impl Sql {
    /// A name between double quotes. Names with NUL, which no engine takes, keep it and are refused by the engine.
    pub fn name(name: &str) -> Self {
        Sql(format!("\"{}\"", name.replace('"', "\"\"")))
    }

    /// A schema-qualified name, each part quoted.
    pub fn table(table: &QualifiedName) -> Self {
        match &table.schema {
            Some(schema) => Sql(format!("{}.{}", Sql::name(schema), Sql::name(&table.name))),
            None => Sql::name(&table.name),
        }
    }

    /// A text literal, safe whatever `standard_conforming_strings` says.
    pub fn text(text: &str) -> Self {
        let quoted = text.replace('\'', "''");
        if quoted.contains('\\') {
            Sql(format!(" E'{}'", quoted.replace('\\', "\\\\")))
        } else {
            Sql(format!("'{quoted}'"))
        }
    }

    /// A whole number.
    pub fn integer(number: i64) -> Self {
        Sql(number.to_string())
    }

    /// A type name that the database itself spelled (`format_type`, `pragma table_info`), never a user's text.
    pub fn type_name(name: &CatalogType) -> Self {
        Sql(name.0.clone())
    }

    /// A statement that the database itself spelled (`format('%I')`, `pg_get_viewdef`), never a user's text.
    pub fn catalog_statement(statement: &CatalogStatement) -> Self {
        Sql(statement.0.clone())
    }

    pub(crate) fn rendered(text: String) -> Self {
        Sql(text)
    }

    /// The text, for the driver.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A type's SQL spelling as read from a database catalog, which quotes what needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogType(String);

impl CatalogType {
    /// Takes a spelling that came from a catalog query. Spellings with a statement separator or a comment are refused.
    pub fn from_catalog(spelling: &str) -> Option<Self> {
        let suspicious = spelling.contains(';') || spelling.contains("--") || spelling.contains("/*");
        (!suspicious && !spelling.is_empty()).then(|| CatalogType(spelling.to_owned()))
    }
}

/// A whole statement as a catalog query spelled it, with every name quoted by the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogStatement(String);

impl CatalogStatement {
    /// Takes a statement that came from a catalog query of this crate.
    pub fn from_catalog(spelling: String) -> Self {
        CatalogStatement(spelling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_inside_names_and_texts_are_doubled() {
        assert_eq!(Sql::name("a\"b").as_str(), "\"a\"\"b\"");
        assert_eq!(Sql::text("it's").as_str(), "'it''s'");
        assert_eq!(Sql::text("a\\'b").as_str(), " E'a\\\\''b'");
        let table = QualifiedName { schema: Some("My Schema".to_owned()), name: "T".to_owned() };
        assert_eq!(Sql::table(&table).as_str(), "\"My Schema\".\"T\"");
    }
}
