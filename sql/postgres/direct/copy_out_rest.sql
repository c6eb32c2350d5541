-- Reads a table's rows from a page on: whatever the table has grown by since its pages were counted.
-- Engine:  Postgres 14 and later.
-- Params:  {{columns}} expressions over source, {{table}}, {{first}} as text, {{format}}
-- Tests:   jobs/connect/tests/conformance
COPY (
    SELECT {{columns|{0}|, }} FROM ONLY {{table}} AS source WHERE source.ctid >= {{first}}::tid
) TO STDOUT (FORMAT {{format}})
