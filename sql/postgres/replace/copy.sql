-- Sends rows to a table that is loaded beside its target.
-- Engine:  Postgres.
-- Params:  {{table}}, {{columns}} names
-- Tests:   jobs/connect/tests/conformance
COPY {{table}} ({{columns|{0}|, }}) FROM STDIN (FORMAT binary)
