//! Files that are broken, unfinished or unknown: named, never skipped in silence, and no other table's matter.

use quarrel_testkit::dms::{Damage, DmsOptions, damaged, encode, write_history};
use quarrel_testkit::history::History;
use quarrel_testkit::oracle::Oracle;
use quarrel_testkit::value::Dialect;

use crate::harness::database::Database;
use crate::harness::process::Ended;
use crate::harness::project::{Config, Project};
use crate::scene::{FOLDER_LAKE, Setup, empty_target, short_history};

/// Two tables of equal content, `items` and `orders`, in two databases. No file counts as being written.
struct TwoTables {
    project: Project,
    items: Database,
    orders: Database,
    history: History,
}

impl TwoTables {
    fn new(seed: u64) -> TwoTables {
        let history = short_history(seed);
        let target = || empty_target(&history.key, &history.columns);
        let (items, orders) = (target(), target());
        let config = Config::new("in_process", FOLDER_LAKE)
            .connection("first", &items.url)
            .connection("second", &orders.url)
            .table(
                "{name: items, changes: {prefix: shop/items/, settle: 0s}, key: [id], \
                 targets: [{connection: first, table: items}]}",
            )
            .table(
                "{name: orders, changes: {prefix: shop/orders/, settle: 0s}, key: [id], \
                 targets: [{connection: second, table: items}]}",
            );
        let project = Project::new(&config);
        for folder in ["shop/items", "shop/orders"] {
            write_history(&project.path().join("changes").join(folder), &history, &DmsOptions::default());
        }
        TwoTables { project, items, orders, history }
    }

    /// Overwrites, or adds, a file of `items`.
    fn spoil(&self, path: &str, bytes: &[u8]) {
        std::fs::write(self.project.path().join("changes/shop/items").join(path), bytes).unwrap();
    }

    /// Runs both tables: `items` stops at the file of that name, `orders` goes on.
    fn assert_only_items_stops(&self, name: &str, context: &str) -> Ended {
        let ended = self.project.run_cdc().expect(1, context);
        let printed: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        let (items, orders) = (printed["runs"][0].to_string(), &printed["runs"][1]);
        assert_eq!(printed["runs"][0]["status"], "failed", "{context}: {ended:?}");
        assert!(items.contains(name), "{context}: the file is named: {ended:?}");
        assert_eq!(orders["status"], "succeeded", "{context}: {ended:?}");
        let oracle = Oracle::of(&self.history);
        let rows = oracle.text_rows(Dialect::Postgres);
        self.items.assert_rows("items", &oracle.column_names(), &[], context);
        self.orders.assert_rows("items", &oracle.column_names(), &rows, context);
        ended
    }
}

/// The last file with rows: nothing before it may be applied without it, since all are one batch.
fn last_with_rows(history: &History) -> &quarrel_testkit::history::ChangeFileSpec {
    history.files.iter().rev().find(|file| !file.events.is_empty()).unwrap()
}

#[test]
fn corrupt_file_stops_its_table_and_is_named_and_a_whole_copy_mends_it() {
    for (damage, seed) in [(Damage::BadFooter, 700), (Damage::BadPages, 701), (Damage::CutInHalf, 702)] {
        let context = format!("{damage:?}");
        let tables = TwoTables::new(seed);
        let file = last_with_rows(&tables.history);
        let whole = encode(file, &DmsOptions::default());
        tables.spoil(&file.path, &damaged(whole.clone(), damage));
        tables.assert_only_items_stops(file.name(), &context);

        tables.spoil(&file.path, &whole);
        tables.project.run_cdc().expect(0, &context);
        let oracle = Oracle::of(&tables.history);
        tables.items.assert_rows("items", &oracle.column_names(), &oracle.text_rows(Dialect::Postgres), &context);
        tables.items.assert_applied_once(tables.history.files.len(), &context);
    }
}

#[test]
fn parquet_of_an_unknown_name_stops_its_table_and_is_named() {
    let tables = TwoTables::new(710);
    let bytes = encode(last_with_rows(&tables.history), &DmsOptions::default());
    tables.spoil("part-00000.parquet", &bytes);
    tables.assert_only_items_stops("part-00000.parquet", "an unknown name");
}

#[test]
fn young_file_without_an_end_is_left_for_later_with_a_warning() {
    let history = short_history(720);
    let scene = Setup::of(&history).in_folder(1);
    let unfinished = last_with_rows(&history);
    let place = history.files.iter().position(|file| file.path == unfinished.path).unwrap();
    scene.deliver(&history.files);
    let whole = encode(unfinished, &DmsOptions::default());
    scene.deliver_bytes(&unfinished.path, damaged(whole, Damage::CutInHalf));
    let summary = scene.run().expect(0, "with an unfinished file").summary();
    let warnings = summary["warnings"].to_string();
    assert!(warnings.contains(unfinished.name()) && warnings.contains("still being written"), "{summary}");
    scene.assert_holds(&history, &history.files[..place], "with an unfinished file");

    scene.deliver(&history.files[place..=place]);
    scene.run().expect(0, "with the file finished");
    scene.assert_holds(&history, &history.files, "with the file finished");
    scene.assert_applied_once_and_clean(history.files.len(), "with the file finished");
}

#[test]
fn file_delivered_again_changes_nothing() {
    let history = short_history(730);
    let scene = Setup { changes: ", after_load: archive", ..Setup::of(&history) }.in_folder(1);
    scene.deliver(&history.files);
    scene.run().expect(0, "the first delivery");
    let again = history.files.iter().find(|file| !file.events.is_empty()).unwrap();
    scene.deliver(std::slice::from_ref(again));
    scene.run().expect(0, "the second delivery");
    scene.assert_holds(&history, &history.files, "the second delivery");
    assert_eq!(scene.change_files(), [""; 0], "the second delivery is archived too");
}

#[test]
fn late_file_whose_successors_are_gone_stops_the_table_and_names_both() {
    let history = short_history(740);
    let scene = Setup { changes: ", after_load: delete", ..Setup::of(&history) }.in_folder(1);
    let mut with_rows = (0..history.files.len()).filter(|place| !history.files[*place].events.is_empty());
    let (late, missing) = (with_rows.nth(1).unwrap(), with_rows.next().unwrap());
    let mut in_time = history.files.clone();
    let late = in_time.remove(late);
    scene.deliver(&in_time);
    scene.run().expect(0, "without the late file");
    assert_eq!(scene.change_files(), [""; 0], "applied files are deleted");

    scene.deliver(std::slice::from_ref(&late));
    let ended = scene.run().expect(1, "with the late file");
    for name in [late.name(), history.files[missing].name()] {
        assert!(ended.stdout.contains(name), "{name} is named: {ended:?}");
    }
    scene.assert_holds(&history, &in_time, "with the late file");
    assert_eq!(scene.change_files(), [late.path.as_str()], "the late file stays");
}
