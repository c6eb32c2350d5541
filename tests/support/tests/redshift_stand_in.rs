//! The stand-in for Redshift does what is claimed for it: one test for each thing that Redshift refuses, one for each that it
//! does in its own way.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, Time64MicrosecondArray};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ArrowWriter;
use quarrel_testkit::postgres::PostgresServer;
use quarrel_testkit::redshift::{Conflict, RedshiftStandIn, S3Access};
use quarrel_testkit::s3::S3Server;
use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgDatabaseError};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

/// A stand-in of an empty database, and a client.
struct Scene {
    stand_in: RedshiftStandIn,
    client: PgConnection,
}

async fn scene() -> Scene {
    scene_with("http://127.0.0.1:1").await
}

async fn scene_with(endpoint: &str) -> Scene {
    let s3 = S3Access::at(endpoint);
    let start = || RedshiftStandIn::start(&PostgresServer::shared().create_database(), s3);
    let stand_in = tokio::task::spawn_blocking(start).await.unwrap();
    let options: PgConnectOptions = stand_in.url().parse().unwrap();
    let client = options.extra_float_digits(None).connect().await.unwrap();
    Scene { stand_in, client }
}

impl Scene {
    async fn run(&mut self, script: &str) -> Result<u64, sqlx::Error> {
        let done = sqlx::raw_sql(AssertSqlSafe(script.to_owned())).execute(&mut self.client).await;
        done.map(|done| done.rows_affected())
    }

    /// SQLSTATE and message of the error that a script ends with.
    async fn refusal(&mut self, script: &str) -> (String, String) {
        let error = self.run(script).await.map(|_| panic!("{script} is not refused")).unwrap_err();
        let database = error.as_database_error().unwrap_or_else(|| panic!("{script}: {error}"));
        let database = database.downcast_ref::<PgDatabaseError>();
        (database.code().to_owned(), database.message().to_owned())
    }

    async fn text(&mut self, query: &str) -> Option<String> {
        let row: (Option<String>,) =
            sqlx::query_as(AssertSqlSafe(query.to_owned())).fetch_one(&mut self.client).await.unwrap();
        row.0
    }
}

#[tokio::test]
async fn three_float_digits_at_the_start_are_refused() {
    let scene = scene().await;
    let options: PgConnectOptions = scene.stand_in.url().parse().unwrap();
    let error = options.clone().extra_float_digits(3).connect().await.unwrap_err();
    assert!(error.to_string().contains("extra_float_digits"), "{error}");
    options.extra_float_digits(2).connect().await.unwrap();
}

#[tokio::test]
async fn upserts_by_on_conflict_are_refused() {
    let mut scene = scene().await;
    scene.run("CREATE TABLE t (id int PRIMARY KEY)").await.unwrap();
    let (code, message) = scene.refusal("INSERT INTO t VALUES (1) ON CONFLICT (id) DO NOTHING").await;
    assert_eq!((code.as_str(), message.as_str()), ("42601", "syntax error at or near \"ON\""));
    // The extended protocol is decided on alike.
    let prepared = sqlx::query("INSERT INTO t VALUES ($1) ON CONFLICT DO NOTHING").bind(1).execute(&mut scene.client);
    assert!(prepared.await.unwrap_err().to_string().contains("\"ON\""));
    assert_eq!(scene.text("SELECT count(*)::text FROM t").await.as_deref(), Some("0"));
}

#[tokio::test]
async fn returning_is_refused() {
    let mut scene = scene().await;
    scene.run("CREATE TABLE t (id int)").await.unwrap();
    for statement in ["INSERT INTO t VALUES (1) RETURNING id", "DELETE FROM t RETURNING id"] {
        assert_eq!(scene.refusal(statement).await.0, "42601", "{statement}");
    }
}

#[tokio::test]
async fn copy_from_the_client_and_to_it_are_refused() {
    let mut scene = scene().await;
    scene.run("CREATE TABLE t (id int)").await.unwrap();
    assert!(scene.refusal("COPY t FROM STDIN").await.1.contains("STDIN"));
    assert!(scene.refusal("COPY (SELECT 1) TO STDOUT").await.1.contains("UNLOAD"));
    assert!(scene.refusal("COPY t TO STDOUT").await.1.contains("UNLOAD"));
}

#[tokio::test]
async fn types_that_redshift_has_not_are_refused() {
    let mut scene = scene().await;
    for type_name in ["uuid", "json", "jsonb", "int[]", "varchar(10)[]", "bytea", "money", "serial"] {
        let (code, message) = scene.refusal(&format!("CREATE TABLE t (a {type_name})")).await;
        assert_eq!(code, "0A000", "{type_name}: {message}");
    }
    scene.run("CREATE TABLE t (id int)").await.unwrap();
    assert_eq!(scene.refusal("ALTER TABLE t ADD COLUMN a uuid").await.0, "0A000");
}

#[tokio::test]
async fn varchar_of_more_than_65535_bytes_is_refused() {
    let mut scene = scene().await;
    scene.run("CREATE TABLE most (a varchar(65535), b varchar(max))").await.unwrap();
    let (_, message) = scene.refusal("CREATE TABLE more (a varchar(65536))").await;
    assert!(message.contains("65535"), "{message}");
}

#[tokio::test]
async fn varchar_counts_bytes() {
    let mut scene = scene().await;
    scene.run("CREATE TABLE t (a varchar(4)); INSERT INTO t VALUES ('éé')").await.unwrap();
    let (code, message) = scene.refusal("INSERT INTO t VALUES ('ééx')").await;
    assert_eq!(code, "22001", "three characters, five bytes: {message}");
    // A table made like it counts as well.
    scene.run("CREATE TEMP TABLE s (LIKE t)").await.unwrap();
    assert_eq!(scene.refusal("INSERT INTO s VALUES ('ééx')").await.0, "22001");
}

#[tokio::test]
async fn bare_texts_have_256_bytes() {
    let mut scene = scene().await;
    scene.run("CREATE TABLE t (a varchar, b text)").await.unwrap();
    let query = "SELECT string_agg(data_type || '(' || character_maximum_length || ')', ' ') FROM svv_columns WHERE table_name = 't'";
    assert_eq!(scene.text(query).await.as_deref(), Some("character varying(256) character varying(256)"));
}

#[tokio::test]
async fn names_are_in_lower_case_even_when_quoted() {
    let mut scene = scene().await;
    scene.run("CREATE TABLE \"Orders\" (\"ID\" int, \"camelCase\" int)").await.unwrap();
    assert_eq!(
        scene.text("SELECT count(\"Id\")::text FROM orders WHERE camelcase IS NULL").await.as_deref(),
        Some("0")
    );
    assert_eq!(scene.refusal("CREATE TABLE t (\"ID\" int, id int)").await.0, "42701", "one name twice");
}

#[tokio::test]
async fn keys_are_declared_and_not_enforced() {
    let mut scene = scene().await;
    scene.run("CREATE TABLE t (id int PRIMARY KEY, a int UNIQUE); INSERT INTO t VALUES (1, 1), (1, 1)").await.unwrap();
    assert_eq!(scene.text("SELECT count(*)::text FROM t").await.as_deref(), Some("2"));
    let declared = scene.text("SELECT obj_description('t'::regclass)").await.unwrap();
    assert_eq!(declared, "PRIMARY KEY (\"id\"); UNIQUE (\"a\")");
    assert_eq!(scene.refusal("INSERT INTO t VALUES (NULL, 1)").await.0, "23502", "a key takes no NULL all the same");
}

#[tokio::test]
async fn truncate_commits() {
    let mut scene = scene().await;
    scene.run("CREATE TABLE t (id int); CREATE TABLE u (id int); INSERT INTO t VALUES (1)").await.unwrap();
    scene.run("BEGIN; INSERT INTO u VALUES (1); TRUNCATE t; ROLLBACK").await.unwrap();
    let counts = "SELECT (SELECT count(*) FROM t) || ' ' || (SELECT count(*) FROM u)";
    assert_eq!(scene.text(counts).await.as_deref(), Some("0 1"), "nothing was left to roll back");
}

#[tokio::test]
async fn alter_table_append_is_refused_in_a_transaction() {
    let mut scene = scene().await;
    scene.run("CREATE TABLE t (id int); CREATE TABLE u (id int); INSERT INTO u VALUES (1)").await.unwrap();
    let (code, _) = scene.refusal("BEGIN; ALTER TABLE t APPEND FROM u").await;
    assert_eq!(code, "25001");
    scene.run("ROLLBACK; ALTER TABLE t APPEND FROM u").await.unwrap();
    let counts = "SELECT (SELECT count(*) FROM t) || ' ' || (SELECT count(*) FROM u)";
    assert_eq!(scene.text(counts).await.as_deref(), Some("1 0"), "rows are moved");
}

#[tokio::test]
async fn merge_with_a_condition_is_refused() {
    let mut scene = scene().await;
    scene.run("CREATE TABLE t (id int); CREATE TABLE s (id int); INSERT INTO s VALUES (1)").await.unwrap();
    let merge = |condition: &str| {
        format!(
            "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED {condition} THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (s.id)"
        )
    };
    assert_eq!(scene.refusal(&merge("AND s.id > 0")).await.1, "syntax error at or near \"AND\"");
    scene.run(&merge("")).await.unwrap();
    assert_eq!(scene.text("SELECT count(*)::text FROM t").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn indexes_row_locks_and_functions_of_newer_servers_are_refused() {
    let mut scene = scene().await;
    scene.run("CREATE TABLE t (id int)").await.unwrap();
    for statement in [
        "CREATE UNIQUE INDEX ON t (id)",
        "CREATE TYPE mood AS ENUM ('sad')",
        "SELECT * FROM t FOR UPDATE",
        "SELECT pg_advisory_xact_lock(1)",
        "SELECT to_regclass('t')",
        "ALTER TABLE t ADD COLUMN a int, ADD COLUMN b int",
    ] {
        scene.refusal(statement).await;
    }
}

#[tokio::test]
async fn refused_statement_fails_the_transaction_it_is_in() {
    let mut scene = scene().await;
    scene.run("CREATE TABLE t (id int)").await.unwrap();
    scene.refusal("BEGIN; INSERT INTO t VALUES (1); COPY t FROM STDIN").await;
    assert_eq!(scene.refusal("SELECT 1").await.0, "25P02");
    scene.run("COMMIT").await.unwrap();
    assert_eq!(scene.text("SELECT count(*)::text FROM t").await.as_deref(), Some("0"));
}

#[tokio::test]
async fn transactions_fail_as_often_as_a_test_asks() {
    let mut scene = scene().await;
    scene.run("CREATE TABLE t (id int); INSERT INTO t VALUES (1)").await.unwrap();
    scene.stand_in.refuse_deletes(Conflict::Error1023, 1);
    scene.stand_in.refuse_deletes(Conflict::SerializationFailure, 1);
    let (code, message) = scene.refusal("BEGIN; DELETE FROM t").await;
    assert_eq!((code.as_str(), message.starts_with("1023")), ("XX000", true));
    assert_eq!(scene.refusal("ROLLBACK; BEGIN; DELETE FROM t").await.0, "40001");
    scene.run("ROLLBACK; BEGIN; DELETE FROM t; COMMIT").await.unwrap();
    assert_eq!(scene.stand_in.refused_deletes(), 2);
    assert_eq!(scene.text("SELECT count(*)::text FROM t").await.as_deref(), Some("0"));
}

/// A bucket with files to COPY, and a table `t (id bigint, note varchar(4))`.
struct Lake {
    scene: Scene,
    bucket: String,
    store: Arc<dyn ObjectStore>,
}

async fn lake() -> Lake {
    let (endpoint, bucket, store) = tokio::task::spawn_blocking(|| {
        let server = S3Server::shared();
        let bucket = server.create_unique_bucket("redshift");
        (server.endpoint().to_owned(), bucket.clone(), server.store(&bucket))
    })
    .await
    .unwrap();
    let mut scene = scene_with(&endpoint).await;
    scene.run("CREATE TABLE t (id bigint, note varchar(4))").await.unwrap();
    Lake { scene, bucket, store }
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn rows(ids: &[i64], note: &str) -> Vec<u8> {
    let notes = StringArray::from_iter_values(ids.iter().map(|_| note));
    parquet(vec![("a", Arc::new(Int64Array::from(ids.to_vec()))), ("b", Arc::new(notes))])
}

impl Lake {
    /// Puts a file; gives its entry of a manifest.
    async fn put(&self, key: &str, bytes: Vec<u8>) -> serde_json::Value {
        let length = bytes.len();
        self.store.put(&Path::from(key), bytes.into()).await.unwrap();
        json!({"url": format!("s3://{}/{key}", self.bucket), "mandatory": true, "meta": {"content_length": length}})
    }

    /// A COPY of a manifest of these entries.
    async fn copy(&self, entries: &[serde_json::Value], options: &str) -> String {
        let manifest = json!({ "entries": entries }).to_string();
        self.store.put(&Path::from("m.json"), manifest.into()).await.unwrap();
        let bucket = &self.bucket;
        format!("COPY t FROM 's3://{bucket}/m.json' IAM_ROLE 'arn:x' FORMAT AS PARQUET MANIFEST {options}")
    }

    async fn count(&mut self) -> Option<String> {
        self.scene.text("SELECT count(*)::text FROM t").await
    }
}

#[tokio::test]
async fn copy_loads_the_files_of_a_manifest_in_the_clients_transaction() {
    let mut lake = lake().await;
    let entries = [lake.put("1.parquet", rows(&[1, 2], "a\tb")).await, lake.put("2.parquet", rows(&[3], "\\é")).await];
    let copy = lake.copy(&entries, "STATUPDATE OFF").await;
    lake.scene.run(&format!("BEGIN; {copy}")).await.unwrap();
    assert_eq!(lake.count().await.as_deref(), Some("3"));
    lake.scene.run("ROLLBACK").await.unwrap();
    assert_eq!(lake.count().await.as_deref(), Some("0"));
    lake.scene.run(&copy).await.unwrap();
    let notes = "SELECT string_agg(note, ',' ORDER BY id) FROM t";
    assert_eq!(lake.scene.text(notes).await.as_deref(), Some("a\tb,a\tb,\\é"));
}

#[tokio::test]
async fn copy_of_a_prefix_takes_what_lies_there() {
    let mut lake = lake().await;
    lake.put("x/part-1.parquet", rows(&[1], "a")).await;
    lake.put("x/other.parquet", rows(&[2], "a")).await;
    let bucket = lake.bucket.clone();
    lake.scene.run(&format!("COPY t FROM 's3://{bucket}/x/part' IAM_ROLE 'arn:x' FORMAT PARQUET")).await.unwrap();
    assert_eq!(lake.count().await.as_deref(), Some("1"));
}

#[tokio::test]
async fn copy_of_another_number_of_columns_is_refused() {
    let mut lake = lake().await;
    let entry = lake.put("1.parquet", parquet(vec![("id", Arc::new(Int64Array::from(vec![1])))])).await;
    let copy = lake.copy(&[entry], "").await;
    let (_, message) = lake.scene.refusal(&copy).await;
    assert!(message.contains("has 1 columns; the table expects 2"), "{message}");
    // A list of columns says which ones the file has.
    lake.scene.run(&copy.replace("COPY t", "COPY t (id)")).await.unwrap();
    assert_eq!(lake.count().await.as_deref(), Some("1"));
}

#[tokio::test]
async fn copy_maps_by_position_and_refuses_other_types_without_naming_the_column() {
    let mut lake = lake().await;
    let swapped =
        parquet(vec![("note", Arc::new(StringArray::from(vec!["a"]))), ("id", Arc::new(Int64Array::from(vec![1])))]);
    let entry = lake.put("1.parquet", swapped).await;
    let copy = lake.copy(&[entry], "").await;
    let (_, message) = lake.scene.refusal(&copy).await;
    assert!(message.contains("incompatible Parquet schema") && !message.contains("note"), "{message}");
}

#[tokio::test]
async fn manifest_entry_without_a_length_is_refused() {
    let mut lake = lake().await;
    let mut entry = lake.put("1.parquet", rows(&[1], "a")).await;
    entry.as_object_mut().unwrap().remove("meta");
    let copy = lake.copy(&[entry], "").await;
    assert!(lake.scene.refusal(&copy).await.1.contains("content_length"));
}

#[tokio::test]
async fn manifest_entry_with_another_length_is_refused() {
    let mut lake = lake().await;
    let mut entry = lake.put("1.parquet", rows(&[1], "a")).await;
    entry["meta"]["content_length"] = json!(7);
    let copy = lake.copy(&[entry], "").await;
    assert!(lake.scene.refusal(&copy).await.1.contains("is 7 in the manifest"));
}

#[tokio::test]
async fn mandatory_file_that_is_missing_is_refused_and_another_passed_over() {
    let mut lake = lake().await;
    let there = lake.put("1.parquet", rows(&[1], "a")).await;
    let mut gone = lake.put("2.parquet", rows(&[2], "a")).await;
    lake.store.delete(&Path::from("2.parquet")).await.unwrap();
    let copy = lake.copy(&[there.clone(), gone.clone()], "").await;
    assert!(lake.scene.refusal(&copy).await.1.contains("Mandatory file"));
    gone["mandatory"] = json!(false);
    let copy = lake.copy(&[there, gone], "").await;
    lake.scene.run(&copy).await.unwrap();
    assert_eq!(lake.count().await.as_deref(), Some("1"));
}

#[tokio::test]
async fn copy_from_parquet_takes_no_leniency() {
    let mut lake = lake().await;
    let entry = lake.put("1.parquet", rows(&[1], "a")).await;
    for option in ["MAXERROR 10", "ACCEPTANYDATE"] {
        let copy = lake.copy(std::slice::from_ref(&entry), option).await;
        assert_eq!(lake.scene.refusal(&copy).await.0, "0A000", "{option}");
    }
}

#[tokio::test]
async fn copy_without_a_role_is_refused() {
    let mut lake = lake().await;
    let entry = lake.put("1.parquet", rows(&[1], "a")).await;
    let copy = lake.copy(&[entry], "").await.replace("IAM_ROLE 'arn:x'", "");
    assert!(lake.scene.refusal(&copy).await.1.contains("IAM_ROLE"));
}

#[tokio::test]
async fn times_cannot_be_copied_from_parquet() {
    let mut lake = lake().await;
    lake.scene.run("DROP TABLE t; CREATE TABLE t (at time)").await.unwrap();
    let times = parquet(vec![("at", Arc::new(Time64MicrosecondArray::from(vec![1])))]);
    let entry = lake.put("1.parquet", times).await;
    let copy = lake.copy(&[entry], "").await;
    assert!(lake.scene.refusal(&copy).await.1.contains("incompatible"));
}

#[tokio::test]
async fn text_of_too_many_bytes_fails_the_whole_copy() {
    let mut lake = lake().await;
    let entries = [lake.put("1.parquet", rows(&[1], "ok")).await, lake.put("2.parquet", rows(&[2], "ééx")).await];
    let copy = lake.copy(&entries, "").await;
    let (_, message) = lake.scene.refusal(&copy).await;
    assert!(message.contains("Table: 4, Data: 5"), "{message}");
    assert_eq!(lake.count().await.as_deref(), Some("0"));
}

#[tokio::test]
async fn json_lands_in_super_as_a_string_until_it_is_parsed() {
    let mut lake = lake().await;
    lake.scene.run("DROP TABLE t; CREATE TABLE t (id bigint, doc super)").await.unwrap();
    let entry = lake.put("1.parquet", rows(&[1], "{\"a\": 1}")).await;
    let copy = lake.copy(&[entry], "").await;
    lake.scene.run(&copy).await.unwrap();
    assert_eq!(lake.scene.text("SELECT doc::text FROM t").await.as_deref(), Some("\"{\\\"a\\\": 1}\""));
    lake.scene.run("INSERT INTO t SELECT 2, JSON_PARSE('{\"a\": 1}')").await.unwrap();
    assert_eq!(lake.scene.text("SELECT doc::text FROM t WHERE id = 2").await.as_deref(), Some("{\"a\": 1}"));
}
