"""A cluster comes from the embedded engine to Apache Kafka while the control plane is killed before the steps of that, as in `interrupted`.
Nothing has begun, or it comes about, with the records, the topics and the addresses that it had.

There is no way back, so each time has a cluster of its own; and Java takes seconds to start, so a run takes every ninth step and begins with one
of the first nine, where OPENMSK_KILL_STRIDE does not say otherwise."""

import json
import os
import shutil
import unittest
from urllib.parse import quote

from interrupted import STRIDE, Interrupted, at_every_step, brokers, gone, partitions
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from signed import send
from support import KAFKA, info, make_cluster, state, wait
from victim import processes

# Three times those that have no Java in them.
SPARSE = STRIDE if STRIDE == 1 else 3 * STRIDE
DATA = os.path.realpath(os.environ["OPENMSK_DATA"])
# What the brokers keep, and where they listen for whoever wants no encryption.
RECORDS = [b"one", b"two", b"three"]
PLAIN = {"EncryptionInTransit": {"ClientBroker": "TLS_PLAINTEXT", "InCluster": True}}


def javas():
    """Ids of nodes of Apache Kafka that run in our data directory."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                arguments = file.read().split("\0")
        except OSError:
            continue
        if "kafka.Kafka" in arguments and any(DATA in argument for argument in arguments):
            found.append(int(pid))
    return found


def engine(arn):
    status, found, _ = send("GET", f"/v1/clusters/{quote(arn, safe='')}")
    assert status == 200, found
    return found["clusterInfo"].get("openmskEngine", "embedded")


def bootstrap(arn):
    return KAFKA.get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerString"]


def write(arn):
    producer = KafkaProducer(bootstrap_servers=bootstrap(arn), acks="all")
    for record in RECORDS:
        producer.send("kept", record).get(timeout=30)
    producer.close()


def read(arn):
    consumer = KafkaConsumer(bootstrap_servers=bootstrap(arn), consumer_timeout_ms=30_000)
    partition = TopicPartition("kept", 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    found = [next(consumer).value for _ in RECORDS]
    consumer.close()
    return found


class KillsOfEngines(Interrupted):
    def setUp(self):
        self.assertIsNotNone(shutil.which("java"), "Apache Kafka needs Java")

    def tearDown(self):
        super().tearDown()
        self.assertEqual(javas(), [])
        for folder in ("kafka-clusters", "host/units"):
            self.assertEqual(os.listdir(os.path.join(DATA, folder)), [], folder)

    def whole(self, arn):
        """Somebody was told that it is done: Apache Kafka has it, and nobody else has anything of it."""
        self.assertEqual(state(arn), "ACTIVE")
        if engine(arn) == "apache-kafka":
            self.assertEqual((processes("broker"), len(javas())), ([], len(brokers(arn))))
        else:
            self.assertEqual((len(processes("broker")), javas()), (len(brokers(arn)), []))
        for it in partitions(arn, "kept"):
            self.assertEqual(sorted(it["Isr"]), sorted(it["Replicas"]), "replicas are in sync")
            self.assertIn(it["Leader"], it["Isr"])

    def test_engine(self):
        def attempt(number, at):
            arn = make_cluster(f"kills-engine-{number}", EncryptionInfo=PLAIN)
            KAFKA.create_topic(ClusterArn=arn, TopicName="kept", PartitionCount=1, ReplicationFactor=1)
            write(arn)
            before = bootstrap(arn)

            def begin(_, version):
                body = json.dumps({"currentVersion": version, "engine": "apache-kafka"}).encode()
                headers = {"content-type": "application/json"}
                status, begun, _ = send("PUT", f"/openmsk/v1/clusters/{quote(arn, safe='')}/engine", body, headers=headers)
                self.assertEqual(status, 200, begun)
                return {"ClusterOperationArn": begun["clusterOperationArn"]}

            def check(_):
                self.assertEqual((engine(arn), bootstrap(arn)), ("apache-kafka", before))
                self.assertEqual(read(arn), RECORDS)

            struck = self.change(arn, number, at, begin, check)
            KAFKA.delete_cluster(ClusterArn=arn)
            wait("the cluster to be gone", lambda: gone(arn))
            self.assertEqual(javas(), [])
            return struck

        at_every_step("engine", attempt, SPARSE)


if __name__ == "__main__":
    unittest.main()
