"""Clients that do not use the cluster's own addresses: from other machines over the public address, and over IPv6."""

import os
import unittest
import uuid

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from support import KAFKA, SECRETS, authority, delete_cluster, info, make_cluster, refused, update

WRONG = "BadRequestException"
PUBLIC = {"PublicAccess": {"Type": "SERVICE_PROVIDED_EIPS"}}
SCRAM = {"Sasl": {"Scram": {"Enabled": True}}, "Unauthenticated": {"Enabled": False}}


def scram(name, password, arn):
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": name,
        "sasl.password": password,
        "ssl.ca.location": authority(arn),
    }


def write_and_read(bootstrap, settings, topic):
    settings = {"bootstrap.servers": bootstrap, **settings}
    producer = Producer(settings)
    failed = []
    for number in range(20):
        producer.produce(topic, str(number), on_delivery=lambda error, _: error and failed.append(error))
    assert producer.flush(30) == 0 and not failed, failed
    reader = {**settings, "group.id": str(uuid.uuid4()), "auto.offset.reset": "earliest"}
    consumer, seen = Consumer(reader), set()
    consumer.subscribe([topic])
    while len(seen) < 20:
        message = consumer.poll(30)
        assert message is not None and not message.error(), message
        seen.add(message.value())
    consumer.close()


class Reach(unittest.TestCase):
    def test_public_access(self):
        value = '{"username": "guest", "password": "open sesame"}'
        secret = SECRETS.create_secret(Name="AmazonMSK_public", SecretString=value)["ARN"]
        self.addCleanup(SECRETS.delete_secret, SecretId=secret, ForceDeleteWithoutRecovery=True)
        arn = make_cluster("public", NumberOfBrokerNodes=2, ClientAuthentication=SCRAM)
        self.addCleanup(delete_cluster, arn)
        KAFKA.batch_associate_scram_secret(ClusterArn=arn, SecretArnList=[secret])
        KAFKA.create_topic(ClusterArn=arn, TopicName="public", PartitionCount=4, ReplicationFactor=2)
        update(KAFKA.update_connectivity, arn, ConnectivityInfo=PUBLIC)
        brokers = KAFKA.get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerStringPublicSaslScram"]
        address = os.environ["OPENMSK_PUBLIC_ADDRESS"]
        self.assertEqual([it.rpartition(":")[0] for it in brokers.split(",")], [address] * 2)
        guest = scram("guest", "open sesame", arn)
        write_and_read(brokers, guest, "public")
        # Whoever comes in there is told of that address only.
        told = AdminClient({"bootstrap.servers": brokers, **guest}).list_topics(timeout=30).brokers.values()
        self.assertEqual(sorted(f"{it.host}:{it.port}" for it in told), sorted(brokers.split(",")))
        wrong = AdminClient({"bootstrap.servers": brokers, **scram("guest", "abracadabra", arn), "log_level": 0})
        self.assertRaises(KafkaException, wrong.list_topics, timeout=3)
        # Nobody without a name, not even later.
        change = {"ClusterArn": arn, "CurrentVersion": info(arn)["CurrentVersion"]}
        everybody = {**SCRAM, "Unauthenticated": {"Enabled": True}}
        refused(WRONG, KAFKA.update_security, "connectivityInfo", ClientAuthentication=everybody, **change)
        # A broker that joins has a place there too, and one that leaves gives it up.
        update(KAFKA.update_broker_count, arn, TargetNumberOfBrokerNodes=3)
        brokers = KAFKA.get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerStringPublicSaslScram"]
        self.assertEqual(len(brokers.split(",")), 3)
        write_and_read(brokers.split(",")[2], guest, "public")
        update(KAFKA.update_connectivity, arn, ConnectivityInfo={"PublicAccess": {"Type": "DISABLED"}})
        self.assertNotIn("BootstrapBrokerStringPublicSaslScram", KAFKA.get_bootstrap_brokers(ClusterArn=arn))

    def test_ipv6(self):
        both = {"EncryptionInTransit": {"ClientBroker": "TLS_PLAINTEXT"}}
        arn = make_cluster("dual", EncryptionInfo=both)
        self.addCleanup(delete_cluster, arn)
        KAFKA.create_topic(ClusterArn=arn, TopicName="dual", PartitionCount=2, ReplicationFactor=1)
        update(KAFKA.update_connectivity, arn, ConnectivityInfo={"NetworkType": "DUAL"})
        brokers = KAFKA.get_bootstrap_brokers(ClusterArn=arn)
        for name in ("BootstrapBrokerStringIpv6", "BootstrapBrokerStringTlsIpv6"):
            self.assertTrue(brokers[name].startswith("[::1]:"), brokers)
        write_and_read(brokers["BootstrapBrokerStringIpv6"], {}, "dual")
        tls = {"security.protocol": "SSL", "ssl.ca.location": authority(arn)}
        write_and_read(brokers["BootstrapBrokerStringTlsIpv6"], tls, "dual")
        write_and_read(brokers["BootstrapBrokerStringTls"], tls, "dual")
        update(KAFKA.update_connectivity, arn, ConnectivityInfo={"NetworkType": "IPV4"})
        self.assertNotIn("BootstrapBrokerStringIpv6", KAFKA.get_bootstrap_brokers(ClusterArn=arn))


if __name__ == "__main__":
    unittest.main()
