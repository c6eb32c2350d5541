-- Keeps the server from ending this transaction for being idle or long: a copy of a large table is both.
-- Engine:  Postgres.
-- Tests:   none of its own.
SELECT
    set_config('idle_in_transaction_session_timeout', '0', true),
    set_config('statement_timeout', '0', true)
