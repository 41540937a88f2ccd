"""The life of a cluster through boto3, again and again: prints the median of each call, in milliseconds, as JSON.

lifecycle.py ENDPOINT TIMES; keys come from the environment, as boto3 takes them.
"""

import json
import statistics
import sys
import time

import boto3

GROUP = {"InstanceType": "kafka.m5.large", "ClientSubnets": ["subnet-a", "subnet-b", "subnet-c"]}
STATEMENT = {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kafka:Get*", "Resource": "*"}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})


def state(kafka, arn):
    return kafka.describe_cluster(ClusterArn=arn)["ClusterInfo"]["State"]


def main(endpoint, times):
    kafka = boto3.client("kafka", region_name="us-east-1", endpoint_url=endpoint)
    took = {}

    def call(name, **arguments):
        began = time.perf_counter()
        answer = getattr(kafka, name)(**arguments)
        took.setdefault(name, []).append((time.perf_counter() - began) * 1000)
        return answer

    for number in range(times):
        cluster = {"KafkaVersion": "4.2.x.kraft", "NumberOfBrokerNodes": 3, "BrokerNodeGroupInfo": GROUP}
        arn = call("create_cluster", ClusterName=f"life-{number}", **cluster)["ClusterArn"]
        # What a real cluster needs for its start is not part of any call; moto's is never more than CREATING.
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline and state(kafka, arn) == "CREATING":
            time.sleep(0.01)
        for _ in range(10):
            call("describe_cluster", ClusterArn=arn)
            call("describe_cluster_v2", ClusterArn=arn)
            call("list_clusters")
            call("list_clusters_v2")
            call("tag_resource", ResourceArn=arn, Tags={"team": "blue"})
            call("list_tags_for_resource", ResourceArn=arn)
            call("untag_resource", ResourceArn=arn, TagKeys=["team"])
        call("put_cluster_policy", ClusterArn=arn, Policy=POLICY)
        call("get_cluster_policy", ClusterArn=arn)
        call("delete_cluster_policy", ClusterArn=arn)
        call("delete_cluster", ClusterArn=arn)
    print(json.dumps({name: statistics.median(values) for name, values in took.items()}))


main(sys.argv[1], int(sys.argv[2]))
