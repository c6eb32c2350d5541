#!/usr/bin/env bash
# Makes the Python environment of the peers (DuckDB, PySpark 4.2, PyArrow, sling), and installs Java 17 and pgloader where there are none.
# Prints the path of its Python. Safe to run again: it does nothing when all is there.
set -euo pipefail

venv="${XDG_CACHE_HOME:-$HOME/.cache}/quarrel/bench-venv"

java_major() { java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1; }

# Spark 4.2 runs on Java 17 and later.
if ! command -v java >/dev/null || [ "$(java_major)" -lt 17 ]; then
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq openjdk-17-jre-headless >&2
fi

if ! command -v psql >/dev/null; then
  echo "psql is missing: run the test set-up of the README first (it installs PostgreSQL)" >&2
  exit 1
fi

if ! command -v pgloader >/dev/null; then
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends pgloader >&2
fi

if [ ! -x "$venv/bin/python" ]; then
  mkdir -p "$(dirname "$venv")"
  python3 -m venv "$venv" >&2
fi
if ! "$venv/bin/python" -c 'import duckdb, pyspark, pyarrow; assert pyspark.__version__.startswith("4.2.")' 2>/dev/null; then
  "$venv/bin/pip" install --quiet 'duckdb>=1.3' 'pyspark==4.2.*' pyarrow >&2
fi
# The package holds the program alone, deep inside.
if [ ! -x "$venv/bin/sling-binary" ]; then
  "$venv/bin/pip" install --quiet sling-linux-amd64 >&2
  ln -sf "$("$venv/bin/python" -c 'import pathlib, sling_linux_amd64 as s; print(pathlib.Path(s.__path__[0], "bin", "sling-linux-amd64"))')" \
    "$venv/bin/sling-binary"
fi
echo "$venv/bin/python"
