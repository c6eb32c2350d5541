-- Reads a table without its children.
-- Engine:  Postgres.
-- Params:  {{columns}} expressions over source, {{table}}, {{format}}
-- Tests:   jobs/connect/tests/conformance
COPY (SELECT {{columns|{0}|, }} FROM ONLY {{table}} AS source) TO STDOUT (FORMAT {{format}})
