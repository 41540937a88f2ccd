"""Encryption at rest: nothing of what clients have written is on the disk, and who has not the key does not read it."""

import json
import os
import shutil
import signal
import unittest

from confluent_kafka import Consumer, Producer, TopicPartition
from support import KAFKA, authority, broker_pid, delete_cluster, files, info, make_cluster, refused, update, wait

WRONG = "BadRequestException"
KEY = "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab"
MARKER = b"the marker that must not be on the disk"


def at_rest(key):
    return {"EncryptionInfo": {"EncryptionAtRest": {"DataVolumeKMSKeyId": key}}}


def clients(arn):
    tls = {"security.protocol": "SSL", "ssl.ca.location": authority(arn)}
    return {**tls, "bootstrap.servers": KAFKA.get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerStringTls"]}


def write(arn, topic, count):
    producer = Producer({**clients(arn), "acks": "all", "compression.type": "none", "linger.ms": 0})
    for number in range(count):
        producer.produce(topic, MARKER + b" %d" % number, partition=0)
        producer.poll(0)
    assert producer.flush(30) == 0


def read(arn, topic, count):
    consumer = Consumer({**clients(arn), "group.id": "reader", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    messages = []

    def enough():
        messages.extend(message.value() for message in consumer.consume(1000, 1) if message.error() is None)
        return len(messages) >= count

    wait(f"{count} records", enough)
    consumer.close()
    return messages


def stored(arn, text):
    """Files of the cluster that have this text in them."""
    found = []
    for folder, _, names in os.walk(files(arn)):
        for name in names:
            try:
                with open(os.path.join(folder, name), "rb") as file:
                    if text in file.read():
                        found.append(name)
            except OSError:
                pass  # a socket
    return found


def keys():
    """Files of keys by ARN."""
    folder = os.path.join(os.environ["OPENMSK_DATA"], "kms")
    found = {}
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        with open(path) as file:
            found[json.load(file)["key_arn"]] = path
    return found


class Encryption(unittest.TestCase):
    def make(self, name, **settings):
        arn = make_cluster(name, **settings)
        self.addCleanup(delete_cluster, arn)
        return arn

    def test_nothing_that_clients_write_is_on_the_disk(self):
        plain = self.make("plain")
        KAFKA.create_topic(ClusterArn=plain, TopicName="orders", PartitionCount=1, ReplicationFactor=1)
        write(plain, "orders", 10)
        self.assertEqual(len(set(stored(plain, MARKER))), 1, "this test would find it")
        self.assertNotIn("EncryptionAtRest", info(plain).get("EncryptionInfo", {}))

        arn = self.make("encrypted", NumberOfBrokerNodes=2, **at_rest(KEY))
        shown = info(arn)["EncryptionInfo"]
        self.assertEqual(shown["EncryptionAtRest"], {"DataVolumeKMSKeyId": KEY})
        KAFKA.create_topic(ClusterArn=arn, TopicName="orders", PartitionCount=1, ReplicationFactor=2)
        expected = [MARKER + b" %d" % number for number in range(2000)]
        write(arn, "orders", 2000)
        self.assertEqual(stored(arn, MARKER), [])
        # Names of members and what they have committed are records too.
        consumer = Consumer({**clients(arn), "group.id": "a-group-by-this-name"})
        consumer.commit(offsets=[TopicPartition("orders", 0, 10)], asynchronous=False)
        consumer.close()
        self.assertEqual(stored(arn, b"a-group-by-this-name"), [])
        for path in keys().values():
            with open(path) as file:
                secret = json.load(file)["aes_256_key"]
            self.assertEqual((os.stat(path).st_mode & 0o777, stored(arn, secret.encode())), (0o600, []))
        # After a restart in good order, after a kill, and on a broker that joins.
        KAFKA.reboot_broker(ClusterArn=arn, BrokerIds=["2"])
        wait("the reboot", lambda: info(arn)["State"] == "ACTIVE")
        self.assertEqual(read(arn, "orders", 2000), expected)
        killed = broker_pid("encrypted")
        os.kill(killed, signal.SIGKILL)
        wait("another process", lambda: broker_pid("encrypted") not in (killed, None))
        wait("its state", lambda: info(arn)["State"] == "ACTIVE")
        self.assertEqual(read(arn, "orders", 2000), expected)
        update(KAFKA.update_broker_count, arn, TargetNumberOfBrokerNodes=4)
        self.assertEqual(read(arn, "orders", 2000), expected)
        self.assertEqual(stored(arn, MARKER), [])

    def test_the_key_cannot_be_changed_and_is_not_lost(self):
        arn = self.make("kept", **at_rest("alias/orders"))
        alias = {"DataVolumeKMSKeyId": "arn:aws:kms:us-east-1:000000000000:alias/orders"}
        self.assertEqual(info(arn)["EncryptionInfo"]["EncryptionAtRest"], alias)
        both = {"EncryptionInTransit": {"ClientBroker": "TLS_PLAINTEXT", "InCluster": True}}
        update(KAFKA.update_security, arn, EncryptionInfo=both)
        self.assertEqual(info(arn)["EncryptionInfo"], {"EncryptionAtRest": alias, **both})
        update(KAFKA.update_security, arn, EncryptionInfo={"EncryptionAtRest": alias})
        self.assertEqual(info(arn)["EncryptionInfo"], {"EncryptionAtRest": alias, **both})
        for named in (at_rest(KEY), at_rest("alias/others")):
            version = info(arn)["CurrentVersion"]
            said = refused(
                WRONG, KAFKA.update_security, "encryptionInfo", ClusterArn=arn, CurrentVersion=version, **named
            )
            self.assertIn("alias/orders", said)
        plain = self.make("never")
        version = info(plain)["CurrentVersion"]
        said = refused(
            WRONG, KAFKA.update_security, "encryptionInfo", ClusterArn=plain, CurrentVersion=version, **at_rest(KEY)
        )
        self.assertIn("when a cluster is created", said)
        wrong = {"ClusterName": "none", "KafkaVersion": "4.2.x.kraft", "NumberOfBrokerNodes": 1}
        wrong["BrokerNodeGroupInfo"] = {"InstanceType": "kafka.m5.large", "ClientSubnets": ["a"]}
        for name in ("", "a key", "arn:aws:s3:::bucket"):
            refused(WRONG, KAFKA.create_cluster, "encryptionInfo", **wrong, **at_rest(name))

    def test_without_the_key_nothing_is_read_and_nothing_is_lost(self):
        key = "arn:aws:kms:us-east-1:000000000000:key/to-be-lost"
        arn = self.make("locked", **at_rest(key))
        KAFKA.create_topic(ClusterArn=arn, TopicName="orders", PartitionCount=1, ReplicationFactor=1)
        write(arn, "orders", 50)
        path = keys()[key]
        aside = path + ".aside"
        shutil.move(path, aside)
        killed = broker_pid("locked")
        os.kill(killed, signal.SIGKILL)

        def log():
            with open(files(arn, "broker-1", "broker.log")) as file:
                return file.read()

        wait("the reason in the log", lambda: f"key {key} is not in" in log())
        wait("its state", lambda: info(arn)["State"] == "HEALING")
        # Another key by that name is not the key.
        self.make("second", **at_rest(key))
        self.assertIn(key, keys())
        wait("the other reason", lambda: "is not the one that the data key was encrypted with" in log())
        os.replace(aside, path)
        wait("its state", lambda: info(arn)["State"] == "ACTIVE")
        self.assertEqual(read(arn, "orders", 50), [MARKER + b" %d" % number for number in range(50)])


if __name__ == "__main__":
    unittest.main()
