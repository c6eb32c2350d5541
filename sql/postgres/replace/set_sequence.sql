-- Sets a sequence past the values of its column, and not before where the old one stood. It never leaves its bounds.
-- Engine:  Postgres.
-- Params:  $1 oid of the sequence, $2 oid of the old one, $3 greatest value of the column or NULL
-- Tests:   jobs/connect/tests/conformance
SELECT setval(sequence.seqrelid::regclass, least(value, sequence.seqmax))
FROM pg_sequence AS sequence
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN sequence.seqincrement > 0 THEN greatest(pg_sequence_last_value($2::oid), $3::bigint)
        ELSE pg_sequence_last_value($2::oid)
    END AS value
) AS wanted
WHERE sequence.seqrelid = $1::oid AND value >= sequence.seqmin
