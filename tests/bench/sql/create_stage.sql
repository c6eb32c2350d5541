-- Makes an unlogged table in the shape of reduced rows, without any index: what rows are rendered from, and what COPY is timed into.
-- Engine:  Postgres.
-- Params:  none
DROP TABLE IF EXISTS bench.stage;
CREATE UNLOGGED TABLE bench.stage (
    op text,
    id bigint,
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
