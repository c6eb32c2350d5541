-- Makes the primary key of a table that has been loaded.
-- Engine:  Postgres.
-- Params:  {{table}}, {{key}}
-- Tests:   sql/src/migrate, jobs/connect/tests/migrations
ALTER TABLE {{table}} ADD PRIMARY KEY ({{key|{0}|, }})
