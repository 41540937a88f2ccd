"""Shows all operations of all clusters, a JSON object a line: the cluster, the type and the state.

usage: operations.py ENDPOINT CREDENTIALS
"""

import json
import os
import sys

ENDPOINT, CREDENTIALS = sys.argv[1:]
for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
    os.environ.pop(name, None)
os.environ["AWS_SHARED_CREDENTIALS_FILE"] = CREDENTIALS

import boto3  # noqa: E402  (reads the environment when it is imported)

KAFKA = boto3.client("kafka", region_name="us-east-1", endpoint_url=ENDPOINT)
for page in KAFKA.get_paginator("list_clusters_v2").paginate():
    for cluster in page["ClusterInfoList"]:
        arn = cluster["ClusterArn"]
        for operations in KAFKA.get_paginator("list_cluster_operations_v2").paginate(ClusterArn=arn):
            for it in operations["ClusterOperationInfoList"]:
                shown = {"cluster": cluster["ClusterName"], "type": it["OperationType"], "state": it["OperationState"]}
                print(json.dumps(shown))
