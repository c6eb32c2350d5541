-- Takes a lease that is free or has expired; the epoch grows with every taking.
-- Engine:  Postgres, SQLite.
-- Params:  {{now}} clock; $1 name, $2 holder, $3 milliseconds to live, $4 holder known to be dead or empty
-- Output:  the epoch, or no row when somebody else holds the lease.
INSERT INTO leases (name, holder, epoch, expires_at_ms)
VALUES ($1, $2, 1, {{now}} + $3)
ON CONFLICT (name) DO UPDATE SET
    holder = excluded.holder,
    epoch = leases.epoch + 1,
    expires_at_ms = excluded.expires_at_ms
WHERE leases.expires_at_ms < {{now}} OR leases.holder = $4
RETURNING epoch
