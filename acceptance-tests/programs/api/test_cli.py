"""aws-cli, unmodified, through a life of a cluster."""

import json
import os
import subprocess
import sys
import unittest

from support import ENDPOINT, wait

AWS = os.path.join(os.path.dirname(sys.executable), "aws")


def aws(*arguments, ok=True):
    command = [AWS, "--endpoint-url", ENDPOINT, "--output", "json", "--no-cli-pager", *arguments]
    if subprocess.run([AWS, "--version"], capture_output=True, text=True).stdout.startswith("aws-cli/1."):
        command.remove("--no-cli-pager")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode == 0) == ok, f"{command}: {done.stdout}{done.stderr}"
    if not ok:
        return done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


class Cli(unittest.TestCase):
    def test_life(self):
        self.assertEqual(aws("sts", "get-caller-identity")["Account"], "000000000000")
        group = json.dumps({"InstanceType": "kafka.m5.large", "ClientSubnets": ["a", "b", "c"]})
        made = aws(
            *("kafka", "create-cluster", "--cluster-name", "cli", "--kafka-version", "4.2.x.kraft"),
            *("--number-of-broker-nodes", "1", "--broker-node-group-info", group, "--tags", "a=1,b=2"),
        )
        arn = made["ClusterArn"]
        self.assertEqual(made["State"], "CREATING")

        def state():
            return aws("kafka", "describe-cluster-v2", "--cluster-arn", arn)["ClusterInfo"]["State"]

        wait("ACTIVE", lambda: state() == "ACTIVE")
        shown = aws("kafka", "describe-cluster", "--cluster-arn", arn)["ClusterInfo"]
        self.assertEqual(shown["Tags"], {"a": "1", "b": "2"})
        begun = aws(
            *("kafka", "update-monitoring", "--cluster-arn", arn, "--current-version", shown["CurrentVersion"]),
            *("--enhanced-monitoring", "PER_BROKER"),
        )
        operation = begun["ClusterOperationArn"]
        done = ("kafka", "describe-cluster-operation", "--cluster-operation-arn", operation)
        wait("the operation", lambda: aws(*done)["ClusterOperationInfo"]["OperationState"] == "UPDATE_COMPLETE")
        topic = ("--cluster-arn", arn, "--topic-name", "orders")
        aws("kafka", "create-topic", *topic, "--partition-count", "2", "--replication-factor", "1")
        self.assertEqual(aws("kafka", "describe-topic", *topic)["PartitionCount"], 2)
        listed = aws("kafka", "list-clusters", "--cluster-name-filter", "cli", "--page-size", "1")
        self.assertEqual([it["ClusterArn"] for it in listed["ClusterInfoList"]], [arn])
        stale = aws(
            *("kafka", "update-monitoring", "--cluster-arn", arn, "--current-version", "K0"),
            *("--enhanced-monitoring", "DEFAULT"),
            ok=False,
        )
        self.assertIn("BadRequestException", stale)
        self.assertIn("somebody changed it", stale)
        aws("kafka", "delete-cluster", "--cluster-arn", arn)
        wait("the cluster to be gone", lambda: aws("kafka", "list-clusters", "--cluster-name-filter", "cli") == {"ClusterInfoList": []})


if __name__ == "__main__":
    unittest.main()
