-- Lets the server notice in mid-statement that this client is gone, so that a killed load does not hold its locks until its
-- statement ends.
-- Engine:  Postgres; does nothing before 14, which lacks the setting.
-- Tests:   none of its own: tests/faults kill loads and run them again.
SELECT set_config(name, '2s', true)
FROM pg_catalog.pg_settings
WHERE name = 'client_connection_check_interval'
