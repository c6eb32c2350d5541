-- What a copy must share with its source: the number of rows, and a checksum that does not depend on their order.
-- Engine:  Postgres.
-- Params:  none
SELECT count(*) || ' ' || coalesce(sum(hashtextextended(
    concat_ws('|', id, customer_id, status, store_id, amount, rate, created_at, extract(epoch FROM updated_at), name, email, city, token,
              active, score, coalesce(note, '-')), 0)), 0)
FROM bench.transactions
