//! The lake on a local disk: what a listing holds, and that nothing is moved or deleted but what was applied.

use std::path::PathBuf;

use quarrel_executor::stores::StoreSettings;
use quarrel_model::change_file::ChangeFile;
use quarrel_model::config::LakeUrl;
use quarrel_model::names::TableName;
use quarrel_run::lake::{Lake, LakeArea, LakeError};
use tempfile::TempDir;

/// A lake of two folders.
struct Place {
    folder: TempDir,
    lake: Lake,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let area = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir(&path).unwrap();
            let url = LakeUrl::File { path: format!("{}/", path.display()) };
            LakeArea::open(&url, &StoreSettings::default()).unwrap()
        };
        let lake = Lake { changes: area("changes"), work: area("work area") };
        Place { folder, lake }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn put(&self, below: &str, content: &str) {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn content(&self, below: &str) -> Option<String> {
        std::fs::read_to_string(self.path(below)).ok()
    }

    async fn files(&self, prefix: &str) -> Vec<ChangeFile> {
        self.lake.list_changes(prefix).await.unwrap().files.into_iter().map(|listed| listed.file).collect()
    }
}

const FIRST: &str = "20240506-135930123.parquet";
const SECOND: &str = "20240506-1359301235.parquet";
const THIRD: &str = "20240506-140000000.parquet";

fn table() -> TableName {
    TableName("orders".to_owned())
}

#[tokio::test]
async fn listing_is_in_order_of_names_and_counts_what_is_no_change_file() {
    let place = Place::new();
    place.put(&format!("changes/t/2024/05/06/14/{THIRD}"), "c");
    place.put(&format!("changes/t/{SECOND}"), "bb");
    place.put(&format!("changes/t/2024/05/06/13/{FIRST}"), "a");
    for other in ["LOAD00000001.parquet", "SEGMENT1_LOAD0000000A.parquet", "_SUCCESS", "x.csv", ".20240506-1.parquet"] {
        place.put(&format!("changes/t/{other}"), "");
    }
    place.put(&format!("changes/t2/{FIRST}"), "of another table");
    let listing = place.lake.list_changes("t/").await.unwrap();
    let found: Vec<_> =
        listing.files.iter().map(|listed| (listed.file.key.rsplit('/').next().unwrap(), listed.file.size)).collect();
    assert_eq!(found, [(FIRST, 1), (SECOND, 2), (THIRD, 1)]);
    assert_eq!((listing.full_load_files, listing.other_objects), (2, 3));
    assert!(listing.files.iter().all(|listed| listed.file.etag.is_some()));
}

#[tokio::test]
async fn folder_that_is_not_there_is_an_empty_listing() {
    let place = Place::new();
    assert!(place.files("nothing/here/").await.is_empty());
    assert_eq!(place.lake.work.delete_folder(&place.lake.batches_folder(&table())).await.unwrap(), 0);
}

#[tokio::test]
async fn parquet_file_without_a_place_in_the_order_is_an_error_that_names_it() {
    let place = Place::new();
    place.put("changes/t/part-0000.parquet", "x");
    match place.lake.list_changes("t/").await {
        Err(LakeError::Name(error)) => assert!(error.key.ends_with("changes/t/part-0000.parquet"), "{error}"),
        other => panic!("{other:?}"),
    }
}

/// Folders as schemas and tables are called: spaces, unicode, and what a URL or an object store would like to escape.
const FOLDERS: [&str; 6] =
    ["plain", "with space/Tränsäctions 漢字 🏹", "a+b&c=d", "[1] {2} ~3", "it's \"quoted\"", "a|b^c<d>`e`"];

#[tokio::test]
async fn files_of_any_folder_are_listed_read_archived_and_deleted() {
    for folder in FOLDERS {
        let place = Place::new();
        place.put(&format!("changes/{folder}/{FIRST}"), "first");
        place.put(&format!("changes/{folder}/2024/{THIRD}"), "third");
        let files = place.files(&format!("{folder}/")).await;
        assert_eq!(files.len(), 2, "{folder}");

        place.lake.archive(&table(), &files[..1]).await.unwrap();
        let archived = format!("work area/archive/orders/{folder}/{FIRST}");
        assert_eq!(place.content(&archived).as_deref(), Some("first"), "{folder}");
        assert_eq!(place.content(&format!("changes/{folder}/{FIRST}")), None, "{folder}");
        let key = place.lake.archive_key(&table(), &files[0].key);
        assert_eq!(place.lake.work.read(&key).await.unwrap().as_deref(), Some("first".as_bytes()), "{folder}");

        place.lake.delete(&files[1..]).await.unwrap();
        assert_eq!(place.content(&format!("changes/{folder}/2024/{THIRD}")), None, "{folder}");
        assert!(place.files(&format!("{folder}/")).await.is_empty(), "{folder}");
    }
}

#[tokio::test]
async fn file_that_changed_since_it_was_applied_is_neither_archived_nor_deleted() {
    let place = Place::new();
    for name in [FIRST, SECOND] {
        place.put(&format!("changes/t/{name}"), "as applied");
    }
    let applied = place.files("t/").await;
    for name in [FIRST, SECOND] {
        place.put(&format!("changes/t/{name}"), "as applied, and more");
    }
    place.lake.archive(&table(), &applied[..1]).await.unwrap();
    place.lake.delete(&applied[1..]).await.unwrap();
    for name in [FIRST, SECOND] {
        assert_eq!(place.content(&format!("changes/t/{name}")).as_deref(), Some("as applied, and more"));
    }
    assert_eq!(place.content(&format!("work area/archive/orders/t/{FIRST}")), None);
}

#[tokio::test]
async fn file_of_equal_size_but_other_content_is_another_file() {
    let place = Place::new();
    place.put(&format!("changes/t/{FIRST}"), "one");
    let applied = place.files("t/").await;
    // A new inode: its ETag differs whatever the clock's steps are.
    place.put("changes/new", "two");
    std::fs::rename(place.path("changes/new"), place.path(&format!("changes/t/{FIRST}"))).unwrap();
    place.lake.delete(&applied).await.unwrap();
    assert_eq!(place.content(&format!("changes/t/{FIRST}")).as_deref(), Some("two"));
}

#[tokio::test]
async fn archiving_and_deleting_again_changes_nothing() {
    let place = Place::new();
    place.put(&format!("changes/t/{FIRST}"), "first");
    place.put(&format!("changes/t/{THIRD}"), "third");
    let files = place.files("t/").await;
    for _ in 0..2 {
        place.lake.archive(&table(), &files[..1]).await.unwrap();
        place.lake.delete(&files[1..]).await.unwrap();
    }
    assert_eq!(place.content(&format!("work area/archive/orders/t/{FIRST}")).as_deref(), Some("first"));
    assert!(place.files("t/").await.is_empty());
}

#[tokio::test]
async fn archive_left_by_a_crash_is_written_over_and_its_source_goes() {
    let place = Place::new();
    place.put(&format!("changes/t/{FIRST}"), "first");
    place.put(&format!("work area/archive/orders/t/{FIRST}"), "fir");
    let files = place.files("t/").await;
    place.lake.archive(&table(), &files).await.unwrap();
    assert_eq!(place.content(&format!("work area/archive/orders/t/{FIRST}")).as_deref(), Some("first"));
    assert!(place.files("t/").await.is_empty());
}

#[tokio::test]
async fn emptying_a_folder_leaves_its_neighbours() {
    let place = Place::new();
    let lake = &place.lake;
    place.put("work area/batches/orders/b1/a1/manifest.json", "{}");
    place.put("work area/batches/orders/b1/a1/parts/part-1.parquet", "x");
    place.put("work area/batches/orders2/b1/manifest.json", "{}");
    assert_eq!(lake.work.delete_folder(&lake.batches_folder(&table())).await.unwrap(), 2);
    assert_eq!(place.content("work area/batches/orders2/b1/manifest.json").as_deref(), Some("{}"));
    assert_eq!(place.content("work area/batches/orders/b1/a1/manifest.json"), None);
}

#[tokio::test]
async fn small_objects_are_written_whole_and_read_whole() {
    let place = Place::new();
    let key = place.lake.work.key("batches/orders/manifest.json");
    assert_eq!(place.lake.work.read(&key).await.unwrap(), None);
    assert_eq!(place.lake.work.head(&key).await.unwrap(), None);
    place.lake.work.write(&key, "one".to_owned()).await.unwrap();
    place.lake.work.write(&key, "twenty".to_owned()).await.unwrap();
    assert_eq!(place.lake.work.read(&key).await.unwrap().as_deref(), Some("twenty".as_bytes()));
    assert_eq!(place.lake.work.head(&key).await.unwrap().map(|found| found.size), Some(6));
}

/// The lake of one store copies by the store; of two, through this process. Here the second way is taken by name only.
#[tokio::test]
async fn archive_key_keeps_the_folders_below_the_change_area() {
    let place = Place::new();
    let key = place.lake.changes.key(&format!("live/orders/2024/05/{FIRST}")).to_string();
    let archived = place.lake.archive_key(&table(), &key).to_string();
    let work = place.lake.work.prefix.to_string();
    assert_eq!(archived, format!("{work}/archive/orders/live/orders/2024/05/{FIRST}"));
}
