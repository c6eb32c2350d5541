-- Reads a whole table or view.
-- Engine:  Postgres.
-- Params:  {{columns}} expressions over source, {{table}}, {{format}}
-- Tests:   jobs/connect/tests/conformance
COPY (SELECT {{columns|{0}|, }} FROM {{table}} AS source) TO STDOUT (FORMAT {{format}})
