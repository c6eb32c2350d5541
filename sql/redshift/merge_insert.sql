-- Inserts the rows whose last change is not a delete; the rows before them are gone by now.
-- Engine:  Redshift.
-- Params:  {{target}}, {{stage}}, {{rows}} condition, {{columns}} list of target column and staged value
-- Tests:   jobs/connect/tests/conformance
INSERT INTO {{target}} ({{columns|{0}|, }})
SELECT {{columns|{1}|, }}
FROM {{stage}}
WHERE {{rows}}
