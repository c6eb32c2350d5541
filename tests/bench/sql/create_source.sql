-- Makes the table that full loads are measured with, and fills it: 15 columns of mixed types.
-- Engine:  Postgres.
-- Params:  setting bench.rows, the number of rows
DROP SCHEMA IF EXISTS bench CASCADE;
CREATE SCHEMA bench;
CREATE TABLE bench.transactions (
    id bigint PRIMARY KEY,
    customer_id bigint,
    status text,
    store_id integer,
    amount numeric(18, 2),
    rate double precision,
    created_at timestamp,
    updated_at timestamptz,
    name text,
    email text,
    city varchar(40),
    token uuid,
    active boolean,
    score integer,
    note text
);
INSERT INTO bench.transactions
SELECT id, id * 7919 % 500000, (ARRAY['new', 'captured', 'settled', 'refunded'])[id % 4 + 1], id % 500, id % 1000000 / 100.0, id / 7.0,
       timestamp '2024-01-01' + id * interval '1 second', timestamptz '2024-01-01 00:00+00' + id * interval '2 seconds',
       'Ana Costa ' || id % 1000, 'ana.costa.' || id || '@example.com', 'Lisbon', md5(id::text)::uuid, id % 3 = 0, id % 100,
       CASE WHEN id % 5 = 0 THEN repeat('n', (id % 40)::integer) END
FROM generate_series(1, current_setting('bench.rows')::bigint) AS id;
VACUUM ANALYZE bench.transactions;
