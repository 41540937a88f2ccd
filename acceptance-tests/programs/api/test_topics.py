"""Topics: the six operations, and what Kafka itself refuses."""

import os
import signal
import unittest

from support import (
    KAFKA,
    broker_pid,
    client,
    decoded,
    delete_cluster,
    encoded,
    files,
    make_cluster,
    pages,
    refused,
    state,
    wait,
)

WRONG = "BadRequestException"


def leader(arn, topic):
    partitions = KAFKA.describe_topic_partitions(ClusterArn=arn, TopicName=topic)["Partitions"]
    return partitions[0].get("Leader")


class Topics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.arn = make_cluster("topics")

    @classmethod
    def tearDownClass(cls):
        delete_cluster(cls.arn)

    def create(self, name, partitions=1, replicas=1, **more):
        arguments = {"TopicName": name, "PartitionCount": partitions, "ReplicationFactor": replicas, **more}
        return KAFKA.create_topic(ClusterArn=self.arn, **arguments)

    def test_life(self):
        made = self.create("life", 3, Configs=encoded({"retention.ms": "60000"}))
        self.assertTrue(made["TopicArn"].endswith("/life") and ":topic/topics/" in made["TopicArn"], made)
        of_topic = {"ClusterArn": self.arn, "TopicName": "life"}
        shown = KAFKA.describe_topic(**of_topic)
        self.assertEqual((shown["PartitionCount"], shown["ReplicationFactor"], shown["Status"]), (3, 1, "ACTIVE"))
        self.assertEqual(decoded(shown["Configs"]), {"retention.ms": "60000"})
        partitions = pages("describe_topic_partitions", "Partitions", **of_topic)
        self.assertEqual([(it["Partition"], it["Leader"], it["Isr"]) for it in partitions], [(n, 1, [1]) for n in range(3)])
        # Rule 21: configs and the number of partitions are changed by calls of their own.
        KAFKA.update_topic(**of_topic, PartitionCount=4)
        KAFKA.update_topic(**of_topic, Configs=encoded({"retention.ms": "70000"}))
        shown = KAFKA.describe_topic(**of_topic)
        self.assertEqual((shown["PartitionCount"], decoded(shown["Configs"])), (4, {"retention.ms": "70000"}))
        KAFKA.update_topic(**of_topic, Configs=encoded({}))
        self.assertEqual(decoded(KAFKA.describe_topic(**of_topic)["Configs"]), {})
        both = {"PartitionCount": 5, "Configs": encoded({})}
        refused(WRONG, KAFKA.update_topic, **of_topic, **both)
        refused(WRONG, KAFKA.update_topic, **of_topic)
        KAFKA.delete_topic(**of_topic)
        refused("NotFoundException", KAFKA.describe_topic, **of_topic)
        refused("NotFoundException", KAFKA.describe_topic_partitions, **of_topic)
        refused("UnknownTopicOrPartitionException", KAFKA.delete_topic, **of_topic)
        refused("UnknownTopicOrPartitionException", KAFKA.update_topic, **of_topic, PartitionCount=9)

    def test_what_is_wrong_is_refused(self):
        self.create("taken", 2)
        topic = {"ClusterArn": self.arn, "TopicName": "wrong", "PartitionCount": 1, "ReplicationFactor": 1}
        refused("TopicExistsException", KAFKA.create_topic, **{**topic, "TopicName": "taken"})
        refused(WRONG, KAFKA.create_topic, "partitionCount", **{**topic, "PartitionCount": 0})
        refused(WRONG, KAFKA.create_topic, "replicationFactor", **{**topic, "ReplicationFactor": 0})
        refused("KafkaRequestException", KAFKA.create_topic, **{**topic, "ReplicationFactor": 3})
        refused("KafkaRequestException", KAFKA.create_topic, **{**topic, "TopicName": "a/b"})
        refused("KafkaRequestException", KAFKA.update_topic, ClusterArn=self.arn, TopicName="taken", PartitionCount=1)
        refused(WRONG, KAFKA.create_topic, "configs", **topic, Configs="no base64!")
        message = refused(WRONG, KAFKA.create_topic, "configs", **topic, Configs=encoded({"retention.mss": "1"}))
        self.assertIn("retention.ms", message)
        missing = self.arn.replace("topics/", "none/")
        refused(WRONG, KAFKA.list_topics, ClusterArn=missing)

    def test_requests_are_found_again_in_the_logs_of_brokers(self):
        begun = self.create("traced")["ResponseMetadata"]["RequestId"]
        changed = KAFKA.update_topic(ClusterArn=self.arn, TopicName="traced", PartitionCount=2)["ResponseMetadata"]["RequestId"]
        with open(files(self.arn, "broker-1", "broker.log")) as file:
            lines = file.read()
        for request in (begun, changed):
            self.assertIn(request, lines)

    def test_lists_come_in_pages_and_are_filtered(self):
        names = [f"page-{number}" for number in range(5)]
        for name in names:
            self.create(name)
        listed = pages("list_topics", "Topics", ClusterArn=self.arn, TopicNameFilter="page-")
        self.assertEqual([it["TopicName"] for it in listed], names)
        self.assertEqual({it["OutOfSyncReplicaCount"] for it in listed}, {0})

    def test_a_broker_that_does_not_answer_is_not_waited_for_for_ever(self):
        arn = make_cluster("frozen")
        pid = broker_pid("frozen")
        os.kill(pid, signal.SIGSTOP)
        try:
            topic = {"TopicName": "frozen", "PartitionCount": 1, "ReplicationFactor": 1}
            patient = client("kafka", read_timeout=90)
            message = refused("KafkaTimeoutException", patient.create_topic, ClusterArn=arn, **topic)
            self.assertIn("frozen", message)
        finally:
            os.kill(pid, signal.SIGCONT)
        # It was begun, and it comes about.
        wait("a leader", lambda: leader(arn, "frozen") == 1)
        delete_cluster(arn)

    def test_a_cluster_without_brokers_cannot_be_asked(self):
        group = {"InstanceType": "kafka.m5.large", "ClientSubnets": ["a"]}
        arn = KAFKA.create_cluster(
            ClusterName="no-brokers-yet", KafkaVersion="4.2.x.kraft", NumberOfBrokerNodes=12, BrokerNodeGroupInfo=group
        )["ClusterArn"]
        topic = {"TopicName": "early", "PartitionCount": 1, "ReplicationFactor": 1}
        refused("ServiceUnavailableException", KAFKA.list_topics, ClusterArn=arn)
        message = refused("ClusterConnectivityException", KAFKA.create_topic, ClusterArn=arn, **topic)
        self.assertIn("CREATING", message)
        wait("ACTIVE", lambda: state(arn) == "ACTIVE")
        KAFKA.create_topic(ClusterArn=arn, **topic)
        delete_cluster(arn)


if __name__ == "__main__":
    unittest.main()
