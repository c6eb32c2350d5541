//! The spellings under which a setting is looked for. The names that the old service is known to use come first; the
//! others are those that such lists commonly have. `docs/import.md` documents them all.
//!
//! Keys are compared in snake_case: `sourceTable`, `source-table` and `SOURCE_TABLE` are `source_table`.

/// What one setting may be called.
pub(super) type Spellings = &'static [&'static str];

// Of a place: inside `source` or an item of `targets`, or with `source_` or `target_` before it in the entry itself.
pub(super) const DATABASE: Spellings = &["database", "database_name", "db", "db_name"];
pub(super) const TYPE: Spellings = &["type", "database_type", "db_type", "engine"];
pub(super) const SCHEMA: Spellings = &["schema", "schema_name"];
pub(super) const TABLE: Spellings = &["table", "table_name"];
pub(super) const CONNECTION: Spellings = &["connection", "connection_id", "conn", "conn_id"];
pub(super) const POOL: Spellings = &["pool", "pool_name"];
pub(super) const POOL_SIZE: Spellings = &["pool_size", "pool_slots"];
pub(super) const PLACE: [Spellings; 7] = [DATABASE, TYPE, SCHEMA, TABLE, CONNECTION, POOL, POOL_SIZE];

// Of an entry.
pub(super) const NAME: Spellings = &["name"];
pub(super) const SOURCE: Spellings = &["source"];
pub(super) const TARGETS: Spellings = &["targets", "target"];
pub(super) const DMS_TASK: Spellings =
    &["dms_task", "dms_task_id", "dms_task_identifier", "dms_task_name", "dms_task_arn"];
pub(super) const MONITORS: Spellings =
    &["monitors", "cdc_monitors", "dependent_monitors", "monitors_after_cdc", "after_cdc_monitors"];
pub(super) const SCHEDULED_MONITORS: Spellings =
    &["scheduled_monitors", "monitors_with_schedule", "independent_monitors", "standalone_monitors", "cron_monitors"];
pub(super) const CRON: Spellings = &["cron_schedule", "cron", "cron_expression", "schedule", "schedule_interval"];
pub(super) const TIMEZONE: Spellings = &["timezone", "time_zone", "tz"];
pub(super) const AHEAD: Spellings = &["execution_frequency"];
pub(super) const LOOK_BACK: Spellings = &["cdc_look_for_past_interval"];
pub(super) const DELAY_INTERVAL: Spellings = &["delay_monitoring_interval"];
pub(super) const DELAY_TOLERANCE: Spellings = &["delay_monitoring_tolerance_interval"];
pub(super) const START_DATE: Spellings = &["start_date"];
pub(super) const LOB_SLICE: Spellings = &["lob_slice"];
pub(super) const KEY: Spellings = &["key", "keys", "primary_key", "primary_keys"];
pub(super) const PREFIX: Spellings = &["prefix", "s3_prefix", "changes_prefix"];
pub(super) const BUCKET_FOLDER: Spellings = &["bucket_folder", "s3_folder"];
pub(super) const CREATED: Spellings = &["created_column", "created_at_column"];
pub(super) const UPDATED: Spellings = &["updated_column", "updated_at_column"];

const ENTRY: [Spellings; 19] = [
    NAME,
    SOURCE,
    TARGETS,
    DMS_TASK,
    MONITORS,
    SCHEDULED_MONITORS,
    CRON,
    TIMEZONE,
    AHEAD,
    LOOK_BACK,
    DELAY_INTERVAL,
    DELAY_TOLERANCE,
    START_DATE,
    LOB_SLICE,
    KEY,
    PREFIX,
    BUCKET_FOLDER,
    CREATED,
    UPDATED,
];

// Of a monitor.
pub(super) const MONITOR: Spellings = &["monitor", "name", "type", "monitor_name"];

/// What stands before a setting of a place in an entry without `source` or `targets`.
pub(super) const SOURCE_PREFIX: &str = "source_";
pub(super) const TARGET_PREFIX: &str = "target_";

/// The keys of an entry, for hints.
pub(super) fn entry_words() -> Vec<String> {
    let mut words: Vec<String> = ENTRY.into_iter().flatten().map(|word| (*word).to_owned()).collect();
    for prefix in [SOURCE_PREFIX, TARGET_PREFIX] {
        words.extend(PLACE.into_iter().flatten().map(|word| format!("{prefix}{word}")));
    }
    words
}

/// The keys of a place, for hints.
pub(super) fn place_words() -> Vec<String> {
    PLACE.into_iter().flatten().map(|word| (*word).to_owned()).collect()
}

/// The keys of a monitor, for hints.
pub(super) fn monitor_words() -> Vec<String> {
    [MONITOR, CRON].into_iter().flatten().map(|word| (*word).to_owned()).collect()
}

/// A key in snake_case.
pub(super) fn folded(key: &str) -> String {
    let mut snake = String::with_capacity(key.len());
    let mut before: Option<char> = None;
    for c in key.trim().chars() {
        if c.is_ascii_uppercase() && before.is_some_and(|before| before.is_ascii_lowercase()) {
            snake.push('_');
        }
        snake.push(if matches!(c, '-' | ' ') { '_' } else { c.to_ascii_lowercase() });
        before = Some(c);
    }
    snake
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn keys_are_compared_in_snake_case() {
        for key in ["source_table", "sourceTable", "SOURCE_TABLE", "Source-Table", "source table"] {
            assert_eq!(folded(key), "source_table", "{key}");
        }
    }

    #[test]
    fn every_spelling_is_documented() {
        let documented = include_str!("../../../../docs/import.md");
        for word in PLACE.into_iter().chain(ENTRY).chain([MONITOR]).flatten() {
            assert!(documented.contains(&format!("`{word}`")), "`{word}` is missing in docs/import.md");
        }
    }

    #[test]
    fn no_word_means_two_settings() {
        for words in [entry_words(), place_words(), monitor_words()] {
            let distinct: BTreeSet<&String> = words.iter().collect();
            assert_eq!(distinct.len(), words.len());
            assert!(words.iter().all(|word| folded(word) == **word));
        }
    }
}
