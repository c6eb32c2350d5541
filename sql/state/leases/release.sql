-- Lets a lease go; its epoch stays.
-- Engine:  Postgres, SQLite.
-- Params:  $1 name, $2 holder
UPDATE leases SET expires_at_ms = 0 WHERE name = $1 AND holder = $2
