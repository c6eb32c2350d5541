-- Drops a column: one that the source no longer has, when that is allowed, or one whose replacement is filled.
-- Engine:  Redshift. Not a distribution or sort key.
-- Params:  {{table}}, {{column}}
-- Tests:   sql/src/migrate
ALTER TABLE {{table}} DROP COLUMN {{column}}
