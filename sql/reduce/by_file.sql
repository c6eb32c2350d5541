-- Keeps the last change of each key of a batch, by file and row.
-- Engine:  DataFusion, in one process or on Ballista.
-- Params:  {{changes}} registered table with _file and _row; {{operation}} column; {{key}}, {{columns}} lists
-- Output:  _op, _file, _row, columns: one row a key; deletes stay, as tombstones for the load.
-- Order:   position = file * 2^32 + row: ties are impossible by construction.
-- Why:     the maximum of one integer a key, joined back, moves only positions through the shuffle; a window would sort
--          whole rows (measured: two to three times slower, and with much more memory). The positions stand first: without
--          statistics the first side of a join is the one held in memory.
-- Tests:   tests/golden/reduce.slt
SELECT
    changes.{{operation}} AS "_op",
    changes."_file",
    changes."_row",
    {{columns|changes.{0}|, }}
FROM (
    SELECT max(CAST("_file" AS BIGINT) * 4294967296 + "_row") AS position
    FROM {{changes}}
    GROUP BY {{key|{0}|, }}
) AS last
JOIN {{changes}} AS changes
    ON last.position = CAST(changes."_file" AS BIGINT) * 4294967296 + changes."_row"
