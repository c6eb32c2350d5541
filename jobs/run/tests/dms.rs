//! What DMS says of a task and its tables, asked of moto's server.

use object_store::aws::AmazonS3Builder;
use quarrel_model::full_load::{LoadProgress, judge_load};
use quarrel_run::dms::{Dms, DmsError};
use quarrel_testkit::moto::MotoServer;
use serde_json::json;

fn dms(server: &MotoServer) -> Dms {
    let mut identity = AmazonS3Builder::new();
    let mut endpoint = None;
    for (name, value) in server.env() {
        match name.as_str() {
            "AWS_ENDPOINT_URL_DATABASE_MIGRATION_SERVICE" => endpoint = Some(value),
            _ => identity = identity.with_config(name.to_lowercase().parse().unwrap(), value),
        }
    }
    Dms::with(identity, endpoint).unwrap()
}

async fn server() -> MotoServer {
    // The server is waited for by polling, which a runtime's thread must not do.
    tokio::task::spawn_blocking(MotoServer::start).await.unwrap()
}

#[tokio::test]
async fn a_tables_load_is_followed_from_its_first_row_to_its_last() {
    let server = server().await;
    server.create_task("finops-postgres-s3");
    let dms = dms(&server);
    let table = ("live", "TransactionsNew");
    let statistics = |state: &str, rows: u64| {
        let other = |name: &str| json!({"SchemaName": "live", "TableName": name, "TableState": "Table completed"});
        json!([
            other("A"), other("B"), other("C"),
            {"SchemaName": "live", "TableName": "TransactionsNew", "TableState": state, "FullLoadRows": rows},
        ])
    };
    server.set_statistics(&statistics("Full load", 3));
    let (task, found) = dms.describe("finops-postgres-s3", table).await.unwrap();
    assert_eq!(task.name, "finops-postgres-s3");
    assert!(matches!(judge_load(&task, table, found.as_ref()), Ok(LoadProgress::Unfinished { .. })), "{task:?}");

    server.set_statistics(&statistics("Table completed", 1_234_567_890_123));
    let (task, found) = dms.describe("finops-postgres-s3", table).await.unwrap();
    let rows = 1_234_567_890_123;
    assert_eq!(judge_load(&task, table, found.as_ref()), Ok(LoadProgress::Finished { rows }));

    let (_, missing) = dms.describe("finops-postgres-s3", ("live", "transactionsnew")).await.unwrap();
    assert_eq!(missing, None);
}

#[tokio::test]
async fn a_task_that_is_not_there_is_an_error_that_names_it() {
    let server = server().await;
    let error = dms(&server).describe("nobody", ("live", "t")).await.unwrap_err();
    assert!(matches!(&error, DmsError::NoTask { task } if task == "nobody"), "{error}");
}

#[tokio::test]
async fn nobody_at_the_endpoint_is_an_error_within_bounds() {
    let identity =
        AmazonS3Builder::new().with_region("us-east-1").with_access_key_id("a").with_secret_access_key("secret");
    let dms = Dms::with(identity, Some("http://127.0.0.1:9".to_owned())).unwrap();
    let error = dms.describe("finops", ("live", "t")).await.unwrap_err();
    assert!(matches!(error, DmsError::Request { call: "DescribeReplicationTasks", .. }), "{error}");
}
