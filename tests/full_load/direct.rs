//! Straight from the source: rows as they are, columns that follow, and what is refused.

use serde_json::json;

use crate::harness::database::Database;
use crate::harness::process::Running;
use crate::harness::project::{Config, Project, RUN_TIME_MAX};
use crate::scene::summaries;

/// A source with rows, an empty database, and a table that is loaded from one into the other.
struct Direct {
    project: Project,
    source: Database,
    target: Database,
}

const COLUMNS: [&str; 5] = ["id", "name", "amount", "at", "tags"];

impl Direct {
    fn new(table: &str) -> Direct {
        let (source, target) = (Database::create(), Database::create());
        source.execute(
            "CREATE TYPE mood AS ENUM ('calm', 'cross');
             CREATE TABLE items (id bigint PRIMARY KEY, name varchar(20), amount numeric, at timestamptz NOT NULL, tags text[], \
                                 mood mood NOT NULL);
             INSERT INTO items SELECT n, 'name ' || n, n / 7.0, timestamptz '2024-05-06 14:00+00' + n * interval '1 second', \
                                      ARRAY['a', n::text], CASE n % 2 WHEN 0 THEN 'calm'::mood ELSE 'cross' END \
             FROM generate_series(1, 5000) AS n",
        );
        let config = Config::new("in_process", "{changes: ./changes/, work: ./work/}")
            .connection("live", &source.url)
            .connection("copy", &target.url)
            .table(&format!(
                "{{name: items, source: {{connection: live, table: items}}, key: [id], \
                 targets: [{{connection: copy, table: replica.items}}]{table}}}"
            ));
        Direct { project: Project::new(&config), source, target }
    }

    #[track_caller]
    fn run(&self, words: &[&str], code: i32) -> serde_json::Value {
        let mut command = self.project.command(&["run", "full-load", "--output", "json"]);
        let ended = Running::start(command.args(words)).end_within(RUN_TIME_MAX).expect(code, "a direct load");
        summaries(&ended)[0].clone()
    }

    #[track_caller]
    fn assert_equal(&self, columns: &[&str], context: &str) {
        let expected = self.source.rows("items", columns);
        self.target.assert_rows("replica.items", columns, &expected, context);
    }
}

#[test]
fn a_table_is_made_and_loaded_as_its_source_is() {
    let direct = Direct::new("");
    let run = direct.run(&[], 0);
    assert_eq!((&run["status"], &run["changes"], &run["upserts"]), (&json!("succeeded"), &json!(5000), &json!(5000)));
    direct.assert_equal(&COLUMNS, "the first load");
    direct.assert_equal(&["id", "mood"], "an enum, as its text");
    let key = direct.target.text(
        "SELECT string_agg(a.attname, ',') FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) \
         WHERE i.indrelid = 'replica.items'::regclass AND i.indisprimary",
    );
    assert_eq!(key, Some("id".to_owned()));
    let record = std::fs::read_dir(direct.project.path().join("work/migrations/items")).unwrap().count();
    assert_eq!(record, 1, "the migration is kept in the lake");
}

#[test]
fn columns_follow_the_source_and_grants_stay() {
    let direct = Direct::new("");
    direct.run(&[], 0);
    direct.target.execute(
        "CREATE VIEW replica.amounts AS SELECT id, amount FROM replica.items; \
         CREATE INDEX by_name ON replica.items (name); COMMENT ON TABLE replica.items IS 'a copy'",
    );
    direct.source.execute(
        "ALTER TABLE items ADD COLUMN note text; ALTER TABLE items ALTER COLUMN name TYPE varchar(40); \
         UPDATE items SET note = 'n' || id, name = repeat('x', 30) WHERE id % 3 = 0; DELETE FROM items WHERE id > 4000",
    );
    let run = direct.run(&[], 0);
    assert_eq!(run["migrations"].as_array().map(Vec::len), Some(1), "{run}");
    direct.assert_equal(&["id", "name", "amount", "at", "tags", "note"], "the second load");
    let through = direct.target.text("SELECT count(*)::text FROM replica.amounts");
    assert_eq!(through, Some("4000".to_owned()), "the view reads the new table");
    let comment = direct.target.text("SELECT obj_description('replica.items'::regclass)");
    let index = direct.target.text("SELECT indexdef FROM pg_indexes WHERE indexname = 'by_name'");
    assert_eq!(comment, Some("a copy".to_owned()));
    assert!(index.is_some_and(|index| index.contains("replica.items")));
}

#[test]
fn what_is_never_done_by_itself_stops_the_table_with_a_diff() {
    let direct = Direct::new("");
    direct.run(&[], 0);
    direct.source.execute("ALTER TABLE items DROP COLUMN tags");
    let run = direct.run(&[], 1);
    let told = run.to_string();
    assert!(told.contains("tags") && told.contains("--allow"), "{told}");
    assert_eq!(direct.target.text("SELECT count(tags)::text FROM replica.items"), Some("5000".to_owned()));
    direct.run(&["--allow", "drop"], 0);
    direct.assert_equal(&["id", "name", "amount", "at"], "with the column dropped");
}

#[test]
fn a_slow_load_keeps_to_its_limit() {
    let direct = Direct::new(", full_load: {max_rows_per_second: 2000}");
    let run = direct.run(&[], 0);
    assert!(run["seconds"]["load"].as_f64() > Some(1.0), "5,000 rows at 2,000 a second: {run}");
    direct.assert_equal(&COLUMNS, "a slow load");
}

#[test]
fn validate_tells_what_a_full_load_would_do_and_what_is_lost() {
    let direct = Direct::new("");
    let mut command = direct.project.command(&["validate", "--connect"]);
    let ended = Running::start(&mut command).end_within(RUN_TIME_MAX).expect(0, "nothing is loaded yet");
    for part in [
        "items, source: the source is there: 6 columns",
        "the table does not exist yet",
        "a full load would create 6 columns",
    ] {
        assert!(ended.stdout.contains(part), "`{part}` is missing: {ended:?}");
    }
    assert!(ended.stdout.contains("lost on the way, `mood`"), "an enum becomes text: {ended:?}");
    direct.run(&[], 0);
    direct.source.execute("ALTER TABLE items DROP COLUMN tags");
    let mut command = direct.project.command(&["validate", "--connect"]);
    let ended = Running::start(&mut command).end_within(RUN_TIME_MAX).expect(0, "the table is there");
    assert!(ended.stdout.contains("tags") && ended.stdout.contains("--allow"), "{ended:?}");
}
