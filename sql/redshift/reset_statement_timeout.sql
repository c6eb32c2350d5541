-- Takes the bound of statements back to what the account has.
-- Engine:  Redshift.
-- Tests:   jobs/connect/tests/conformance
RESET statement_timeout
