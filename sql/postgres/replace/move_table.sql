-- Brings a table into another schema, with its indexes and its identities' sequences.
-- Engine:  Postgres.
-- Params:  {{table}}, {{schema}}
-- Tests:   jobs/connect/tests/conformance
ALTER TABLE {{table}} SET SCHEMA {{schema}}
