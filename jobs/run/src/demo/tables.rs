//! The demo's three tables: their columns, and what a row of each looks like.

use super::random::{Random, mix};
use super::value::{Kind, Value};

/// A column of a demo table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// The first file that has the column: somebody added it to the source while changes were flowing.
    pub(super) since_file: usize,
}

/// Whether change files carry a change sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sequence {
    Absent,
    Present,
}

/// Which table it is: each fills its rows in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    Customers,
    OrderLines,
    Events,
}

/// A table of the demo.
#[derive(Debug)]
pub(super) struct TableSpec {
    pub(super) name: &'static str,
    rows: Rows,
    pub(super) key: &'static [Column],
    /// The columns behind the key.
    pub(super) columns: &'static [Column],
    pub(super) sequence: Sequence,
    /// As the configuration says it.
    pub(super) after_load: &'static str,
    /// Of each hundred changes, how many are of this table.
    pub(super) share_percent: usize,
}

impl TableSpec {
    /// All columns, the key's first.
    pub(super) fn all_columns(&self) -> impl Iterator<Item = &'static Column> {
        self.key.iter().chain(self.columns)
    }
}

/// The file that first has the column `segment`.
pub(super) const SEGMENT_SINCE_FILE: usize = 12;

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, since_file: 0 }
}

pub(super) static TABLES: [TableSpec; 3] = [
    TableSpec {
        name: "customers",
        rows: Rows::Customers,
        key: &[column("id", Kind::Integer)],
        columns: &[
            column("name", Kind::Text),
            column("email", Kind::Text),
            column("balance", Kind::Decimal(2)),
            column("active", Kind::Boolean),
            column("updated_at", Kind::Instant),
            Column { name: "segment", kind: Kind::Text, since_file: SEGMENT_SINCE_FILE },
        ],
        sequence: Sequence::Absent,
        after_load: "archive",
        share_percent: 30,
    },
    TableSpec {
        name: "order_lines",
        rows: Rows::OrderLines,
        key: &[column("order_id", Kind::Integer), column("line", Kind::Integer)],
        columns: &[column("product", Kind::Text), column("quantity", Kind::Integer), column("price", Kind::Decimal(2))],
        sequence: Sequence::Present,
        after_load: "keep",
        share_percent: 40,
    },
    TableSpec {
        name: "events",
        rows: Rows::Events,
        key: &[column("id", Kind::Text)],
        columns: &[
            column("kind", Kind::Text),
            column("payload", Kind::Text),
            column("amount", Kind::Decimal(4)),
            column("happened_at", Kind::Instant),
            column("handled", Kind::Boolean),
        ],
        sequence: Sequence::Absent,
        after_load: "keep",
        share_percent: 30,
    },
];

const FIRST_NAMES: [&str; 8] = ["Ada", "Björn", "Chloé", "Dmitri", "Eleni", "Fatima", "Goro", "Håkon"];
const LAST_NAMES: [&str; 8] = ["O'Brien", "Nowak", "Silva", "Tanaka", "Weiß", "Okafor", "Lindqvist", "Marín"];
const PRODUCTS: [&str; 6] = ["bolt, steel", "bolt, ash wood", "windlass", "stirrup", "goat's foot \"lever\"", "string"];
const SEGMENTS: [&str; 3] = ["retail", "wholesale", "crown"];
const EVENT_KINDS: [&str; 5] = ["created", "paid", "shipped", "returned", "refunded"];
/// Lines an order has.
const LINES: u64 = 4;

/// The key of the `number`th row ever inserted.
pub(super) fn key_of(table: &TableSpec, number: u64) -> Vec<Value> {
    let integer = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    match table.rows {
        Rows::Customers => vec![integer(number + 1)],
        Rows::OrderLines => vec![integer(1_000 + number / LINES), integer(number % LINES + 1)],
        Rows::Events => vec![Value::Text(format!("evt-{:016x}", mix(number + 1)))],
    }
}

/// The values behind the key, of a row written at `commit_micros`.
pub(super) fn row_of(table: &TableSpec, key: &[Value], commit_micros: i64, random: &mut Random) -> Vec<Value> {
    let row = match table.rows {
        Rows::Customers => customer(key, commit_micros, random),
        Rows::OrderLines => order_line(random),
        Rows::Events => event(commit_micros, random),
    };
    debug_assert_eq!(row.len(), table.columns.len(), "a row has every column of its table");
    row
}

fn customer(key: &[Value], commit_micros: i64, random: &mut Random) -> Vec<Value> {
    let (first, last) = (*random.pick(&FIRST_NAMES), *random.pick(&LAST_NAMES));
    let id = key.first().map(ToString::to_string).unwrap_or_default();
    let email = if random.one_in(9) { Value::Null } else { Value::Text(format!("{id}@example.com")) };
    vec![
        Value::Text(format!("{first} {last}")),
        email,
        Value::Decimal(random.below(2_000_000) as i64 - 500_000),
        Value::Boolean(!random.one_in(5)),
        Value::Instant(commit_micros),
        Value::Text((*random.pick(&SEGMENTS)).to_owned()),
    ]
}

fn order_line(random: &mut Random) -> Vec<Value> {
    vec![
        Value::Text((*random.pick(&PRODUCTS)).to_owned()),
        Value::Integer(random.below(40) as i64 + 1),
        if random.one_in(20) { Value::Null } else { Value::Decimal(random.below(90_000) as i64) },
    ]
}

fn event(commit_micros: i64, random: &mut Random) -> Vec<Value> {
    let kind = *random.pick(&EVENT_KINDS);
    let payload = format!(
        r#"{{"kind": "{kind}", "note": "line 1\nline 2 — 箭", "tags": ["{}", null], "weight": {}.5}}"#,
        random.pick(&SEGMENTS),
        random.below(500)
    );
    vec![
        Value::Text(kind.to_owned()),
        Value::Text(payload),
        Value::Decimal(random.below(1_000_000_000) as i64 - 1_000_000),
        // Up to a month earlier: the time of the event is not the time of the commit.
        Value::Instant(commit_micros - random.below(2_592_000) as i64 * 1_000_000),
        if random.one_in(10) { Value::Null } else { Value::Boolean(random.one_in(2)) },
    ]
}
