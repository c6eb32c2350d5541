//! Owns single courses of events that random histories leave out, because each has one right end that is an error.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use quarrel_model::collect::SchemaChangeRule;
use quarrel_model::config::{AfterLoad, ClusterConfig};
use quarrel_model::summary::{RunStatus, RunSummary};
use quarrel_run::cdc::{CdcOptions, run_cdc};
use quarrel_run::state::lease::{Holder, Lease};
use quarrel_testkit::ddl::KeyIndex;
use quarrel_testkit::dms::DmsOptions;
use quarrel_testkit::dump::{assert_same_rows, dump_table};
use quarrel_testkit::history::{ChangeFileSpec, ColumnSet, History, Shape, Step};
use quarrel_testkit::oracle::Oracle;
use quarrel_testkit::value::Dialect;
use tokio_util::sync::CancellationToken;

use crate::case::{Case, Cleaning, Content, Sequenced, TargetCount, WindowSpec};
use crate::world::{Kind, Place, World};

/// A world with the first target's table in place, and a history of several files.
struct Stage {
    world: World,
    case: Case,
    history: History,
    place: Place,
}

impl Stage {
    async fn new() -> Stage {
        let case = Case {
            shape: Shape { keys: 6, columns: ColumnSet::Narrow, ..Shape::default() },
            steps: Step::seeded(11, 150),
            sequenced: Sequenced::All,
            options: DmsOptions::default(),
            arrivals: Vec::new(),
            mischief: Vec::new(),
            runs: Vec::new(),
            targets: TargetCount::One,
            index: KeyIndex::PrimaryKey,
            after_load: Cleaning::Keep,
            window: WindowSpec::Wide,
            batch_files_max: 100,
        };
        let history = case.history();
        assert!(history.files.len() >= 3, "the seed gives several files");
        let mut world = World::open(ClusterConfig::InProcess, [Kind::Sqlite; 2], Default::default()).await;
        let place = world.place(&case, &history).await;
        Stage { world, case, history, place }
    }

    async fn deliver(&self, content: Content) {
        self.world.deliver(&self.place, content, &self.case).await;
    }

    async fn run(&self, schema_changes: SchemaChangeRule) -> RunSummary {
        let at: DateTime<Utc> = "2024-05-08T00:00:00Z".parse().unwrap();
        let look_back = Some(Duration::from_secs(7 * 24 * 3600));
        let options = CdcOptions { at, look_back, schema_changes };
        run_cdc(&self.world.context, &self.place.table, &options, &CancellationToken::new()).await
    }

    async fn assert_rows(&self, files: &[ChangeFileSpec], context: &str) {
        let columns = self.history.files[0].columns.clone();
        let oracle = Oracle::of_files(&self.history.key, &columns, files);
        let found = dump_table(&self.world.sides[0].url, &self.place.sql_name(), &oracle.column_names()).await;
        assert_same_rows(&oracle.text_rows(Dialect::Sqlite), &found, context);
    }
}

fn error_of(summary: &RunSummary) -> &str {
    let target = summary.targets.iter().find_map(|target| target.error.as_deref());
    summary.error.as_deref().or(target).unwrap_or("")
}

#[tokio::test]
async fn late_file_whose_successors_were_deleted_stops_and_names_the_keys() {
    let mut stage = Stage::new().await;
    stage.place.table.changes.as_mut().unwrap().after_load = AfterLoad::Delete;
    let files = stage.history.files.clone();
    let changed: Vec<_> = files.iter().filter(|file| !file.events.is_empty()).cloned().collect();
    let (late, others) = (changed[0].clone(), changed[1..].to_vec());
    for file in &others {
        stage.deliver(Content::Whole(file.clone())).await;
    }
    assert_eq!(stage.run(SchemaChangeRule::Refuse).await.status, RunStatus::Succeeded);
    assert!(
        others.iter().all(|file| !stage.world.change_path(&stage.place, &file.path).exists()),
        "applied and deleted"
    );

    stage.deliver(Content::Whole(late.clone())).await;
    let summary = stage.run(SchemaChangeRule::Refuse).await;
    assert_eq!(summary.status, RunStatus::Failed);
    let error = error_of(&summary);
    assert!(error.contains(late.name()) && error.contains(others[0].name()), "{error}");
    for event in &late.events {
        let quarrel_testkit::value::Value::Int(key) = event.key[0] else { panic!("the key is a number") };
        assert!(error.contains(&key.to_string()), "{key} is not in: {error}");
    }
    assert!(summary.hint.is_some());
    assert!(stage.world.change_path(&stage.place, &late.path).exists(), "the late file stays");
    stage.assert_rows(&others, "nothing was touched").await;
}

#[tokio::test]
async fn file_that_stays_broken_stops_its_table_and_is_named() {
    let stage = Stage::new().await;
    let files = stage.history.files.clone();
    stage.deliver(Content::Whole(files[0].clone())).await;
    stage.deliver(Content::Half(files[1].clone())).await;
    stage.deliver(Content::Whole(files[2].clone())).await;
    let path = stage.world.change_path(&stage.place, &files[1].path);
    let broken = std::fs::File::options().write(true).open(&path).unwrap();
    broken.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    let summary = stage.run(SchemaChangeRule::Refuse).await;
    assert_eq!(summary.status, RunStatus::Failed);
    assert!(error_of(&summary).contains(files[1].name()), "{}", error_of(&summary));
    stage.assert_rows(&[], "no change is skipped in silence").await;

    stage.deliver(Content::Whole(files[1].clone())).await;
    assert_eq!(stage.run(SchemaChangeRule::Refuse).await.status, RunStatus::Succeeded);
    stage.assert_rows(&files[..3], "the whole file has come").await;
}

#[tokio::test]
async fn run_beside_another_of_its_table_touches_nothing() {
    let stage = Stage::new().await;
    let files = stage.history.files.clone();
    stage.deliver(Content::Whole(files[0].clone())).await;
    let name = format!("table:{}", stage.place.table.name);
    let lease = Lease::acquire(&stage.world.context.state, &name, &Holder::of_run("another")).await.unwrap();
    assert_eq!(stage.run(SchemaChangeRule::Refuse).await.status, RunStatus::AlreadyRunning);
    stage.assert_rows(&[], "the other run has the table").await;
    lease.release().await.unwrap();
    assert_eq!(stage.run(SchemaChangeRule::Refuse).await.status, RunStatus::Succeeded);
    stage.assert_rows(&files[..1], "the other run has ended").await;
}

#[tokio::test]
async fn dropped_column_stops_the_table_with_a_diff_until_it_is_accepted() {
    let stage = Stage::new().await;
    let files = stage.history.files.clone();
    let mut without = files[1].clone();
    let gone = without.columns.pop().unwrap();
    without.events.iter_mut().for_each(|event| drop(event.values.pop()));
    stage.deliver(Content::Whole(files[0].clone())).await;
    assert_eq!(stage.run(SchemaChangeRule::Refuse).await.status, RunStatus::Succeeded);

    stage.deliver(Content::Whole(without)).await;
    let summary = stage.run(SchemaChangeRule::Refuse).await;
    assert_eq!(summary.status, RunStatus::Failed);
    let error = error_of(&summary);
    assert!(error.contains(&format!("- {}", gone.name)) && error.contains(files[1].name()), "{error}");
    stage.assert_rows(&files[..1], "nothing was touched").await;

    assert_eq!(stage.run(SchemaChangeRule::Accept).await.status, RunStatus::Succeeded);
    assert_eq!(stage.run(SchemaChangeRule::Refuse).await.status, RunStatus::NothingToDo);
}
