"""moto's server with the two calls of DMS that moto lacks: DescribeTableStatistics and ReloadTables.

Usage: moto_dms.py PORT STATISTICS
STATISTICS is a JSON file that is read at each call: a list of objects as DescribeTableStatistics returns them.
"""

import json
import os
import sys

from moto.dms.exceptions import ResourceNotFoundFault
from moto.dms.responses import DatabaseMigrationServiceResponse
from moto.server import main

FILTERS = {"schema-name": "SchemaName", "table-name": "TableName", "table-state": "TableState"}
# Small, so that a client that takes only the first page is found out.
PAGE = 2


def known_task(response):
    arn = response._get_param("ReplicationTaskArn")
    if arn not in response.dms_backend.replication_tasks:
        raise ResourceNotFoundFault("Replication task could not be found.")
    return arn


def describe_table_statistics(response):
    arn = known_task(response)
    path = sys.argv[2]
    rows = json.load(open(path)) if os.path.exists(path) else []
    for wanted in response._get_param("Filters") or []:
        rows = [row for row in rows if row[FILTERS[wanted["Name"]]] in wanted["Values"]]
    start = int(response._get_param("Marker") or 0)
    answer = {"ReplicationTaskArn": arn, "TableStatistics": rows[start : start + PAGE]}
    if start + PAGE < len(rows):
        answer["Marker"] = str(start + PAGE)
    return json.dumps(answer)


def reload_tables(response):
    return json.dumps({"ReplicationTaskArn": known_task(response)})


DatabaseMigrationServiceResponse.describe_table_statistics = describe_table_statistics
DatabaseMigrationServiceResponse.reload_tables = reload_tables

if __name__ == "__main__":
    main(["-H", "127.0.0.1", "-p", sys.argv[1]])
