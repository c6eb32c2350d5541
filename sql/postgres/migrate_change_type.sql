-- Changes a column's type; a value that doesn't fit is an error. Most changes rewrite the table under its strongest lock; a
-- longer varchar, a wider numeric of the same scale and varchar to text do not.
-- Engine:  Postgres.
-- Params:  {{table}}, {{column}}, {{type}}
-- Tests:   sql/src/migrate, jobs/connect/tests/migrations
ALTER TABLE {{table}} ALTER COLUMN {{column}} TYPE {{type}}
