-- Sets a new connection to a Postgres state store up: Quarrel's tables live in a schema of their own.
-- Engine:  Postgres.
CREATE SCHEMA IF NOT EXISTS quarrel_state;
SET search_path TO quarrel_state
