-- Begins a transaction that writes, and waits for others that do: loads into one file are serialised by it.
-- Engine:  SQLite.
-- Tests:   jobs/connect/tests/conformance
BEGIN IMMEDIATE
