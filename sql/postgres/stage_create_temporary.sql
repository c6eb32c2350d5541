-- Makes the staging table of a small batch: this session's own, gone with its transaction.
-- Engine:  Postgres.
-- Params:  {{stage}} name, {{columns}} list of name and type
-- Tests:   jobs/connect/tests/conformance
CREATE TEMPORARY TABLE {{stage}} (
    {{columns|{0} {1}|,
    }}
) ON COMMIT DROP
