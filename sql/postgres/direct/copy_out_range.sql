-- Reads a table's rows in a range of pages.
-- Engine:  Postgres 14 and later, which reads no other page for it.
-- Params:  {{columns}} expressions over source, {{table}}, {{first}} and {{end}} as texts, {{format}}
-- Tests:   jobs/connect/tests/conformance
COPY (
    SELECT {{columns|{0}|, }} FROM ONLY {{table}} AS source WHERE source.ctid >= {{first}}::tid AND source.ctid < {{end}}::tid
) TO STDOUT (FORMAT {{format}})
