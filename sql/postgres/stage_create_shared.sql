-- Makes the staging table of a large batch, which several sessions fill: not logged, never vacuumed.
-- Engine:  Postgres.
-- Params:  {{stage}} name, {{columns}} list of name and type
-- Tests:   jobs/connect/tests/conformance
CREATE UNLOGGED TABLE {{stage}} (
    {{columns|{0} {1}|,
    }}
) WITH (autovacuum_enabled = false)
