-- Makes a schema for tables of a migration.
-- Engine:  Redshift.
-- Params:  {{schema}}
-- Tests:   sql/src/migrate
CREATE SCHEMA IF NOT EXISTS {{schema}}
