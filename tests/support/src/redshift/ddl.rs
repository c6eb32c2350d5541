//! Owns the turning of Redshift's CREATE TABLE and ALTER TABLE into statements for Postgres.
//!
//! - Types: SUPER and VARBYTE are domains that [`super::setup`] made; a VARCHAR counts bytes, by a check; a bare VARCHAR or
//!   TEXT has 256 of them; a bare NUMERIC is `(18,0)`.
//! - Primary and unique keys are declared and not enforced: the declaration goes into the table's comment.
//! - Distribution, sort keys and encodings are read and kept in the comment as well.

use super::copy_statement::quoted;
use super::statement::{Action, FOREIGN_TYPES, Refusal};
use super::tokens::{Kind, Token};

const VARCHAR_BYTES_MAX: u32 = 65_535;
const VARCHAR_BYTES_BARE: u32 = 256;
const CHAR_BYTES_MAX: u32 = 4_096;
const NUMERIC_PRECISION_MAX: u32 = 38;

/// What is declared and not carried out.
#[derive(Debug, Default)]
struct Declared {
    notes: Vec<String>,
    /// Columns of a primary key that is declared for the table: they take no NULL.
    key: Vec<String>,
}

/// CREATE TABLE, whose name is at `at`.
pub(super) fn create_table(tokens: &[&Token], at: usize) -> Result<Action, Refusal> {
    let mut at = at;
    if tokens.get(at).is_some_and(|token| token.is_word("if")) {
        at += 3;
    }
    let name_end = name_end(tokens, at)?;
    let table = sql(&tokens[at..name_end]);
    let Some(open) = tokens.get(name_end).filter(|token| token.is_symbol('(')).map(|_| name_end) else {
        // CREATE TABLE … AS: its columns are those of a query.
        return Ok(Action::Run { sql: sql(tokens), then: Vec::new() });
    };
    let close = closing(tokens, open)?;
    let mut declared = Declared::default();
    let mut items = Vec::new();
    for item in split(&tokens[open + 1..close]) {
        items.extend(table_item(item, &mut declared)?);
    }
    table_attributes(&tokens[close + 1..], &mut declared)?;
    let head = sql(&tokens[..name_end]);
    let statement = format!("{head} ({})", items.join(", "));
    let mut then: Vec<String> = declared
        .key
        .iter()
        .map(|column| format!("ALTER TABLE {table} ALTER COLUMN {} SET NOT NULL", quoted(column)))
        .collect();
    if !declared.notes.is_empty() {
        let notes = declared.notes.join("; ").replace('\\', "\\\\").replace('\'', "''");
        then.push(format!("COMMENT ON TABLE {table} IS '{notes}'"));
    }
    Ok(Action::Run { sql: statement, then })
}

/// ALTER TABLE: one action at a time, of those Redshift has.
pub(super) fn alter_table(tokens: &[&Token]) -> Result<Action, Refusal> {
    let end = name_end(tokens, 2)?;
    let table = sql(&tokens[2..end]);
    let actions = split(&tokens[end..]);
    let [action] = actions.as_slice() else {
        return Err(Refusal::unsupported("ALTER TABLE takes one action at a time"));
    };
    let words: Vec<String> = action.iter().map(|token| token.word()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let run = |sql: String| Ok(Action::Run { sql, then: Vec::new() });
    match words.as_slice() {
        ["append", "from", ..] => {
            let from = sql(&action[2..]);
            let moved =
                format!("WITH moved AS (DELETE FROM {from} RETURNING *) INSERT INTO {table} SELECT * FROM moved");
            Ok(Action::RunAlone(moved))
        }
        ["add", "column", ..] => added_column(&table, &action[2..]),
        ["add", "primary" | "unique" | "foreign" | "constraint", ..] => {
            run(format!("COMMENT ON TABLE {table} IS 'declared'"))
        }
        ["add", ..] => added_column(&table, &action[1..]),
        ["drop", "column", ..] | ["rename", ..] | ["owner", ..] => run(format!("ALTER TABLE {table} {}", sql(action))),
        ["alter", "diststyle" | "distkey" | "sortkey" | "compound" | "encode", ..] => {
            run("SELECT 1 WHERE FALSE".to_owned())
        }
        ["alter", "column", _, "type", ..] => {
            let column = sql(&action[2..3]);
            let (type_name, bytes, _) = column_type(&action[4..])?;
            if bytes.is_none() {
                return Err(Refusal::unsupported("only a VARCHAR can be altered, to another length"));
            }
            run(format!("ALTER TABLE {table} ALTER COLUMN {column} TYPE {type_name}"))
        }
        _ => Err(Refusal::unsupported(format!("ALTER TABLE {} is not supported", sql(action)))),
    }
}

fn added_column(table: &str, item: &[&Token]) -> Result<Action, Refusal> {
    let mut declared = Declared::default();
    let column = column(item, &mut declared)?;
    Ok(Action::Run { sql: format!("ALTER TABLE {table} ADD COLUMN {column}"), then: Vec::new() })
}

/// A column, or a clause of the table; none for what is only declared.
fn table_item(item: &[&Token], declared: &mut Declared) -> Result<Option<String>, Refusal> {
    let Some(first) = item.first() else { return Err(Refusal::syntax(",")) };
    match first.word().as_str() {
        "primary" | "unique" => {
            if first.is_word("primary") {
                declared.key.extend(item.iter().skip(2).filter_map(|token| token.name()));
            }
            declared.notes.push(sql(item));
            Ok(None)
        }
        "foreign" => Ok(None),
        "constraint" => table_item(item.get(2..).unwrap_or_default(), declared),
        "check" | "exclude" => Err(Refusal::unsupported("CHECK constraints are not supported")),
        "like" => {
            let end = name_end(item, 1)?;
            let defaults =
                if item[end..].iter().any(|token| token.is_word("including")) { " INCLUDING DEFAULTS" } else { "" };
            Ok(Some(format!("LIKE {} INCLUDING CONSTRAINTS{defaults}", sql(&item[1..end]))))
        }
        _ => column(item, declared).map(Some),
    }
}

/// Words that end a column's type.
const ATTRIBUTES: &[&str] = &[
    "not",
    "null",
    "default",
    "identity",
    "generated",
    "encode",
    "distkey",
    "sortkey",
    "primary",
    "unique",
    "references",
    "collate",
    "check",
    "constraint",
];

fn column(item: &[&Token], declared: &mut Declared) -> Result<String, Refusal> {
    let name = item.first().and_then(|token| token.name()).ok_or_else(|| Refusal::syntax(&sql(item)))?;
    let (type_name, bytes, used) = column_type(&item[1..])?;
    let mut out = format!("{} {type_name}", quoted(&name));
    if let Some(bytes) = bytes {
        out.push_str(&format!(" CHECK (octet_length({}) <= {bytes})", quoted(&name)));
    }
    let mut rest = &item[1 + used..];
    while let Some(token) = rest.first() {
        let used = match token.word().as_str() {
            "not" => {
                out.push_str(" NOT NULL");
                2
            }
            "null" => 1,
            "primary" => {
                out.push_str(" NOT NULL");
                declared.notes.push(format!("PRIMARY KEY ({})", quoted(&name)));
                2
            }
            "unique" => {
                declared.notes.push(format!("UNIQUE ({})", quoted(&name)));
                1
            }
            word @ ("distkey" | "sortkey") => {
                declared.notes.push(format!("{} ({})", word.to_uppercase(), quoted(&name)));
                1
            }
            "encode" | "collate" => 2,
            "references" => {
                let end = name_end(rest, 1)?;
                if rest.get(end).is_some_and(|token| token.is_symbol('(')) { closing(rest, end)? + 1 } else { end }
            }
            "identity" => {
                let end = closing(rest, 1)?;
                out.push_str(&format!(" GENERATED ALWAYS AS IDENTITY {}", steps(&rest[2..end])?));
                end + 1
            }
            "generated" => {
                if !rest.get(1).is_some_and(|token| token.is_word("by")) {
                    return Err(Refusal::unsupported("only GENERATED BY DEFAULT AS IDENTITY is supported"));
                }
                let end = closing(rest, 5)?;
                out.push_str(&format!(" GENERATED BY DEFAULT AS IDENTITY {}", steps(&rest[6..end])?));
                end + 1
            }
            "default" => {
                let is_attribute = |token: &&Token| ATTRIBUTES[..].contains(&token.word().as_str());
                // The value itself may be NULL.
                let end = rest.iter().skip(2).position(is_attribute).map_or(rest.len(), |end| end + 2);
                out.push_str(&format!(" {}", sql(&rest[..end])));
                end
            }
            "check" => return Err(Refusal::unsupported("CHECK constraints are not supported")),
            _ => return Err(Refusal::syntax(&token.text)),
        };
        rest = rest.get(used..).unwrap_or_default();
    }
    Ok(out)
}

/// `(1, 1)` as the options of an identity.
fn steps(tokens: &[&Token]) -> Result<String, Refusal> {
    match split(tokens).as_slice() {
        [start, step] => Ok(format!("(START {} INCREMENT {})", sql(start), sql(step))),
        _ => Err(Refusal::syntax("IDENTITY")),
    }
}

/// The type for Postgres, the bytes it holds where they are counted, and how many tokens it took.
fn column_type(tokens: &[&Token]) -> Result<(String, Option<u32>, usize), Refusal> {
    let mut words = Vec::new();
    let mut modifiers = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if token.is_symbol('[') {
            return Err(Refusal::unsupported("Column type array is not supported"));
        }
        if token.is_symbol('(') {
            let close = closing(tokens, at)?;
            modifiers = split(&tokens[at + 1..close]).iter().map(|modifier| sql(modifier)).collect();
            at = close + 1;
            continue;
        }
        let word = token.word();
        if token.kind != Kind::Word || ATTRIBUTES.contains(&word.as_str()) {
            break;
        }
        words.push(word);
        at += 1;
    }
    let name = words.join(" ");
    let (type_name, bytes) = mapped(&name, &modifiers)?;
    Ok((type_name, bytes, at))
}

fn mapped(name: &str, modifiers: &[String]) -> Result<(String, Option<u32>), Refusal> {
    let number = |index: usize, default: u32| match modifiers.get(index) {
        Some(text) if text.eq_ignore_ascii_case("max") => Ok(VARCHAR_BYTES_MAX),
        Some(text) => text.parse::<u32>().map_err(|_| Refusal::syntax(text)),
        None => Ok(default),
    };
    match name {
        "varchar" | "character varying" | "nvarchar" | "text" => {
            let bytes = if name == "text" { VARCHAR_BYTES_BARE } else { number(0, VARCHAR_BYTES_BARE)? };
            if bytes > VARCHAR_BYTES_MAX || bytes == 0 {
                return Err(length_refused("varchar", VARCHAR_BYTES_MAX));
            }
            Ok((format!("varchar({bytes})"), Some(bytes)))
        }
        "char" | "character" | "nchar" | "bpchar" => {
            let bytes = number(0, if name == "bpchar" { VARCHAR_BYTES_BARE } else { 1 })?;
            if bytes > CHAR_BYTES_MAX {
                return Err(length_refused("char", CHAR_BYTES_MAX));
            }
            Ok((format!("char({bytes})"), Some(bytes)))
        }
        "numeric" | "decimal" => {
            let (precision, scale) = (number(0, 18)?, number(1, 0)?);
            if precision > NUMERIC_PRECISION_MAX || scale > precision {
                return Err(length_refused("numeric", NUMERIC_PRECISION_MAX));
            }
            Ok((format!("numeric({precision},{scale})"), None))
        }
        "super" => Ok(("super".to_owned(), None)),
        "varbyte" | "varbinary" | "binary varying" => Ok(("varbyte".to_owned(), None)),
        "smallint"
        | "int2"
        | "integer"
        | "int"
        | "int4"
        | "bigint"
        | "int8"
        | "real"
        | "float4"
        | "double precision"
        | "float8"
        | "float"
        | "boolean"
        | "bool"
        | "date"
        | "time"
        | "timetz"
        | "timestamp"
        | "timestamptz"
        | "time without time zone"
        | "time with time zone"
        | "timestamp without time zone"
        | "timestamp with time zone" => Ok((name.to_owned(), None)),
        _ if FOREIGN_TYPES.contains(&name) => {
            Err(Refusal::unsupported(format!("Column type \"{name}\" is not supported")))
        }
        _ => Err(Refusal { code: "42704", message: format!("type \"{name}\" does not exist") }),
    }
}

fn length_refused(name: &str, max: u32) -> Refusal {
    Refusal { code: "22023", message: format!("length for type {name} cannot exceed {max}") }
}

/// What stands behind the columns.
fn table_attributes(tokens: &[&Token], declared: &mut Declared) -> Result<(), Refusal> {
    let mut rest = tokens;
    while let Some(token) = rest.first() {
        let used = match token.word().as_str() {
            "diststyle" | "backup" | "encode" => 2,
            "compound" | "interleaved" => 1,
            "distkey" | "sortkey" if rest.get(1).is_some_and(|token| token.is_symbol('(')) => closing(rest, 1)? + 1,
            "sortkey" => 2,
            _ => return Err(Refusal::syntax(&token.text)),
        };
        declared.notes.push(sql(&rest[..used.min(rest.len())]));
        rest = rest.get(used..).unwrap_or_default();
    }
    Ok(())
}

/// Behind a name that may be qualified.
fn name_end(tokens: &[&Token], at: usize) -> Result<usize, Refusal> {
    let is_name = |at: usize| tokens.get(at).is_some_and(|token| token.name().is_some());
    let is_dot = |at: usize| tokens.get(at).is_some_and(|token| token.is_symbol('.'));
    if !is_name(at) {
        return Err(Refusal::syntax(tokens.get(at).map_or("end of input", |token| &token.text)));
    }
    let mut end = at + 1;
    while is_dot(end) && is_name(end + 1) {
        end += 2;
    }
    Ok(end)
}

/// The bracket that closes the one at `open`.
fn closing(tokens: &[&Token], open: usize) -> Result<usize, Refusal> {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if token.is_symbol('(') {
            depth += 1;
        } else if token.is_symbol(')') {
            depth -= 1;
            if depth == 0 {
                return Ok(at);
            }
        }
    }
    Err(Refusal::syntax("("))
}

/// The pieces between commas outside brackets.
fn split<'a, 'b>(tokens: &'b [&'a Token]) -> Vec<&'b [&'a Token]> {
    let mut depth = 0;
    tokens
        .split(|token| {
            if token.is_symbol('(') {
                depth += 1;
            } else if token.is_symbol(')') {
                depth -= 1;
            }
            depth == 0 && token.is_symbol(',')
        })
        .collect()
}

/// Tokens as SQL, with names in lower case.
fn sql(tokens: &[&Token]) -> String {
    let mut out = String::new();
    for token in tokens {
        let glued = out.is_empty() || out.ends_with('.') || token.is_symbol('.');
        if !glued {
            out.push(' ');
        }
        match token.kind {
            Kind::Name => out.push_str(&token.text.to_ascii_lowercase()),
            Kind::Word | Kind::Text | Kind::Number | Kind::Space | Kind::Symbol => out.push_str(&token.text),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::statement::decide;
    use super::super::tokens::tokens;
    use super::*;

    fn decided(sql: &str) -> Result<Action, Refusal> {
        decide(&tokens(sql))
    }

    #[test]
    fn types_and_declarations_are_put_into_words_of_postgres() {
        let sql = "CREATE TABLE \"Sales\".T (id bigint IDENTITY(1,2) PRIMARY KEY DISTKEY, doc SUPER ENCODE zstd, raw VARBYTE(10) \
                   NOT NULL, note text DEFAULT 'x', price numeric) DISTSTYLE KEY COMPOUND SORTKEY (id, note)";
        let Action::Run { sql, then } = decided(sql).unwrap() else { panic!() };
        assert_eq!(
            sql,
            "CREATE TABLE \"sales\".T (\"id\" bigint GENERATED ALWAYS AS IDENTITY (START 1 INCREMENT 2) NOT NULL, \"doc\" super, \
             \"raw\" varbyte NOT NULL, \"note\" varchar(256) CHECK (octet_length(\"note\") <= 256) DEFAULT 'x', \
             \"price\" numeric(18,0))"
        );
        let [comment] = then.as_slice() else { panic!("{then:?}") };
        for declared in ["PRIMARY KEY (\"id\")", "DISTKEY (\"id\")", "DISTSTYLE KEY", "SORTKEY ( id , note )"] {
            assert!(comment.contains(declared), "{declared}: {comment}");
        }
    }

    #[test]
    fn key_of_the_table_takes_no_null_and_is_only_declared() {
        let Action::Run { sql, then } =
            decided("CREATE TEMP TABLE t (a int, \"B\" int, PRIMARY KEY (a, \"B\"))").unwrap()
        else {
            panic!()
        };
        assert_eq!(sql, "CREATE TEMP TABLE t (\"a\" int, \"b\" int)");
        assert_eq!(then[1], "ALTER TABLE t ALTER COLUMN \"b\" SET NOT NULL");
    }

    #[test]
    fn what_redshift_has_not_is_refused() {
        for sql in [
            "CREATE TABLE t (a text[])",
            "CREATE TABLE t (a varchar(65536))",
            "CREATE TABLE t (a int CHECK (a > 0))",
            "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a * 2) STORED)",
            "CREATE TABLE t (a mood)",
            "ALTER TABLE t ADD COLUMN a int, ADD COLUMN b int",
            "ALTER TABLE t ALTER COLUMN a DROP NOT NULL",
        ] {
            assert!(decided(sql).is_err(), "{sql}");
        }
    }
}
