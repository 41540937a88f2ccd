"""Kafka clients that log in with an access key (SASL/IAM, 9098): switched on and off by the API, for every kind of cluster,
on every address, for other accounts too."""

import json
import os
import sys
import unittest

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from support import KAFKA, authority, delete_cluster, info, make_cluster, make_key, root_key, state, update, wait

sys.path.append(os.path.join(os.path.dirname(__file__), ".."))
from iam_token import token  # noqa: E402

IAM = {"Sasl": {"Iam": {"Enabled": True}}, "Unauthenticated": {"Enabled": False}}
NAME = "BootstrapBrokerString"


def settings(arn, bootstrap, key):
    def bearer(_):
        signed, expires_ms = token(*key)
        return signed, expires_ms / 1000

    return {
        "bootstrap.servers": bootstrap,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "OAUTHBEARER",
        "oauth_cb": bearer,
        "ssl.ca.location": authority(arn),
        "log_level": 0,
    }


def strings(arn):
    return {name: value for name, value in KAFKA.get_bootstrap_brokers(ClusterArn=arn).items() if name.startswith(NAME)}


def write(arn, bootstrap, key, topic):
    failed = []
    producer = Producer(settings(arn, bootstrap, key))
    for number in range(20):
        producer.produce(topic, str(number), on_delivery=lambda error, _: error and failed.append(error))
    assert producer.flush(30) == 0 and not failed, failed


def why_refused(arn, bootstrap, key):
    """What a client is told that does not get in."""
    said = []
    consumer = Consumer(
        {**settings(arn, bootstrap, key), "group.id": "refused", "error_cb": lambda error: said.append(error)}
    )
    consumer.poll(0.2)
    try:
        consumer.list_topics(timeout=5)
        raise AssertionError("it got in")
    except KafkaException:
        consumer.poll(0.2)
    consumer.close()
    told = [error.str() for error in said if error.code() == KafkaError._AUTHENTICATION]
    assert told, said
    return told[0]


class Iam(unittest.TestCase):
    def test_it_is_switched_on_and_off(self):
        arn = make_cluster("iam", NumberOfBrokerNodes=2)
        self.addCleanup(delete_cluster, arn)
        KAFKA.create_topic(ClusterArn=arn, TopicName="t", PartitionCount=2, ReplicationFactor=2)
        both = {"Sasl": {"Iam": {"Enabled": True}}, "Unauthenticated": {"Enabled": True}}
        update(KAFKA.update_security, arn, ClientAuthentication=both)
        self.assertEqual(set(strings(arn)), {f"{NAME}Tls", f"{NAME}SaslIam"})
        shown = info(arn)["ClientAuthentication"]
        self.assertEqual(shown["Sasl"]["Iam"], {"Enabled": True})
        self.assertEqual(strings(arn)[f"{NAME}SaslIam"].count(":9098"), 2)
        write(arn, strings(arn)[f"{NAME}SaslIam"], root_key(), "t")
        update(KAFKA.update_security, arn, ClientAuthentication=IAM)
        self.assertEqual(set(strings(arn)), {f"{NAME}SaslIam"})
        update(KAFKA.update_security, arn, ClientAuthentication={"Unauthenticated": {"Enabled": True}})
        self.assertEqual(set(strings(arn)), {f"{NAME}Tls"})

    def test_it_is_on_every_address(self):
        arn = make_cluster("iam-reach", ClientAuthentication=IAM)
        self.addCleanup(delete_cluster, arn)
        KAFKA.create_topic(ClusterArn=arn, TopicName="t", PartitionCount=2, ReplicationFactor=1)
        wide = {"PublicAccess": {"Type": "SERVICE_PROVIDED_EIPS"}, "NetworkType": "DUAL"}
        update(KAFKA.update_connectivity, arn, ConnectivityInfo=wide)
        names = {f"{NAME}SaslIam", f"{NAME}PublicSaslIam", f"{NAME}SaslIamIpv6"}
        self.assertEqual(set(strings(arn)), names)
        for name in names:
            with self.subTest(name):
                write(arn, strings(arn)[name], root_key(), "t")

    def test_serverless_clusters_have_it_too(self):
        serverless = {"VpcConfigs": [{"SubnetIds": ["subnet-a"]}], "ClientAuthentication": {"Sasl": IAM["Sasl"]}}
        tags = {"openmsk:min-brokers": "1"}
        arn = KAFKA.create_cluster_v2(ClusterName="iam-serverless", Serverless=serverless, Tags=tags)["ClusterArn"]
        self.addCleanup(delete_cluster, arn)
        wait("ACTIVE", lambda: state(arn) == "ACTIVE")
        shown = KAFKA.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"]["Serverless"]
        self.assertEqual(shown["ClientAuthentication"], serverless["ClientAuthentication"])
        self.assertEqual(set(strings(arn)), {f"{NAME}SaslIam"})
        KAFKA.create_topic(ClusterArn=arn, TopicName="t", PartitionCount=2, ReplicationFactor=1)
        write(arn, strings(arn)[f"{NAME}SaslIam"], root_key(), "t")

    def test_another_account_comes_in_by_the_policy_of_the_cluster(self):
        arn = make_cluster("iam-policy", ClientAuthentication=IAM)
        self.addCleanup(delete_cluster, arn)
        KAFKA.create_topic(ClusterArn=arn, TopicName="t", PartitionCount=1, ReplicationFactor=1)
        bootstrap = strings(arn)[f"{NAME}SaslIam"]
        foreign = make_key("--account", "777788889999")
        self.assertIn("the policy of the cluster does not allow it", why_refused(arn, bootstrap, foreign))
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": "777788889999"},
            "Action": "kafka-cluster:*",
            "Resource": "*",
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        KAFKA.put_cluster_policy(ClusterArn=arn, Policy=json.dumps(policy))
        write(arn, bootstrap, foreign, "t")
        deny = {**statement, "Effect": "Deny", "Action": "kafka-cluster:DeleteTopic"}
        policy["Statement"].append(deny)
        KAFKA.put_cluster_policy(ClusterArn=arn, Policy=json.dumps(policy))
        self.assertIn("an explicit deny names it", why_refused(arn, bootstrap, foreign))
        # It is about the other account only.
        write(arn, bootstrap, root_key(), "t")


if __name__ == "__main__":
    unittest.main()
