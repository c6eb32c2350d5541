"""Digests a result so that two of them can be compared: rows, and sums of hashes that do not depend on the order of rows.

All columns are cast to the same types first, so that a result read back from Postgres as CSV and one written as Parquet by any
engine give the same digest exactly when they hold the same values.
"""

import argparse
import json

import duckdb

TYPES = {
    "Op": "VARCHAR", "id": "BIGINT", "customer_id": "BIGINT", "status": "VARCHAR", "store_id": "INTEGER",
    "amount": "DECIMAL(18,2)", "rate": "DOUBLE", "created_at": "TIMESTAMP", "updated_at": "TIMESTAMP", "name": "VARCHAR",
    "email": "VARCHAR", "city": "VARCHAR", "token": "VARCHAR", "active": "BOOLEAN", "score": "INTEGER",
}
DATA = [column for column in TYPES if column != "Op"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--parquet", help="folder of reduced Parquet files, all 15 columns")
    source.add_argument("--csv", help="file of the 14 data columns, without a header")
    parser.add_argument("--export", help="write the rows to this CSV file instead of digesting them")
    args = parser.parse_args()
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    if args.parquet:
        casts = ", ".join(f'"{name}"::{kind} AS "{name}"' for name, kind in TYPES.items())
        rows = f"(SELECT {casts} FROM read_parquet('{args.parquet}/*.parquet'))"
    else:
        columns = ", ".join(f"'{name}': '{TYPES[name]}'" for name in DATA)
        rows = f"(SELECT NULL::VARCHAR AS \"Op\", * FROM read_csv('{args.csv}', header = false, columns = {{{columns}}}))"
    if args.export:
        connection.execute(f"COPY (SELECT * FROM {rows}) TO '{args.export}' (FORMAT csv, HEADER false)")
        return
    # A NULL must not meet an empty string: both are written out with a mark of their own.
    values = ", ".join(f'coalesce("{name}"::VARCHAR, chr(1))' for name in DATA)
    live = "\"Op\" IS DISTINCT FROM 'D'"
    total, live_rows, live_checksum, deleted_checksum = connection.execute(
        f"SELECT count(*), count(*) FILTER ({live}), "
        f"coalesce(sum(hash({values})::HUGEINT) FILTER ({live}), 0)::VARCHAR, "
        f"coalesce(sum(hash({values})::HUGEINT) FILTER (NOT ({live})), 0)::VARCHAR FROM {rows}"
    ).fetchone()
    print(
        json.dumps(
            {
                "rows": total,
                "live_rows": live_rows,
                "live_checksum": live_checksum,
                "deleted_checksum": deleted_checksum if args.parquet else None,
            }
        )
    )


if __name__ == "__main__":
    main()
