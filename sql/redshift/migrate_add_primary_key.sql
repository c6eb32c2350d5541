-- Makes the primary key of a table that has none.
-- Engine:  Redshift.
-- Params:  {{table}}, {{key}}
-- Tests:   sql/src/migrate
ALTER TABLE {{table}} ADD PRIMARY KEY ({{key|{0}|, }})
