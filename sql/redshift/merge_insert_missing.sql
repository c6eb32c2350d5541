-- Inserts the rows that are not there.
-- Engine:  Redshift.
-- Params:  {{target}}, {{stage}}, {{rows}} condition, {{columns}} and {{key}} lists of target column and staged value,
--          {{probe}} a column of the key
-- Tests:   jobs/connect/tests/conformance
INSERT INTO {{target}} ({{columns|{0}|, }})
SELECT {{columns|{1}|, }}
FROM {{stage}}
LEFT JOIN {{target}} AS quarrel_held ON {{key|quarrel_held.{0} = {1}| AND }}
WHERE {{rows}} AND quarrel_held.{{probe}} IS NULL
