-- Makes the staging table, distributed and sorted as the target is, so that the merge moves no rows between nodes.
-- Engine:  Redshift. It lives as long as its session, and has the target's NOT NULL.
-- Params:  {{stage}}, {{target}}
-- Tests:   jobs/connect/tests/conformance
CREATE TEMP TABLE {{stage}} (LIKE {{target}})
