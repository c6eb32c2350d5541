-- Lists the columns of indexes by which an upsert can find its row: unique, over every row, over columns alone, comparing
-- bytes. The row id of an INTEGER PRIMARY KEY has no index: describe_columns tells of it.
-- Engine:  SQLite 3.16 and later.
-- Params:  ?1 name of the table
-- Output:  index, column (NULL for an expression), collation
-- Order:   by index, then as the index has them.
-- Tests:   jobs/connect/tests/conformance
SELECT list.seq AS place, info.name AS column_name, info.coll AS collation
FROM pragma_index_list(?1, 'main') AS list
JOIN pragma_index_xinfo(list.name, 'main') AS info
WHERE list."unique" = 1 AND list.partial = 0 AND info.key = 1
ORDER BY list.seq, info.seqno
