-- Inserts the rows that are not there, where no unique index is over the key.
-- Engine:  SQLite.
-- Params:  {{target}}, {{stage}} of upserts, {{columns}} and {{key}} lists of target column and staged column, {{first}} one of
--          the target's key columns: not NULL where the join found a row
-- Why:     a join, since SQLite makes an index for it by itself where there is none; for NOT EXISTS it would scan the table
--          once a row.
-- Tests:   jobs/connect/tests/conformance
INSERT INTO {{target}} ({{columns|{0}|, }})
SELECT {{columns|staged.{1}|, }}
FROM {{stage}} AS staged
LEFT JOIN {{target}} AS target ON {{key|target.{0} = staged.{1}| AND }}
WHERE target.{{first}} IS NULL
