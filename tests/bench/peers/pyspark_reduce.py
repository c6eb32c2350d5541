"""PySpark's reduction: the newest change of each key, written as Parquet, on `local[2]`.

Order of changes: `_metadata.file_name`, then `_metadata.row_index`. The session is started before the clock; the runs of one
process share it, so all but the first meet a warm JVM.
"""

import os
import time

# Spark takes the host's name for its address otherwise; peers listen on loopback only, as everything here does.
os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")

from pyspark.sql import SparkSession, Window, functions as F  # noqa: E402

from common import COLUMNS, arguments, change_files, clear, report  # noqa: E402

FORMS = ["window", "join", "max_by"]


def reduction(form, spark, files):
    """The data frame of one form. All forms give the same rows."""
    changes = spark.read.parquet(*files).select(
        *COLUMNS, F.col("_metadata.file_name").alias("_file"), F.col("_metadata.row_index").alias("_row")
    )
    if form == "window":
        newest_first = Window.partitionBy("id").orderBy(F.col("_file").desc(), F.col("_row").desc())
        ranked = changes.withColumn("_rank", F.row_number().over(newest_first))
        return ranked.where("_rank = 1").select(*COLUMNS)
    if form == "join":
        newest = changes.groupBy("id").agg(F.max(F.struct("_file", "_row")).alias("_newest"))
        newest = newest.select(F.col("_newest._file").alias("_file"), F.col("_newest._row").alias("_row"))
        return changes.join(newest, ["_file", "_row"]).select(*COLUMNS)
    newest = changes.groupBy("id").agg(F.max_by(F.struct(*COLUMNS), F.struct("_file", "_row")).alias("_newest"))
    return newest.select("_newest.*")


def session(threads):
    """A session as a careful user of one machine would set it: no web page, partitions in proportion to two cores."""
    return (
        SparkSession.builder.master(f"local[{threads}]")
        .appName("quarrel-bench")
        .config("spark.driver.memory", "6g")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "16")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )


def main():
    args = arguments(__doc__, FORMS)
    started = time.monotonic()
    spark = session(args.threads)
    start_seconds = time.monotonic() - started
    files = change_files(args.changes)
    seconds = []
    for run in range(args.warm_up + args.runs):
        clear(args.out)
        started = time.monotonic()
        frame = reduction(args.form, spark, files)
        frame.write.option("compression", args.compression).parquet(args.out)
        if run >= args.warm_up:
            seconds.append(time.monotonic() - started)
    rows = spark.read.parquet(args.out).count()
    report(
        peer="pyspark", version=spark.version, form=args.form, seconds=seconds, rows=rows, start_seconds=start_seconds
    )
    spark.stop()


if __name__ == "__main__":
    main()
