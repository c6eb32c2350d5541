-- Overwrites the loaded columns of rows that are there: where a table has further columns, deleting rows would lose those.
-- Engine:  Redshift.
-- Params:  {{target}}, {{stage}}, {{rows}} condition, {{key}} list of target column, qualified, and
--          staged value, {{updated}} list of target column and staged value
-- Tests:   jobs/connect/tests/conformance
UPDATE {{target}}
SET {{updated|{0} = {1}|, }}
FROM {{stage}}
WHERE {{rows}} AND {{key|{0} = {1}| AND }}
