-- Adds a column that change files have begun to carry.
-- Engine:  Redshift.
-- Params:  {{target}}, {{column}}, {{type}}
-- Tests:   jobs/connect/tests/conformance
ALTER TABLE {{target}} ADD COLUMN {{column}} {{type}}
