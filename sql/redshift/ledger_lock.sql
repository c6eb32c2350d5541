-- Serialises what loads do to a database. As the first statement of a transaction: what it reads is as of after the wait.
-- Engine:  Redshift, which locks whole tables. Ends with the transaction; statement_timeout bounds the wait.
-- Tests:   jobs/connect/tests/conformance
LOCK quarrel.load_lock
