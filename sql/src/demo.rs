//! Statements of `quarrel demo`, which makes a SQLite database of its own and reads it back.

use crate::fragment::Sql;
use crate::template::{RenderError, Template, Value, template};

/// Makes the target tables.
pub const CREATE_TABLES: [Template; 3] = [
    template!("demo/create_customers.sql"),
    template!("demo/create_order_lines.sql"),
    template!("demo/create_events.sql"),
];

const READ_ROWS: Template = template!("demo/read_rows.sql");

/// Reads these columns of every row, as text.
///
/// # Errors
/// A defect of this crate's texts.
pub fn read_rows<'a>(table: &str, columns: impl IntoIterator<Item = &'a str>) -> Result<Sql, RenderError> {
    READ_ROWS.render([("table", Sql::name(table).into()), ("columns", Value::names(columns))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_as_text_under_their_own_names() {
        let sql = read_rows("t", ["a", "b"]).unwrap();
        let words: Vec<_> = sql.as_str().split_whitespace().collect();
        assert_eq!(words.join(" "), r#"SELECT CAST("a" AS TEXT) AS "a", CAST("b" AS TEXT) AS "b" FROM "t""#);
    }
}
