-- Bounds how long this connection waits for another one's write.
-- Engine:  SQLite.
-- Params:  {{milliseconds}}
-- Tests:   jobs/connect/tests/conformance
PRAGMA busy_timeout = {{milliseconds}}
