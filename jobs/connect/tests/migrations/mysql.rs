//! MySQL (a real MariaDB) to Postgres.

use quarrel_connect::mysql::MySqlSource;
use quarrel_connect::postgres::PostgresTarget;
use quarrel_connect::source::{Source, SourceError};
use quarrel_connect::sqlite::SqliteTarget;
use quarrel_connect::target::Target;
use quarrel_model::mapping::{KnownLoss, TargetEngine};
use quarrel_model::migration::Note;
use quarrel_model::source::{Generated, MySqlType, Signedness, SourceColumn, SourceKind, SourceType};
use quarrel_testkit::mariadb::MariaDbServer;
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};

use super::follow::{follow_and_check, name, postgres_url, rules};

/// Column, its type in MariaDB, and what it is in Postgres.
const TYPES: [(&str, &str, &str); 44] = [
    ("flag", "tinyint(1)", "smallint"),
    ("a_bool", "boolean", "smallint"),
    ("tiny", "tinyint", "smallint"),
    ("utiny", "tinyint unsigned", "smallint"),
    ("small", "smallint", "smallint"),
    ("usmall", "smallint unsigned", "integer"),
    ("medium", "mediumint", "integer"),
    ("umedium", "mediumint unsigned", "integer"),
    ("an_int", "int", "integer"),
    ("uint", "int unsigned zerofill", "bigint"),
    ("big", "bigint", "bigint"),
    ("ubig", "bigint unsigned", "numeric(20,0)"),
    ("dec_small", "decimal(5,2)", "numeric(5,2)"),
    ("dec_large", "decimal(65,30)", "numeric(65,30)"),
    ("a_float", "float", "real"),
    ("a_double", "double unsigned", "double precision"),
    ("one_bit", "bit(1)", "boolean"),
    ("bits", "bit(64)", "bytea"),
    ("a_char", "char(5)", "character varying(5)"),
    ("a_varchar", "varchar(200)", "character varying(200)"),
    ("ttext", "tinytext", "text"),
    ("a_text", "text", "text"),
    ("mtext", "mediumtext", "text"),
    ("ltext", "longtext", "text"),
    ("a_binary", "binary(16)", "bytea"),
    ("a_varbinary", "varbinary(300)", "bytea"),
    ("tblob", "tinyblob", "bytea"),
    ("a_blob", "blob", "bytea"),
    ("lblob", "longblob", "bytea"),
    ("a_date", "date", "date"),
    ("a_time", "time", "time(0) without time zone"),
    ("a_time6", "time(6)", "time without time zone"),
    ("a_datetime", "datetime", "timestamp(0) without time zone"),
    ("a_datetime3", "datetime(3)", "timestamp(3) without time zone"),
    ("a_timestamp", "timestamp(6) NULL", "timestamp with time zone"),
    ("a_year", "year", "smallint"),
    ("an_enum", "enum('a','it''s')", "text"),
    ("a_set", "set('x','y')", "text"),
    ("a_json", "json", "json"),
    ("a_uuid", "uuid", "uuid"),
    ("ip4", "inet4", "inet"),
    ("ip6", "inet6", "inet"),
    ("a_point", "point", "text"),
    ("a_geometry", "geometry", "text"),
];

async fn execute(url: &str, statement: &str) {
    let mut connection = MySqlConnection::connect(url).await.unwrap();
    let result = connection.execute(AssertSqlSafe(statement.to_owned())).await;
    result.unwrap_or_else(|error| panic!("{statement}: {error}"));
    connection.close().await.unwrap();
}

async fn database() -> String {
    tokio::task::spawn_blocking(|| MariaDbServer::shared().create_database()).await.unwrap()
}

fn type_of(column: &SourceColumn) -> &MySqlType {
    match &column.source_type {
        SourceType::MySql(found) => found,
        SourceType::Postgres(_) => panic!("{} is of MariaDB", column.name),
    }
}

#[tokio::test]
async fn every_type_of_mariadb_comes_to_be_in_postgres_and_is_found_there() {
    let url = database().await;
    let columns: Vec<String> = TYPES.iter().map(|(name, type_name, _)| format!("`{name}` {type_name}")).collect();
    execute(&url, &format!("CREATE TABLE wide (id int PRIMARY KEY, {})", columns.join(", "))).await;
    let source = MySqlSource::connect("live", &url, 2).await.unwrap();
    let target = PostgresTarget::connect("replica", &postgres_url().await, 2).await.unwrap();
    let rules = rules(TargetEngine::Postgres, "replica.wide");
    let wide = source.describe(&name("wide")).await.unwrap().unwrap();
    let migration = follow_and_check(&target, &wide, &rules).await;
    let found: Vec<_> =
        migration.after.columns.iter().skip(1).map(|c| (c.name.as_str(), c.type_name.as_str())).collect();
    let expected: Vec<_> = TYPES.iter().map(|(name, _, type_name)| (*name, *type_name)).collect();
    assert_eq!(found, expected);
    let losses = |column: &str| {
        let found = migration.columns.iter().find(|found| found.target == column).unwrap();
        found.mapped.losses.clone()
    };
    assert_eq!(losses("ubig"), [KnownLoss::Unsigned]);
    assert_eq!(losses("a_date"), [KnownLoss::ZeroDate]);
    assert_eq!(losses("an_int"), []);

    execute(
        &url,
        "ALTER TABLE wide MODIFY an_int bigint, MODIFY a_varchar varchar(500), MODIFY a_datetime datetime(6), \
         ADD added varchar(7)",
    )
    .await;
    let wide = source.describe(&name("wide")).await.unwrap().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = format!("sqlite:{}", folder.path().join("replica.db").display());
    let embedded = SqliteTarget::connect("embedded", &path, 2).await.unwrap();
    let copied = follow_and_check(&embedded, &wide, &super::follow::rules(TargetEngine::Sqlite, "wide")).await;
    assert_eq!(copied.after.columns.len(), TYPES.len() + 2);
    embedded.close().await;
    let altered = follow_and_check(&target, &wide, &rules).await;
    assert_eq!(altered.summary(), "add 1 column, retype 3 columns");
    target.close().await;
    source.close().await;
}

#[tokio::test]
async fn a_mariadb_table_tells_its_keys_defaults_and_generated_columns() {
    let url = database().await;
    execute(
        &url,
        "CREATE TABLE `Odd ``Name` (id int unsigned AUTO_INCREMENT, region varchar(9) NOT NULL DEFAULT 'it''s', \
         n int DEFAULT 0, at timestamp DEFAULT current_timestamp(), nothing varchar(9), doc json, \
         twice int AS (n * 2) STORED, four int AS (n * 4) VIRTUAL, note text COMMENT 'say \"hi\"', \
         PRIMARY KEY (region, id), UNIQUE by_n (n, nothing), KEY by_id (id)) COMMENT 'the table'",
    )
    .await;
    execute(&url, "CREATE VIEW v AS SELECT id, region FROM `Odd ``Name`").await;
    execute(&url, "CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 4").await;
    let source = MySqlSource::connect("live", &url, 2).await.unwrap();
    let table = source.describe(&name("\"Odd `Name\"")).await.unwrap().unwrap();
    let database = table.name.schema.clone().unwrap();
    assert!(url.contains(&database), "{url}: {database}");
    assert_eq!((table.kind, table.comment.as_deref()), (SourceKind::Table, Some("the table")));
    assert_eq!(table.primary_key, ["region", "id"]);
    assert_eq!(table.unique_keys, [["n", "nothing"]]);
    assert!(table.rows_estimate.is_some() && table.bytes_estimate.is_some());
    let column = |name: &str| table.column(name).unwrap();
    assert_eq!(type_of(column("id")), &MySqlType::Int { sign: Signedness::Unsigned });
    assert_eq!(column("id").generated, Generated::AutoIncrement);
    assert_eq!(column("twice").generated, Generated::Computed { expression: Some("`n` * 2".into()) });
    assert!(matches!(column("four").generated, Generated::Computed { .. }));
    assert_eq!(type_of(column("doc")), &MySqlType::Json);
    assert_eq!((column("nothing").default.as_deref(), column("nothing").nullable), (None, true));
    assert_eq!((column("n").default.as_deref(), column("region").nullable), (Some("0"), false));
    assert_eq!(column("note").comment.as_deref(), Some("say \"hi\""));
    let view = source.describe(&name("v")).await.unwrap().unwrap();
    assert_eq!((view.kind, view.rows_estimate, view.comment), (SourceKind::View, None, None));
    let parts = source.describe(&name("parts")).await.unwrap().unwrap();
    assert_eq!(parts.kind, SourceKind::Partitioned);
    execute(&url, "CREATE SEQUENCE numbers").await;
    let refused = source.describe(&name("numbers")).await.unwrap_err();
    assert!(matches!(refused, SourceError::Refused { .. }), "{refused}");
    assert!(source.describe(&name("gone")).await.unwrap().is_none());

    let target = PostgresTarget::connect("replica", &postgres_url().await, 2).await.unwrap();
    let migration = follow_and_check(&target, &table, &rules(TargetEngine::Postgres, "odd.t")).await;
    let generated = |column: &str| Note::GenerationNotCarried { column: column.into() };
    let at = Note::DefaultNotCarried { column: "at".into(), default: "current_timestamp()".into() };
    assert_eq!(migration.notes, [generated("id"), at, generated("twice"), generated("four")]);
    // Two keys that differ by case are one to MariaDB, and two to Postgres.
    let region = migration.columns.iter().find(|column| column.target == "region").unwrap();
    assert_eq!(region.mapped.losses, [KnownLoss::NulStripped, KnownLoss::CaseInsensitiveKey]);
    target.close().await;
    source.close().await;
}
