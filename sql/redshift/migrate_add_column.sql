-- Adds a column that the source has got, NULL in every row that is there; the first half of replacing one as well.
-- Engine:  Redshift. One column a statement.
-- Params:  {{table}}, {{column}}, {{type}}
-- Tests:   sql/src/migrate
ALTER TABLE {{table}} ADD COLUMN {{column}} {{type}}
