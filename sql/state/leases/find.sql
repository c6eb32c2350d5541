-- Who holds a lease.
-- Engine:  Postgres, SQLite.
-- Params:  $1 name
SELECT holder, epoch, expires_at_ms FROM leases WHERE name = $1
