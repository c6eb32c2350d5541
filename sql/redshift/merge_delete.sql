-- Deletes the rows that have a change: those whose last one is a delete, and, where all columns are loaded, those that are
-- inserted anew behind this. The key is all that a delete knows; a distribution key that is part of it is in the condition by
-- that, and one outside it must not be: it may have changed.
-- Engine:  Redshift.
-- Params:  {{target}}, {{stage}}, {{rows}} condition, {{key}} list of target column, qualified, and staged value
-- Tests:   jobs/connect/tests/conformance
DELETE FROM {{target}}
USING {{stage}}
WHERE {{rows}} AND {{key|{0} = {1}| AND }}
