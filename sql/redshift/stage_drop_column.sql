-- Takes a column out of the staging table that COPY can't fill as it is.
-- Engine:  Redshift: one column at a time.
-- Params:  {{stage}}, {{column}}
-- Tests:   jobs/connect/tests/conformance
ALTER TABLE {{stage}} DROP COLUMN {{column}}
