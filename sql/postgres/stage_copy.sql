-- Sends rows to a staging table.
-- Engine:  Postgres.
-- Params:  {{stage}} name, {{columns}} names
-- Tests:   jobs/connect/tests/conformance
COPY {{stage}} ({{columns|{0}|, }}) FROM STDIN (FORMAT binary)
