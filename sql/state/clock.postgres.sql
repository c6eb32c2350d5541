-- The database's clock, in milliseconds since 1970.
-- Engine:  Postgres.
CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)
