//! Names that are made: of entries, of connections, of the variables that hold their URLs.

use std::collections::{BTreeMap, BTreeSet};

/// As long as the configuration allows, with room for a suffix.
const NAME_BYTES_MAX: usize = 58;

/// What Airflow itself calls the variable of a connection.
const VARIABLE_PREFIX: &str = "AIRFLOW_CONN_";

/// The text as a name that flags, paths and logs can carry.
pub(super) fn entry_name(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut name: String = text.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        name.insert(0, '_');
    }
    name.truncate(NAME_BYTES_MAX);
    name
}

/// The environment variable that Airflow reads a connection from.
pub(super) fn connection_variable(name: &str) -> String {
    let word: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    format!("{VARIABLE_PREFIX}{word}")
}

/// The name, with a number after it when it is taken already. Case makes no difference: some file systems know none.
pub(super) fn unique(name: &str, taken: &mut BTreeSet<String>) -> String {
    let free = |name: &String| !taken.contains(&name.to_lowercase());
    let numbered = (2_usize..).map(|number| format!("{name}_{number}"));
    let found = std::iter::once(name.to_owned()).chain(numbered).find(free).expect("numbers do not end");
    taken.insert(found.to_lowercase());
    found
}

/// The name of each table: of its candidates, plain ones first, the first that no other table has; at last a number.
pub(super) fn table_names(candidates: &[Vec<String>]) -> Vec<String> {
    let mut levels = vec![0_usize; candidates.len()];
    let name = |table: usize, levels: &[usize]| -> String {
        let names = &candidates[table];
        names.get(levels[table]).or(names.last()).map(|name| entry_name(name)).unwrap_or_default()
    };
    let rounds = candidates.iter().map(Vec::len).max().unwrap_or_default();
    for _ in 0..rounds {
        let mut holders: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for table in 0..candidates.len() {
            holders.entry(name(table, &levels).to_lowercase()).or_default().push(table);
        }
        for table in holders.into_values().filter(|tables| tables.len() > 1).flatten() {
            levels[table] = (levels[table] + 1).min(candidates[table].len().saturating_sub(1));
        }
    }
    let mut taken = BTreeSet::new();
    (0..candidates.len()).map(|table| unique(&name(table, &levels), &mut taken)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_such_that_flags_and_variables_can_carry_them() {
        let long = "x".repeat(100);
        let cases =
            [("TransactionsNew", "TransactionsNew"), ("my table", "my_table"), ("-a", "_-a"), ("", "_"), ("é", "_")];
        for (text, expected) in cases {
            assert_eq!(entry_name(text), expected);
        }
        assert_eq!(entry_name(&long).len(), NAME_BYTES_MAX);
        assert_eq!(connection_variable("finops-db.live"), "AIRFLOW_CONN_FINOPS_DB_LIVE");
    }

    #[test]
    fn namesakes_are_told_apart_by_schema_then_database_then_number() {
        let table = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let names = table_names(&[
            table(&["orders", "live_orders", "shop_live_orders"]),
            table(&["Orders", "old_Orders", "shop_old_Orders"]),
            table(&["users", "live_users", "shop_live_users"]),
            table(&["users", "live_users", "crm_live_users"]),
            table(&["users", "live_users", "crm_live_users"]),
            table(&["invoices"]),
        ]);
        let expected =
            ["live_orders", "old_Orders", "shop_live_users", "crm_live_users", "crm_live_users_2", "invoices"];
        assert_eq!(names, expected);
    }
}
