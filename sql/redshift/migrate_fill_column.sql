-- Copies a column's values into the one that will replace it; a value that doesn't fit is an error.
-- Engine:  Redshift, which changes no type but a VARCHAR's in place.
-- Params:  {{table}}, {{replacement}}, {{column}}, {{type}}
-- Tests:   sql/src/migrate
UPDATE {{table}} SET {{replacement}} = CAST({{column}} AS {{type}})
