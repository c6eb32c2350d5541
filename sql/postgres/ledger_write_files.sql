-- Names files as applied; one that was overwritten or applied before replaces its entry.
-- Engine:  Postgres.
-- Params:  $1 table name, $2 target, $3 batch, then arrays of equal length: $4 keys, $5 ETags, $6 sizes, $7 orders,
--          $8 first sequences, $9 last sequences, $10 rows
-- Tests:   jobs/connect/tests/conformance
INSERT INTO quarrel.ledger_files AS held
    (table_name, target, batch_id, file_key, etag, size, file_order, sequence_first, sequence_last, rows)
SELECT $1, $2, $3, file.*
FROM unnest($4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::bigint[]) AS file
ON CONFLICT (table_name, target, file_key) DO UPDATE SET
    batch_id = excluded.batch_id,
    etag = excluded.etag,
    size = excluded.size,
    file_order = excluded.file_order,
    sequence_first = excluded.sequence_first,
    sequence_last = excluded.sequence_last,
    rows = excluded.rows
