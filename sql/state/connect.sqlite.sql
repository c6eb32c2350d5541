-- Sets a new connection to a SQLite state store up: readers and one writer side by side, and patience with that writer.
-- Engine:  SQLite.
PRAGMA journal_mode = WAL;
PRAGMA busy_timeout = 15000;
PRAGMA foreign_keys = ON
