-- Finds the session that most likely kept a load from its lock: one that holds a lock on the table, on one of its partitions,
-- or a lock that serialises loads into it; the strongest lock first, then the oldest transaction.
-- Engine:  Postgres 12 and later.
-- Params:  $1 quoted name of the table, $2 the keys of the advisory locks
-- Output:  at most one row: pid, application, state, since (of its transaction); never a query's text
-- Tests:   jobs/connect/tests/conformance
SELECT
    activity.pid,
    coalesce(nullif(activity.application_name, ''), 'an application without a name') AS application,
    coalesce(activity.state, 'unknown') AS state,
    to_char(coalesce(activity.xact_start, activity.query_start) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since
FROM pg_catalog.pg_locks AS lock
JOIN pg_catalog.pg_stat_activity AS activity ON activity.pid = lock.pid
WHERE lock.granted AND lock.pid <> pg_backend_pid()
    AND lock.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
    AND (
        (
            lock.locktype = 'relation'
            AND (
                lock.relation = to_regclass($1)
                OR lock.relation IN (SELECT relid FROM pg_partition_tree(to_regclass($1)))
            )
        )
        OR (
            lock.locktype = 'advisory' AND lock.objsubid = 1
            AND ((lock.classid::bigint << 32) | lock.objid::bigint)
                IN (SELECT hashtextextended(key, 0) FROM unnest($2::text[]) AS key)
        )
    )
ORDER BY
    array_position(ARRAY[
        'AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock', 'ShareUpdateExclusiveLock',
        'RowExclusiveLock', 'RowShareLock', 'AccessShareLock'
    ], lock.mode),
    activity.xact_start
LIMIT 1
