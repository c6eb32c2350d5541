-- Tells the planner how many keys were staged, and how they are spread.
-- Engine:  Postgres.
-- Params:  {{stage}} name, {{columns}} key columns
-- Tests:   jobs/connect/tests/conformance
ANALYZE {{stage}} ({{columns|{0}|, }})
