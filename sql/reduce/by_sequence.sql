-- Keeps the last change of each key of a batch, by change sequence, then file and row.
-- Engine:  DataFusion, in one process or on Ballista.
-- Params:  {{changes}} registered table with _file and _row; {{operation}}, {{sequence}} columns; {{key}}, {{columns}} lists
-- Output:  _op, _file, _row, columns: one row a key; deletes stay, as tombstones for the load.
-- Order:   sequence as text, then file * 2^32 + row in 19 digits: only changes delivered twice share a sequence, and file
--          and row tell those apart.
-- Tests:   tests/golden/reduce.slt
SELECT
    changes.{{operation}} AS "_op",
    changes."_file",
    changes."_row",
    {{columns|changes.{0}|, }}
FROM (
    SELECT CAST(right(max(
        concat(coalesce({{sequence}}, ''), '/', lpad(CAST(CAST("_file" AS BIGINT) * 4294967296 + "_row" AS VARCHAR), 19, '0'))
    ), 19) AS BIGINT) AS position
    FROM {{changes}}
    GROUP BY {{key|{0}|, }}
) AS last
JOIN {{changes}} AS changes
    ON last.position = CAST(changes."_file" AS BIGINT) * 4294967296 + changes."_row"
