-- Prolongs a lease that is still held, and raises its epoch where a target knows a later one.
-- Engine:  Postgres, SQLite.
-- Params:  {{now}} clock; $1 name, $2 holder, $3 milliseconds to live, $4 least epoch
-- Output:  the epoch, or no row when the lease is lost.
UPDATE leases
SET expires_at_ms = {{now}} + $3, epoch = CASE WHEN epoch < $4 THEN $4 ELSE epoch END
WHERE name = $1 AND holder = $2
RETURNING epoch
