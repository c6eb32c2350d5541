-- The database's clock, in milliseconds since 1970.
-- Engine:  SQLite.
CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)
