-- Sends rows to a staging table.
-- Engine:  SQLite.
-- Params:  {{stage}} name, {{rows}} list of placeholder rows
-- Tests:   jobs/connect/tests/conformance
INSERT INTO {{stage}} VALUES {{rows|({0})|, }}
