-- Gives the target 100,000 rows, so that a small cycle meets a table in use: its keys are among them.
-- Engine:  Postgres.
-- Params:  none
INSERT INTO bench.transactions (id, customer_id, status, store_id, amount, rate, created_at, updated_at, name, email, city, token, active, score)
SELECT id, id % 50000, 'new', id % 500, id / 100.0, id / 7.0, timestamp '2023-12-31', timestamp '2023-12-31', 'Ana Costa',
       'ana.costa@example.com', 'Lisbon', md5(id::text), true, id % 100
FROM generate_series(1, 100000) AS id;
ANALYZE bench.transactions;
