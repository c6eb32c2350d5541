//! The types of MySQL and MariaDB, parsed from `information_schema.columns.column_type`.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Whether a number may be below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signedness {
    Signed,
    Unsigned,
}

/// How many bytes a text or a blob holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextSize {
    /// 255 bytes.
    Tiny,
    /// 65,535 bytes.
    Normal,
    /// 16 MiB less one.
    Medium,
    /// 4 GiB less one.
    Long,
}

/// A type of a MySQL or MariaDB column. Lengths count characters of text and bytes of binaries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MySqlType {
    /// `tinyint(1)` is what MySQL makes of `BOOLEAN`; the width is kept so that it can be told.
    TinyInt {
        sign: Signedness,
        width: Option<u8>,
    },
    SmallInt {
        sign: Signedness,
    },
    MediumInt {
        sign: Signedness,
    },
    Int {
        sign: Signedness,
    },
    BigInt {
        sign: Signedness,
    },
    Decimal {
        precision: u8,
        scale: u8,
        sign: Signedness,
    },
    Float {
        sign: Signedness,
    },
    Double {
        sign: Signedness,
    },
    Bit {
        length: u8,
    },
    Char {
        length: u16,
    },
    Varchar {
        length: u16,
    },
    Text(TextSize),
    Binary {
        length: u16,
    },
    VarBinary {
        length: u16,
    },
    Blob(TextSize),
    Date,
    /// A span from −838:59:59 to 838:59:59, not a time of day.
    Time {
        precision: u8,
    },
    DateTime {
        precision: u8,
    },
    /// An instant.
    Timestamp {
        precision: u8,
    },
    Year,
    Enum {
        labels: Vec<String>,
    },
    Set {
        labels: Vec<String>,
    },
    /// MySQL's type; in MariaDB a `longtext` whose check says `json_valid`, as its `JSON` makes it.
    Json,
    /// MariaDB's.
    Uuid,
    /// MariaDB's.
    Inet4,
    /// MariaDB's.
    Inet6,
    /// `geometry`, `point`, `polygon` …
    Geometry {
        kind: String,
    },
    /// A type we don't know: no mapping has a place for it, an override may.
    Other {
        spelling: String,
    },
}

/// A text that is no type we know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a type of MySQL or MariaDB that Quarrel knows")]
pub struct MySqlTypeError {
    pub text: String,
}

/// Every spatial type of MySQL and MariaDB; MySQL 8 shortens the last to `geomcollection`.
const GEOMETRIES: [&str; 9] = [
    "geometry",
    "point",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
    "geomcollection",
];

impl FromStr for MySqlType {
    type Err = MySqlTypeError;

    /// Reads `int(10) unsigned zerofill`, `enum('a','it''s')`, `datetime(6)` as the catalog prints them.
    fn from_str(text: &str) -> Result<Self, MySqlTypeError> {
        parse(text.trim()).ok_or_else(|| MySqlTypeError { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<MySqlType> {
    let name_end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(name_end);
    let name = name.to_ascii_lowercase();
    if matches!(name.as_str(), "enum" | "set") {
        let labels = parse_labels(rest)?;
        return Some(if name == "enum" { MySqlType::Enum { labels } } else { MySqlType::Set { labels } });
    }
    let (arguments, attributes) = match rest.trim_start().strip_prefix('(') {
        Some(inside) => inside.split_once(')')?,
        None => ("", rest),
    };
    let numbers: Vec<u32> = match arguments.trim() {
        "" => Vec::new(),
        listed => listed.split(',').map(|number| number.trim().parse().ok()).collect::<Option<_>>()?,
    };
    let attributes = attributes.to_ascii_lowercase();
    let sign = if attributes.split_whitespace().any(|word| matches!(word, "unsigned" | "zerofill")) {
        Signedness::Unsigned
    } else {
        Signedness::Signed
    };
    number_type(&name, &numbers, sign).or_else(|| other_type(&name, &numbers))
}

fn number_type(name: &str, numbers: &[u32], sign: Signedness) -> Option<MySqlType> {
    let small = |place: usize, default: u8| numbers.get(place).map_or(Some(default), |n| u8::try_from(*n).ok());
    Some(match name {
        "tinyint" => MySqlType::TinyInt { sign, width: numbers.first().and_then(|n| u8::try_from(*n).ok()) },
        "smallint" => MySqlType::SmallInt { sign },
        "mediumint" => MySqlType::MediumInt { sign },
        "int" | "integer" => MySqlType::Int { sign },
        "bigint" => MySqlType::BigInt { sign },
        "decimal" | "numeric" => MySqlType::Decimal { precision: small(0, 10)?, scale: small(1, 0)?, sign },
        "float" => MySqlType::Float { sign },
        "double" | "real" => MySqlType::Double { sign },
        "bit" => MySqlType::Bit { length: small(0, 1)? },
        _ => return None,
    })
}

fn other_type(name: &str, numbers: &[u32]) -> Option<MySqlType> {
    let length = |default: u16| numbers.first().map_or(Some(default), |n| u16::try_from(*n).ok());
    let precision = || numbers.first().map_or(Some(0), |n| u8::try_from(*n).ok());
    Some(match name {
        "char" => MySqlType::Char { length: length(1)? },
        "varchar" => MySqlType::Varchar { length: length(0)? },
        "tinytext" => MySqlType::Text(TextSize::Tiny),
        "text" => MySqlType::Text(TextSize::Normal),
        "mediumtext" => MySqlType::Text(TextSize::Medium),
        "longtext" => MySqlType::Text(TextSize::Long),
        "binary" => MySqlType::Binary { length: length(1)? },
        "varbinary" => MySqlType::VarBinary { length: length(0)? },
        "tinyblob" => MySqlType::Blob(TextSize::Tiny),
        "blob" => MySqlType::Blob(TextSize::Normal),
        "mediumblob" => MySqlType::Blob(TextSize::Medium),
        "longblob" => MySqlType::Blob(TextSize::Long),
        "date" => MySqlType::Date,
        "time" => MySqlType::Time { precision: precision()? },
        "datetime" => MySqlType::DateTime { precision: precision()? },
        "timestamp" => MySqlType::Timestamp { precision: precision()? },
        "year" => MySqlType::Year,
        "json" => MySqlType::Json,
        "uuid" => MySqlType::Uuid,
        "inet4" => MySqlType::Inet4,
        "inet6" => MySqlType::Inet6,
        _ if GEOMETRIES.contains(&name) => MySqlType::Geometry { kind: name.to_owned() },
        _ => return None,
    })
}

/// The labels of `('a','it''s')`: quotes inside are doubled, nothing else is escaped in the catalog.
fn parse_labels(text: &str) -> Option<Vec<String>> {
    let inside = text.trim().strip_prefix('(')?;
    let mut labels = Vec::new();
    let mut rest = inside;
    loop {
        let mut label = String::new();
        let mut chars = rest.trim_start().strip_prefix('\'')?.char_indices().peekable();
        let body = rest.trim_start().strip_prefix('\'')?;
        let end = loop {
            let (at, c) = chars.next()?;
            if c != '\'' {
                label.push(c);
            } else if chars.peek().is_some_and(|(_, next)| *next == '\'') {
                label.push('\'');
                chars.next();
            } else {
                break at + 1;
            }
        };
        labels.push(label);
        rest = body[end..].trim_start();
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None => return rest.starts_with(')').then_some(labels),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_types_are_read_as_the_catalog_prints_them() {
        use Signedness::{Signed, Unsigned};
        let labels = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let cases = [
            ("tinyint(1)", MySqlType::TinyInt { sign: Signed, width: Some(1) }),
            ("tinyint(3) unsigned", MySqlType::TinyInt { sign: Unsigned, width: Some(3) }),
            ("int", MySqlType::Int { sign: Signed }),
            ("int(5) unsigned zerofill", MySqlType::Int { sign: Unsigned }),
            ("bigint(20) unsigned", MySqlType::BigInt { sign: Unsigned }),
            ("decimal(65,30)", MySqlType::Decimal { precision: 65, scale: 30, sign: Signed }),
            ("decimal(10,0) unsigned", MySqlType::Decimal { precision: 10, scale: 0, sign: Unsigned }),
            ("double(10,2)", MySqlType::Double { sign: Signed }),
            ("float unsigned", MySqlType::Float { sign: Unsigned }),
            ("bit(64)", MySqlType::Bit { length: 64 }),
            ("varchar(16383)", MySqlType::Varchar { length: 16_383 }),
            ("char(0)", MySqlType::Char { length: 0 }),
            ("varbinary(65535)", MySqlType::VarBinary { length: 65_535 }),
            ("longtext", MySqlType::Text(TextSize::Long)),
            ("datetime(6)", MySqlType::DateTime { precision: 6 }),
            ("timestamp", MySqlType::Timestamp { precision: 0 }),
            ("timestamp /* mariadb-5.3 */", MySqlType::Timestamp { precision: 0 }),
            ("year(4)", MySqlType::Year),
            ("enum('a','it''s','(x,y)','')", MySqlType::Enum { labels: labels(&["a", "it's", "(x,y)", ""]) }),
            ("set('ü','b')", MySqlType::Set { labels: labels(&["ü", "b"]) }),
            ("multipolygon", MySqlType::Geometry { kind: "multipolygon".to_owned() }),
            ("inet6", MySqlType::Inet6),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<MySqlType>().as_ref(), Ok(&expected), "{text}");
        }
        for text in ["", "vector(3)", "enum('a'", "enum(a)", "decimal(300)", "int(x)"] {
            assert!(text.parse::<MySqlType>().is_err(), "{text}");
        }
    }
}
