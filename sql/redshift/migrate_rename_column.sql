-- Gives a replacement the name of the column it replaces.
-- Engine:  Redshift.
-- Params:  {{table}}, {{replacement}}, {{column}}
-- Tests:   sql/src/migrate
ALTER TABLE {{table}} RENAME COLUMN {{replacement}} TO {{column}}
