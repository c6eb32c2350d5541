//! The Postgres type of a column that a load adds.

use quarrel_model::schema::ColumnType;

/// The narrowest type that holds every value of a change file's column; None where there is none.
pub(super) fn column_type(column_type: &ColumnType) -> Option<String> {
    let name = match column_type {
        ColumnType::Boolean => "boolean",
        ColumnType::Integer(8 | 16) | ColumnType::Unsigned(8) => "smallint",
        ColumnType::Integer(32) | ColumnType::Unsigned(16) => "integer",
        ColumnType::Integer(64) | ColumnType::Unsigned(32) => "bigint",
        ColumnType::Integer(_) => "numeric",
        ColumnType::Unsigned(64) => "numeric(20,0)",
        ColumnType::Unsigned(_) => "numeric",
        ColumnType::Float32 => "real",
        ColumnType::Float64 => "double precision",
        ColumnType::Decimal { precision, scale } => {
            return Some(match u8::try_from(*scale) {
                Ok(scale) if scale <= *precision => format!("numeric({precision},{scale})"),
                // Scales below zero and above the precision came with Postgres 15.
                Ok(_) | Err(_) => "numeric".to_owned(),
            });
        }
        ColumnType::Text => "text",
        ColumnType::Binary => "bytea",
        ColumnType::Date => "date",
        ColumnType::Time => "time without time zone",
        ColumnType::Timestamp { zoned: true } => "timestamp with time zone",
        ColumnType::Timestamp { zoned: false } => "timestamp without time zone",
        ColumnType::Unsupported(_) => return None,
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_columns_hold_every_value_of_their_source() {
        let cases = [
            (ColumnType::Integer(8), Some("smallint")),
            (ColumnType::Unsigned(32), Some("bigint")),
            (ColumnType::Unsigned(64), Some("numeric(20,0)")),
            (ColumnType::Decimal { precision: 18, scale: 2 }, Some("numeric(18,2)")),
            (ColumnType::Decimal { precision: 3, scale: -2 }, Some("numeric")),
            (ColumnType::Timestamp { zoned: true }, Some("timestamp with time zone")),
            (ColumnType::Unsupported("list".to_owned()), None),
        ];
        for (from, expected) in cases {
            assert_eq!(column_type(&from).as_deref(), expected, "{from}");
        }
    }
}
