"""Sizes of volumes: a broker takes so much and no more, and goes on when it may have more."""

import unittest

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from support import KAFKA, authority, delete_cluster, encoded, info, make_cluster, update, wait

GROUP = {"InstanceType": "kafka.m5.large", "ClientSubnets": ["subnet-a"]}
GIB = 1 << 30
RECORD = bytes(900_000)


def volume(size):
    return {"BrokerNodeGroupInfo": {**GROUP, "StorageInfo": {"EbsStorageInfo": {"VolumeSize": size}}}}


class Volumes(unittest.TestCase):
    def setUp(self):
        self.arn = make_cluster("small", **volume(1))
        self.addCleanup(delete_cluster, self.arn)
        self.client = {"security.protocol": "SSL", "ssl.ca.location": authority(self.arn)}
        self.client["bootstrap.servers"] = KAFKA.get_bootstrap_brokers(ClusterArn=self.arn)["BootstrapBrokerStringTls"]
        # The page cache will do: what is measured is not the disk.
        lazy = encoded({"flush.messages": "1000000"})
        KAFKA.create_topic(
            ClusterArn=self.arn, TopicName="big", PartitionCount=2, ReplicationFactor=1, Configs=lazy
        )

    def produce(self, count, timeout_s):
        """How many of so many records were acknowledged, and why others were not."""
        acknowledged, reasons = [], set()

        def told(error, _):
            acknowledged.append(1) if error is None else reasons.add(error.code())

        producer = Producer(
            {
                **self.client,
                "acks": "all",
                "message.timeout.ms": timeout_s * 1000,
                # What waits here for its turn must not run out of time.
                "queue.buffering.max.kbytes": 64 * 1024,
                "linger.ms": 0,
                "compression.type": "none",
            }
        )
        for number in range(count):
            while True:
                try:
                    producer.produce("big", RECORD, partition=number % 2, callback=told)
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
        producer.flush(timeout_s + 30)
        return len(acknowledged), reasons

    def wait_for_action(self, status):
        wait(status, lambda: info(self.arn).get("CustomerActionStatus") == status, limit_s=30)

    def test_a_full_volume_refuses_producers_and_nobody_else(self):
        fits = GIB // len(RECORD)
        written, reasons = self.produce(fits + 30, 8)
        self.assertTrue(fits - 5 <= written <= fits, f"{written} of {fits} fit")
        self.assertTrue(reasons <= {KafkaError._MSG_TIMED_OUT, KafkaError.KAFKA_STORAGE_ERROR}, reasons)
        self.wait_for_action("CRITICAL_ACTION_REQUIRED")
        # What is there is read, and what is read is committed.
        consumer = Consumer({**self.client, "group.id": "reader", "auto.offset.reset": "earliest"})
        consumer.assign([TopicPartition("big", 0, 0)])
        self.assertIsNone(consumer.poll(20).error())
        consumer.commit(offsets=[TopicPartition("big", 0, 1)], asynchronous=False)
        consumer.close()
        # The limit is no property of Kafka's.
        admin = AdminClient(self.client)
        brokers = ConfigResource(ResourceType.BROKER, "1")
        shown = admin.describe_configs([brokers])[brokers].result(20)
        self.assertFalse([name for name in shown if name.startswith("openmsk")])
        self.assertEqual(self.produce(2, 3)[0], 0)
        # A larger volume takes effect while the broker runs.
        before = KAFKA.list_nodes(ClusterArn=self.arn)["NodeInfoList"]
        target = [{"KafkaBrokerNodeId": "All", "VolumeSizeGB": 2}]
        update(KAFKA.update_broker_storage, self.arn, TargetBrokerEBSVolumeInfo=target)
        self.assertEqual(self.produce(2, 20), (2, set()))
        self.assertEqual(KAFKA.list_nodes(ClusterArn=self.arn)["NodeInfoList"], before, "no restart")
        self.wait_for_action("NONE")


if __name__ == "__main__":
    unittest.main()
