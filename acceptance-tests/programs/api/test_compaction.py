"""Compacted topics: of each key the last record stays, whatever is read, killed or moved meanwhile."""

import glob
import json
import os
import signal
import time
import unittest
import uuid

from confluent_kafka import Consumer, Producer
from support import KAFKA, authority, delete_cluster, encoded, files, make_cluster, runtime, update, wait

TOPIC = "compacted"
KEYS = 40
CONFIGS = {
    "cleanup.policy": "compact",
    "segment.bytes": "1048576",
    "min.cleanable.dirty.ratio": "0.01",
    "delete.retention.ms": "1000",
}


class Compaction(unittest.TestCase):
    def setUp(self):
        made = KAFKA.create_configuration(Name="fast-cleaner", ServerProperties=b"log.cleaner.backoff.ms=200\n")["Arn"]
        self.addCleanup(KAFKA.delete_configuration, Arn=made)
        self.arn = make_cluster("compaction", NumberOfBrokerNodes=3, ConfigurationInfo={"Arn": made, "Revision": 1})
        self.addCleanup(delete_cluster, self.arn)
        KAFKA.create_topic(
            ClusterArn=self.arn, TopicName=TOPIC, PartitionCount=2, ReplicationFactor=3, Configs=encoded(CONFIGS)
        )
        bootstrap = KAFKA.get_bootstrap_brokers(ClusterArn=self.arn)["BootstrapBrokerStringTls"]
        self.tls = {"bootstrap.servers": bootstrap, "security.protocol": "SSL", "ssl.ca.location": authority(self.arn)}
        self.expected = {}

    def write(self, rounds):
        """Every key many times, with values that do not compress away; a few keys are deleted in the end."""
        producer = Producer({**self.tls, "enable.idempotence": True, "compression.type": "lz4", "linger.ms": 5})
        failed = []
        for _ in range(rounds):
            for key in range(KEYS):
                value = os.urandom(600)
                self.expected[key] = value
                while True:
                    try:
                        producer.produce(TOPIC, value, str(key), on_delivery=lambda error, _: error and failed.append(error))
                        break
                    except BufferError:
                        producer.poll(0.1)
        for key in range(0, KEYS, 10):
            producer.produce(TOPIC, None, str(key), on_delivery=lambda error, _: error and failed.append(error))
            self.expected.pop(key, None)
        self.assertEqual((producer.flush(60), failed), (0, []))

    def read(self):
        """What a reader of everything knows in the end, and how many records it has seen."""
        consumer = Consumer({**self.tls, "group.id": str(uuid.uuid4()), "auto.offset.reset": "earliest", "enable.partition.eof": True})
        consumer.subscribe([TOPIC])
        known, seen, ended, offsets = {}, 0, set(), {}
        while len(ended) < 2:
            message = consumer.poll(30)
            self.assertIsNotNone(message, "the log ends somewhere")
            if message.error():
                ended.add(message.partition())
                continue
            self.assertGreater(message.offset(), offsets.get(message.partition(), -1))
            offsets[message.partition()] = message.offset()
            seen += 1
            key = int(message.key())
            if message.value() is None:
                known.pop(key, None)
            else:
                known[key] = message.value()
        consumer.close()
        return known, seen

    def bytes_of(self, broker):
        return sum(os.path.getsize(path) for path in glob.glob(files(self.arn, f"broker-{broker}", "data", f"{TOPIC}-*", "*.log")))

    def in_sync(self):
        partitions = KAFKA.describe_topic_partitions(ClusterArn=self.arn, TopicName=TOPIC)["Partitions"]
        return all(len(it["Isr"]) == 3 for it in partitions)

    def test_the_last_record_of_each_key_stays(self):
        self.write(400)
        self.assertEqual(self.read()[0], self.expected)
        written = 400 * KEYS * 600
        for broker in (1, 2, 3):
            # What is left is the active segment of each partition, and a few records more.
            wait(f"broker {broker} to compact", lambda broker=broker: self.bytes_of(broker) < 3 * 1048576, 60)
        self.assertGreater(written, 3 * 3 * 1048576)
        known, seen = self.read()
        self.assertEqual(known, self.expected)
        self.assertLess(seen, 400 * KEYS / 2)

        # A broker that starts with nothing gets what is left, gaps and all.
        update(KAFKA.update_broker_count, self.arn, TargetNumberOfBrokerNodes=4)
        wait("all to be in sync", self.in_sync)
        update(KAFKA.update_broker_count, self.arn, TargetNumberOfBrokerNodes=3)
        self.assertEqual(self.read()[0], self.expected)

        # Killed again and again while there is something to compact.
        for number in range(4):
            self.write(100)
            time.sleep(0.1 * number)
            status = json.loads(runtime("status", "--json"))
            brokers = next(it for it in status["clusters"] if it["name"] == "compaction")["brokers"]
            os.kill(brokers[number % 3]["pid"], signal.SIGKILL)
            wait("all to be in sync", self.in_sync)
            self.assertEqual(self.read()[0], self.expected)
        for broker in (1, 2, 3):
            wait(f"broker {broker} to compact", lambda broker=broker: self.bytes_of(broker) < 3 * 1048576, 60)
        self.assertEqual(self.read()[0], self.expected)


if __name__ == "__main__":
    unittest.main()
