-- Keeps the last change of each key of a batch, by change sequence, then file and row.
-- Engine:  DataFusion, in one process or on Ballista.
-- Params:  {{changes}} registered table with _file, _row and _position; {{operation}}, {{sequence}} columns; {{key}}, {{columns}} lists
-- Output:  _op, _file, _row, columns: one row a key; deletes stay, as tombstones for the load.
-- Order:   sequence as text, then position in 19 digits: only changes delivered twice share a sequence, and file and row tell
--          those apart.
-- Why:     as by_file.sql.
-- Tests:   tests/golden/reduce.slt
SELECT
    changes.{{operation}} AS "_op",
    changes."_file",
    changes."_row",
    {{columns|changes.{0}|, }}
FROM {{changes}} AS changes
LEFT SEMI JOIN (
    SELECT CAST(right(max(
        concat(coalesce({{sequence}}, ''), '/', lpad(CAST("_position" AS VARCHAR), 19, '0'))
    ), 19) AS BIGINT) AS position
    FROM {{changes}}
    GROUP BY {{key|{0}|, }}
) AS last
    ON changes."_position" = last.position
