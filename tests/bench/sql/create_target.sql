-- Makes the benchmark's target anew: empty, with a primary key, and no ledger of earlier runs.
-- Engine:  Postgres.
-- Params:  none
DROP SCHEMA IF EXISTS quarrel CASCADE;
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
    updated_at timestamp,
    name text,
    email text,
    city text,
    token text,
    active boolean,
    score integer
);
