-- Tells whether a schema is there: creating it asks for a privilege even where it exists.
-- Engine:  Postgres.
-- Params:  $1 the quoted name
-- Tests:   jobs/connect/tests/migrations
SELECT to_regnamespace($1) IS NOT NULL
