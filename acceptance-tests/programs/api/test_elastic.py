"""Serverless clusters: the number of their brokers follows the load, between bounds in their tags."""

import threading
import unittest

from confluent_kafka import Producer
from support import KAFKA, authority, delete_cluster, encoded, pages, refused, state, wait

WRONG = "BadRequestException"
NETWORK = {"VpcConfigs": [{"SubnetIds": ["subnet-a", "subnet-b"], "SecurityGroupIds": ["group"]}]}


def bounds(low, high):
    return {"openmsk:min-brokers": str(low), "openmsk:max-brokers": str(high)}


def make(name, **arguments):
    made = KAFKA.create_cluster_v2(ClusterName=name, Serverless=NETWORK, **arguments)
    assert made["ClusterType"] == "SERVERLESS", made
    wait(f"{name} to be ACTIVE", lambda: state(made["ClusterArn"]) == "ACTIVE")
    return made["ClusterArn"]


def brokers(arn):
    nodes = KAFKA.list_nodes(ClusterArn=arn)["NodeInfoList"]
    return sum(node.get("NodeType") == "BROKER" for node in nodes)


class Load:
    """Writes as fast as it goes until it is told to end. Nothing may be lost on the way."""

    def __init__(self, settings):
        self.producer = Producer({**settings, "queue.buffering.max.messages": 20000})
        self.end, self.failed = threading.Event(), []
        self.thread = threading.Thread(target=self.run)

    def run(self):
        record = bytes(2000)
        while not self.end.is_set():
            try:
                self.producer.produce("load", record, on_delivery=lambda error, _: error and self.failed.append(error))
                self.producer.poll(0)
            except BufferError:
                self.producer.poll(0.01)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.end.set()
        self.thread.join()
        assert self.producer.flush(60) == 0 and not self.failed, self.failed[:3]


class Elastic(unittest.TestCase):
    def test_brokers_follow_the_load(self):
        arn = make("elastic", Tags=bounds(1, 2))
        self.addCleanup(delete_cluster, arn)
        self.assertEqual(brokers(arn), 1)
        configs = {"retention.bytes": str(64 * 1024 * 1024), "segment.bytes": str(16 * 1024 * 1024)}
        topic = {"TopicName": "load", "PartitionCount": 4, "ReplicationFactor": 1}
        KAFKA.create_topic(ClusterArn=arn, Configs=encoded(configs), **topic)
        bootstrap = KAFKA.get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerStringTls"]
        tls = {"bootstrap.servers": bootstrap, "security.protocol": "SSL", "ssl.ca.location": authority(arn)}
        with Load(tls):
            wait("a second broker", lambda: brokers(arn) == 2 and state(arn) == "ACTIVE", 240)
        kinds = [it["OperationType"] for it in pages("list_cluster_operations_v2", "ClusterOperationInfoList", ClusterArn=arn)]
        self.assertEqual(kinds[0], "INCREASE_BROKER_COUNT")
        leaders = {it["Leader"] for it in KAFKA.describe_topic_partitions(ClusterArn=arn, TopicName="load")["Partitions"]}
        self.assertEqual(leaders, {1, 2}, "data has moved to the broker that joined")
        wait("one broker again", lambda: brokers(arn) == 1 and state(arn) == "ACTIVE", 180)

    def test_it_is_shown_and_refuses_what_is_not_for_it(self):
        arn = make("serverless", Tags=bounds(1, 3))
        self.addCleanup(delete_cluster, arn)
        shown = KAFKA.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"]
        self.assertEqual((shown["ClusterType"], shown["Serverless"]), ("SERVERLESS", NETWORK))
        self.assertNotIn("Provisioned", shown)
        of_type = lambda kind: [it["ClusterArn"] for it in pages("list_clusters_v2", "ClusterInfoList", ClusterTypeFilter=kind)]
        self.assertIn(arn, of_type("SERVERLESS"))
        self.assertNotIn(arn, of_type("PROVISIONED"))
        self.assertNotIn(arn, [it["ClusterArn"] for it in pages("list_clusters", "ClusterInfoList")])
        refused(WRONG, KAFKA.describe_cluster, "clusterArn", ClusterArn=arn)
        change = {"ClusterArn": arn, "CurrentVersion": shown["CurrentVersion"]}
        message = refused(WRONG, KAFKA.update_broker_count, "clusterArn", TargetNumberOfBrokerNodes=3, **change)
        self.assertIn("serverless", message)
        public = {"PublicAccess": {"Type": "SERVICE_PROVIDED_EIPS"}}
        refused(WRONG, KAFKA.update_connectivity, "connectivityInfo", ConnectivityInfo=public, **change)
        operation = KAFKA.update_connectivity(ConnectivityInfo={"NetworkType": "DUAL"}, **change)["ClusterOperationArn"]
        done = lambda: KAFKA.describe_cluster_operation_v2(ClusterOperationArn=operation)["ClusterOperationInfo"]
        wait("DUAL", lambda: done()["OperationState"] == "UPDATE_COMPLETE")
        self.assertEqual(done()["ClusterType"], "SERVERLESS")
        shown = KAFKA.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"]["Serverless"]
        self.assertEqual(shown["ConnectivityInfo"], {"NetworkType": "DUAL"})
        # Other bounds are in force at once.
        refused(WRONG, KAFKA.tag_resource, "tags", ResourceArn=arn, Tags=bounds(4, 2))
        KAFKA.tag_resource(ResourceArn=arn, Tags=bounds(2, 3))
        wait("two brokers", lambda: brokers(arn) == 2 and state(arn) == "ACTIVE")

    def test_creation_is_refused_for_what_is_wrong(self):
        def create(**changes):
            KAFKA.create_cluster_v2(**{"ClusterName": "wrong", "Serverless": NETWORK, **changes})

        refused(WRONG, create, "serverless.vpcConfigs", Serverless={})
        refused(WRONG, create, "tags", Tags=bounds(3, 99))
        refused(WRONG, create, "tags", Tags={"openmsk:max-brokers": "few"})
        both = {"Provisioned": {"KafkaVersion": "4.2.x.kraft", "NumberOfBrokerNodes": 1, "BrokerNodeGroupInfo": {
            "InstanceType": "kafka.m5.large", "ClientSubnets": ["a"]}}}
        refused(WRONG, create, "serverless", **both)


if __name__ == "__main__":
    unittest.main()
