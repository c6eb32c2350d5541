-- Keeps the last change of each key of a batch, by file and row.
-- Engine:  DataFusion, in one process or on Ballista.
-- Params:  {{changes}} registered table with _file, _row and _position; {{operation}} column; {{key}}, {{columns}} lists
-- Output:  _op, _file, _row, columns: one row a key; deletes stay, as tombstones for the load.
-- Order:   position = file * 2^32 + row: ties are impossible by construction.
-- Why:     only keys and positions are read to find the last ones; a scan of pinned files takes the semi-join over (the rule
--          keep_rows of the session), so that of the other columns just the rows kept are decoded, and none is shuffled.
-- Tests:   tests/golden/reduce.slt
SELECT
    changes.{{operation}} AS "_op",
    changes."_file",
    changes."_row",
    {{columns|changes.{0}|, }}
FROM {{changes}} AS changes
LEFT SEMI JOIN (
    SELECT max("_position") AS position
    FROM {{changes}}
    GROUP BY {{key|{0}|, }}
) AS last
    ON changes."_position" = last.position
