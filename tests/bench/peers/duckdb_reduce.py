"""DuckDB's reduction: the newest change of each key, written as Parquet.

Order of changes: file name, then row in the file. DuckDB gives both (`file_index` follows the sorted list it is handed,
`file_row_number` counts rows), so the order is one BIGINT and no string is compared; that is the quickest order DuckDB can be given.
The runner tries every form and keeps DuckDB's best. Insertion order is not preserved, so that both threads write.
"""

import os
import time

import duckdb

from common import COLUMNS, arguments, change_files, clear, report

FORMS = ["join", "semi", "qualify", "arg_max"]


def reduction(form, files):
    """The SELECT of one form. All forms give the same rows."""
    names = ", ".join("'" + f.replace("'", "''") + "'" for f in files)
    columns = ", ".join(f'"{c}"' for c in COLUMNS)
    position = "(file_index::BIGINT * 4294967296 + file_row_number)"
    source = f"read_parquet([{names}], file_row_number = true)"
    if form == "qualify":
        return (
            f"SELECT {columns} FROM {source} "
            f"QUALIFY row_number() OVER (PARTITION BY id ORDER BY {position} DESC) = 1"
        )
    if form == "join":
        return (
            f"SELECT {columns} FROM (SELECT *, {position} AS position FROM {source}) t "
            f"JOIN (SELECT max({position}) AS newest FROM {source} GROUP BY id) k ON t.position = k.newest"
        )
    if form == "semi":
        return (
            f"SELECT {columns} FROM {source} "
            f"WHERE {position} IN (SELECT max({position}) FROM {source} GROUP BY id)"
        )
    packed = ", ".join(f'"{c}" := "{c}"' for c in COLUMNS)
    return (
        f"SELECT unnest(newest) FROM "
        f"(SELECT arg_max(struct_pack({packed}), {position}) AS newest FROM {source} GROUP BY id)"
    )


def main():
    args = arguments(__doc__, FORMS)
    connection = duckdb.connect()
    connection.execute(f"SET threads = {args.threads}")
    connection.execute("SET preserve_insertion_order = false")
    select = reduction(args.form, change_files(args.changes))
    seconds = []
    for run in range(args.warm_up + args.runs):
        clear(args.out)
        os.makedirs(os.path.dirname(os.path.abspath(args.out)), exist_ok=True)
        started = time.monotonic()
        connection.execute(
            f"COPY ({select}) TO '{args.out}' (FORMAT parquet, COMPRESSION {args.compression}, PER_THREAD_OUTPUT true)"
        )
        if run >= args.warm_up:
            seconds.append(time.monotonic() - started)
    rows = connection.execute(f"SELECT count(*) FROM '{args.out}/*.parquet'").fetchone()[0]
    report(peer="duckdb", version=duckdb.__version__, form=args.form, seconds=seconds, rows=rows, start_seconds=0.0)


if __name__ == "__main__":
    main()
