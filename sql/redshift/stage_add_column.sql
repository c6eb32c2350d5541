-- Gives the staging table a column that the target has not, or has of a type that COPY can't fill.
-- Engine:  Redshift: one column at a time.
-- Params:  {{stage}}, {{column}}, {{type}}
-- Tests:   jobs/connect/tests/conformance
ALTER TABLE {{stage}} ADD COLUMN {{column}} {{type}}
