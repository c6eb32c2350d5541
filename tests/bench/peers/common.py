"""What the peers share: arguments in, one line of JSON out, and the list of change files in the order they apply."""

import argparse
import glob
import json
import os
import shutil

COLUMNS = [
    "Op", "id", "customer_id", "status", "store_id", "amount", "rate", "created_at", "updated_at",
    "name", "email", "city", "token", "active", "score",
]


def arguments(description, forms):
    """Parses the arguments every reduction takes. `--form` names one of the SQL forms the peer offers."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--changes", required=True, help="folder of the change files")
    parser.add_argument("--out", required=True, help="folder for the reduced Parquet; replaced if it exists")
    parser.add_argument("--form", choices=forms, default=forms[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compression", choices=["snappy", "zstd", "uncompressed"], default="snappy")
    parser.add_argument("--warm-up", type=int, default=0, help="untimed runs first, in the same process")
    parser.add_argument("--runs", type=int, default=1, help="timed runs, in the same process")
    return parser.parse_args()


def change_files(folder):
    """Change files by name: names begin with the time they were written, so this is the order of the changes."""
    files = sorted(glob.glob(os.path.join(folder, "*.parquet")))
    if not files:
        raise SystemExit(f"no change files in {folder}")
    return files


def clear(folder):
    """Removes the output of an earlier run; never part of the timed section."""
    shutil.rmtree(folder, ignore_errors=True)


def report(**fields):
    """Prints the one line the runner reads."""
    print(json.dumps(fields), flush=True)
