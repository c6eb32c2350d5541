//! Owns random changes of a source's columns, the statements that make them in Postgres, and what a copy must make of them.
//!
//! A column's type is a place in a table of families: within a family a higher level holds every value of the lower ones, and
//! between families nothing does. So what changed, and whether a copy may follow, is told by comparing places: by no code that
//! knows types.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::ddl::quoted;

/// The levels of a family, from the narrowest: the type at the source, and how Postgres prints that of the copy.
pub type Family = &'static [(&'static str, &'static str)];

/// Every family.
pub const FAMILIES: [Family; 9] = [
    &[("smallint", "smallint"), ("integer", "integer"), ("bigint", "bigint"), ("numeric(25,3)", "numeric(25,3)")],
    &[
        ("varchar(10)", "character varying(10)"),
        ("varchar(20)", "character varying(20)"),
        ("varchar(20000)", "character varying(20000)"),
        ("text", "text"),
    ],
    &[("timestamp(0)", "timestamp(0) without time zone"), ("timestamp", "timestamp without time zone")],
    &[("time(2)", "time(2) without time zone"), ("time(4)", "time(4) without time zone")],
    &[("real", "real"), ("double precision", "double precision")],
    &[("bit varying(3)", "bit varying(3)"), ("bit varying", "bit varying")],
    &[("integer[]", "integer[]"), ("bigint[]", "bigint[]")],
    &[("boolean", "boolean")],
    &[("jsonb", "jsonb")],
];

/// Beginnings of names that quoting must bear.
const NAMES: [&str; 6] = ["plain", "Mixed Case", "select", "ü \"quoted\"", "{0}", "it's; --"];

/// A column: its name, its place in [`FAMILIES`], and whether it takes NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeColumn {
    pub name: String,
    pub family: usize,
    pub level: usize,
    pub nullable: bool,
}

impl ShapeColumn {
    fn source_type(&self) -> &'static str {
        FAMILIES[self.family][self.level].0
    }

    /// How the copy's catalog prints its type.
    pub fn copy_type(&self) -> &'static str {
        FAMILIES[self.family][self.level].1
    }
}

/// The columns of a table whose key is `id bigint`, without that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    pub columns: Vec<ShapeColumn>,
    /// How many names have been given: none is given twice.
    names: usize,
}

/// A change; `column` counts from the first, and begins again behind the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Add { name: usize, family: usize, level: usize, nullable: bool },
    Widen { column: usize },
    Narrow { column: usize },
    Drop { column: usize },
    Rename { column: usize, name: usize },
    Retype { column: usize, family: usize },
    TakeNull { column: usize },
}

/// What a copy that looks like one shape must make of a source that looks like another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Columns that differ.
    pub changed: BTreeSet<String>,
    /// Whether it may not follow by itself: something went, was narrowed or became another type.
    pub is_refused: bool,
}

impl Shape {
    /// A table of columns with these families, all at the level `level`, each second one NOT NULL.
    pub fn of(families: &[usize], level: usize) -> Shape {
        let mut shape = Shape { columns: Vec::new(), names: 0 };
        for (place, family) in families.iter().enumerate() {
            let add = Change::Add { name: place, family: *family, level, nullable: place % 2 == 0 };
            shape.apply("ignored", &add);
        }
        shape
    }

    /// Applies a change, and gives the statement that makes it at a source; `table` is quoted SQL. None: it changes nothing.
    pub fn apply(&mut self, table: &str, change: &Change) -> Option<String> {
        let count = self.columns.len();
        let at = |column: usize| column.checked_rem(count);
        let alter = |rest: String| Some(format!("ALTER TABLE {table} {rest}"));
        match *change {
            Change::Add { name, family, level, nullable } => {
                let name = self.new_name(name);
                let family = family % FAMILIES.len();
                let level = level % FAMILIES[family].len();
                let column = ShapeColumn { name, family, level, nullable };
                let rule = if nullable { "" } else { " NOT NULL" };
                let added = format!("ADD {} {}{rule}", quoted(&column.name), column.source_type());
                self.columns.push(column);
                alter(added)
            }
            Change::Widen { column } => self.retype(table, at(column)?, |family, level| (family, level + 1)),
            Change::Narrow { column } => {
                self.retype(table, at(column)?, |family, level| (family, level.wrapping_sub(1)))
            }
            Change::Retype { column, family } => self.retype(table, at(column)?, |_, _| (family % FAMILIES.len(), 0)),
            Change::Drop { column } => {
                let dropped = self.columns.remove(at(column)?);
                alter(format!("DROP {}", quoted(&dropped.name)))
            }
            Change::Rename { column, name } => {
                let name = self.new_name(name);
                let found = &mut self.columns[at(column)?];
                let before = std::mem::replace(&mut found.name, name);
                let renamed = format!("RENAME {} TO {}", quoted(&before), quoted(&found.name));
                alter(renamed)
            }
            Change::TakeNull { column } => {
                let found = &mut self.columns[at(column)?];
                found.nullable = true;
                let relaxed = format!("ALTER {} DROP NOT NULL", quoted(&found.name));
                alter(relaxed)
            }
        }
    }

    /// The statement that makes the source's table.
    pub fn create(&self, table: &str) -> String {
        let rule = |column: &ShapeColumn| if column.nullable { "" } else { " NOT NULL" };
        let columns = self.columns.iter();
        let columns: Vec<String> = columns
            .map(|column| format!(", {} {}{}", quoted(&column.name), column.source_type(), rule(column)))
            .collect();
        format!("CREATE TABLE {table} (id bigint PRIMARY KEY{})", columns.concat())
    }

    /// What a copy of this shape must make of a source.
    pub fn expect(&self, source: &Shape) -> Expected {
        let mut expected = Expected { changed: BTreeSet::new(), is_refused: false };
        for column in &self.columns {
            let Some(now) = source.columns.iter().find(|now| now.name == column.name) else {
                expected.changed.insert(column.name.clone());
                expected.is_refused = true;
                continue;
            };
            let is_other = now.family != column.family || now.level < column.level;
            let is_wider = now.level > column.level || (now.nullable && !column.nullable);
            if is_other || is_wider {
                expected.changed.insert(column.name.clone());
            }
            expected.is_refused |= is_other;
        }
        let known = |name: &str| self.columns.iter().any(|column| column.name == name);
        expected.changed.extend(source.columns.iter().filter(|now| !known(&now.name)).map(|now| now.name.clone()));
        expected
    }

    /// What a copy of this shape has become once it has followed a source: added columns come last and take NULL.
    pub fn followed(&self, source: &Shape) -> Shape {
        let find = |shape: &Shape, name: &str| shape.columns.iter().find(|column| column.name == name).cloned();
        let kept = self.columns.iter().filter_map(|column| {
            let now = find(source, &column.name)?;
            Some(ShapeColumn { nullable: column.nullable || now.nullable, ..now })
        });
        let added = source.columns.iter().filter(|now| find(self, &now.name).is_none());
        let added = added.map(|now| ShapeColumn { nullable: true, ..now.clone() });
        Shape { columns: kept.chain(added).collect(), names: source.names }
    }

    fn new_name(&mut self, name: usize) -> String {
        self.names += 1;
        format!("{} {}", NAMES[name % NAMES.len()], self.names)
    }

    fn retype(&mut self, table: &str, column: usize, place: impl Fn(usize, usize) -> (usize, usize)) -> Option<String> {
        let found = &mut self.columns[column];
        let (family, level) = place(found.family, found.level);
        if level >= FAMILIES[family].len() {
            return None;
        }
        (found.family, found.level) = (family, level);
        let (name, type_name) = (quoted(&found.name), found.source_type());
        Some(format!("ALTER TABLE {table} ALTER {name} TYPE {type_name} USING NULL::{type_name}"))
    }
}

/// A first shape, and changes in groups: a copy looks at the source between them. About half of the groups can be followed.
pub fn histories() -> impl Strategy<Value = (Shape, Vec<Vec<Change>>)> {
    let place = || 0_usize..64;
    let follows = prop_oneof![
        (place(), place(), place(), any::<bool>()).prop_map(|(name, family, level, nullable)| Change::Add {
            name,
            family,
            level,
            nullable
        }),
        place().prop_map(|column| Change::Widen { column }),
        place().prop_map(|column| Change::TakeNull { column }),
    ];
    let refused = prop_oneof![
        place().prop_map(|column| Change::Narrow { column }),
        place().prop_map(|column| Change::Drop { column }),
        (place(), place()).prop_map(|(column, name)| Change::Rename { column, name }),
        (place(), place()).prop_map(|(column, family)| Change::Retype { column, family }),
    ];
    let change = prop_oneof![4 => follows.boxed(), 1 => refused.boxed()];
    let groups = prop::collection::vec(prop::collection::vec(change, 1..4), 1..6);
    let shape = (prop::collection::vec(0..FAMILIES.len(), 0..7), 0_usize..3);
    (shape.prop_map(|(families, level)| Shape::of(&families, level)), groups)
}
