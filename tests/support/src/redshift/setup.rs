//! Owns what the stand-in adds to an empty Postgres database: Redshift's types, functions and catalog views that Postgres has
//! not.

use sqlx::{Connection, Executor, PgConnection};

use crate::process::block_on;

/// Domains and views stand in `public`, which every session's search path has. What is there already is left alone.
const SCRIPT: &str = r#"
DO $setup$ BEGIN
    IF to_regtype('public.super') IS NULL THEN
        CREATE DOMAIN public.super AS jsonb;
        CREATE DOMAIN public.varbyte AS bytea;
        CREATE FUNCTION public.json_parse(text) RETURNS public.super LANGUAGE sql IMMUTABLE
            AS 'SELECT $1::jsonb::public.super';
        CREATE FUNCTION public.json_serialize(jsonb) RETURNS varchar LANGUAGE sql IMMUTABLE AS 'SELECT $1::text';
        CREATE FUNCTION public.getdate() RETURNS timestamp LANGUAGE sql STABLE
            AS 'SELECT date_trunc(''second'', now() AT TIME ZONE ''UTC'')';
        CREATE VIEW public.svv_columns AS
        SELECT
            table_catalog::varchar, table_schema::varchar, table_name::varchar, column_name::varchar,
            ordinal_position::int,
            (CASE
                WHEN identity_generation = 'ALWAYS' THEN '"identity"(0, 0, ''1,1''::text)'
                WHEN identity_generation = 'BY DEFAULT' THEN '"default_identity"(0, 0, ''1,1''::text)'
                ELSE column_default
            END)::varchar AS column_default,
            is_nullable::varchar,
            (CASE domain_name WHEN 'super' THEN 'super' WHEN 'varbyte' THEN 'binary varying' ELSE data_type END)::varchar
                AS data_type,
            character_maximum_length::int, numeric_precision::int, numeric_scale::int
        FROM information_schema.columns;
        CREATE VIEW public.svv_transactions AS
        SELECT
            activity.usename::varchar AS txn_owner, activity.datname::varchar AS txn_db, lock.pid AS pid,
            activity.xact_start AS txn_start, lock.mode::varchar AS lock_mode, lock.locktype::varchar AS lockable_object_type,
            lock.relation AS relation, lock.granted AS granted
        FROM pg_catalog.pg_locks AS lock
        JOIN pg_catalog.pg_stat_activity AS activity ON activity.pid = lock.pid
        WHERE lock.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database());
    END IF;
END $setup$"#;

/// Makes them in the database of a URL.
///
/// # Panics
/// When the database does not take them.
pub(super) fn prepare(url: &str) {
    let result = block_on(async {
        let mut connection = PgConnection::connect(url).await?;
        connection.execute(SCRIPT).await?;
        connection.close().await
    });
    result.unwrap_or_else(|error: sqlx::Error| panic!("cannot make a stand-in for Redshift of {url}: {error}"));
}
