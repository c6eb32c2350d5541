-- Makes a VARCHAR longer.
-- Engine:  Redshift. Not inside a transaction; not a column with a default, a key's, or one encoded as BYTEDICT, RUNLENGTH,
--          TEXT255 or TEXT32K.
-- Params:  {{table}}, {{column}}, {{type}}
-- Tests:   sql/src/migrate
ALTER TABLE {{table}} ALTER COLUMN {{column}} TYPE {{type}}
