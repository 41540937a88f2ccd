"""What the hashicorp/aws provider and other stock tools count on, in 25 rules. Where each is tested:

 1  ARNs are one segment of the path, percent-encoded: here, on the wire
 2  three prefixes of paths, and kafkaconnect told apart by its signature: here
 3  signatures without a hash of the body: here, on the wire; others in test_access
 4  names, times and base64 on the wire: here
 5  errors are a status, a header and a body: here, on the wire
 6  odd methods and statuses: here, on the wire
 7  a cluster is CREATING, then ACTIVE, and nothing between: here
 8  connectivity is changed after the creation: here, and test_reach
 9  an operation is PENDING, UPDATE_IN_PROGRESS, UPDATE_COMPLETE: here, and every change in test_changes
10  a change needs the current version and makes another one: here, and test_changes
11  the changes of one apply, in the provider's order: here
12  the configuration and the storage in force are shown: here
13  a missing configuration is a bad request in known words: test_configurations
14  configurations have revisions from 1: test_configurations
15  a cluster is DELETING, then not found: here
16  bootstrap strings, also of a cluster that has failed: here
17  three parts in the ARN of a cluster: test_clusters
18  tags: here, and test_clusters
19  rebalancing is absent until somebody sets it: here
20  secrets, ten at a time: test_clusters
21  topics: test_topics
22  VPC connections, replicators and channels are not available: test_unavailable
23  versions go up only, storage stays LOCAL: here, and test_changes
24  sts: here and test_cli
25  serverless clusters: here, and test_elastic
"""

import base64
import http.client
import json
import re
import socket
import unittest
import urllib.parse

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from support import ENDPOINT, GROUP, KAFKA, client, delete_cluster, finish, info, make_cluster, refused, state, wait

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"
CREDENTIALS = boto3.Session().get_credentials().get_frozen_credentials()


def call(method, path, body=None):
    """Status, headers and body of a call, signed as botocore signs: host and date, and no hash of the body."""
    data = b"" if body is None else json.dumps(body).encode()
    request = AWSRequest(method=method, url=ENDPOINT + path, data=data, headers={"Content-Type": "application/json"})
    SigV4Auth(CREDENTIALS, "kafka", "us-east-1").add_auth(request)
    assert "X-Amz-Content-SHA256" not in request.headers
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(ENDPOINT).netloc, timeout=30)
    connection.request(method, path, data, dict(request.headers.items()))
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, answer.headers, json.loads(text) if text else None


class Wire(unittest.TestCase):
    def test_paths_methods_and_bodies(self):
        arn = make_cluster("wire", Tags={"a": "1"})
        self.addCleanup(delete_cluster, arn)
        segment = urllib.parse.quote(arn, safe="")
        self.assertIn("%2F", segment)
        with self.subTest("rules 1 to 3: paths and signatures"):
            for path in (f"/v1/clusters/{segment}", f"/api/v2/clusters/{segment}"):
                status, _, body = call("GET", path)
                self.assertEqual((status, body["clusterInfo"]["clusterArn"]), (200, arn))
            self.assertEqual(call("GET", "/replication/v1/replicators")[2], {"replicators": []})
            self.assertEqual(call("GET", f"/v1/clusters/{arn}")[0], 404, "an ARN that is not encoded is another path")
            refused("BadRequestException", client("kafkaconnect").list_connectors)
        with self.subTest("rule 4: names, times and blobs"):
            shown = call("GET", f"/v1/clusters/{segment}")[2]["clusterInfo"]
            self.assertRegex(shown["creationTime"], f"^{TIME}$")
            self.assertTrue(all(re.fullmatch("[a-z][A-Za-z]*", name) for name in shown), shown)
            text = "log.retention.hours=1\n"
            made = call("POST", "/v1/configurations", {"name": "wire", "serverProperties": encoded(text)})[2]
            revision = f"/v1/configurations/{urllib.parse.quote(made['arn'], safe='')}/revisions/1"
            self.assertEqual(call("GET", revision)[2]["serverProperties"], encoded(text))
            KAFKA.delete_configuration(Arn=made["arn"])
        with self.subTest("rule 5: errors"):
            status, headers, body = call("GET", f"/v1/clusters/{segment[:-1]}7")
            self.assertEqual((status, headers["x-amzn-ErrorType"]), (404, "NotFoundException"))
            self.assertIn("does not exist", body["message"])
            status, headers, body = call("PUT", f"/v1/clusters/{segment}/nodes/count", {"currentVersion": "K1"})
            self.assertEqual((status, headers["x-amzn-ErrorType"]), (400, "BadRequestException"))
            self.assertEqual(body["invalidParameter"], "targetNumberOfBrokerNodes")
        with self.subTest("rules 6 and 18: tags"):
            tags = f"/v1/tags/{segment}"
            self.assertEqual(call("POST", tags, {"tags": {"b": "2", "c": "3"}})[0], 204)
            self.assertEqual(call("DELETE", f"{tags}?tagKeys=a&tagKeys=b")[0], 204)
            self.assertEqual(info(arn)["Tags"], {"c": "3"})
            scram = {"secretArnList": ["arn:aws:secretsmanager:us-east-1:000000000000:secret:AmazonMSK_none"]}
            self.assertNotEqual(call("PATCH", f"/v1/clusters/{segment}/scram-secrets", scram)[0], 404)
            self.assertEqual(call("PUT", f"/v1/clusters/{segment}/security", {})[0], 404, "it is a PATCH")


class Provider(unittest.TestCase):
    def test_the_life_of_a_cluster_as_the_provider_leads_it(self):
        self.assertEqual(client("sts").get_caller_identity()["Account"], "000000000000")
        first = KAFKA.create_configuration(Name="life", ServerProperties=b"log.retention.hours=1\n")["Arn"]
        self.addCleanup(KAFKA.delete_configuration, Arn=first)
        arn = KAFKA.create_cluster(
            ClusterName="life",
            KafkaVersion="4.1.x.kraft",
            NumberOfBrokerNodes=2,
            BrokerNodeGroupInfo={
                **GROUP,
                "StorageInfo": {"EbsStorageInfo": {"VolumeSize": 10}},
                "ConnectivityInfo": {"NetworkType": "IPV4"},
            },
            ConfigurationInfo={"Arn": first, "Revision": 1},
        )["ClusterArn"]
        states = set()
        wait("ACTIVE", lambda: states.add(state(arn)) or "ACTIVE" in states)
        self.assertLessEqual(states, {"CREATING", "ACTIVE"})
        self.assertNotIn("Rebalancing", info(arn))

        def change(operation, **arguments):
            before = info(arn)["CurrentVersion"]
            begun = getattr(KAFKA, operation)(ClusterArn=arn, CurrentVersion=before, **arguments)
            self.assertEqual(finish(begun)["OperationState"], "UPDATE_COMPLETE")
            self.assertNotEqual(info(arn)["CurrentVersion"], before)
            stale = {"ClusterArn": arn, "CurrentVersion": before}
            refused("BadRequestException", getattr(KAFKA, operation), "currentVersion", **stale, **arguments)

        off = {"ClientAuthentication": {"Tls": {"Enabled": False}, "Sasl": {"Scram": {"Enabled": False}}}}
        change("update_connectivity", ConnectivityInfo={"VpcConnectivity": off})
        change("update_connectivity", ConnectivityInfo={"PublicAccess": {"Type": "DISABLED"}})
        change("update_connectivity", ConnectivityInfo={"NetworkType": "DUAL"})
        change("update_broker_type", TargetInstanceType="kafka.m7g.large")
        change("update_broker_storage", TargetBrokerEBSVolumeInfo=[{"KafkaBrokerNodeId": "All", "VolumeSizeGB": 20}])
        change("update_broker_count", TargetNumberOfBrokerNodes=3)
        change("update_monitoring", EnhancedMonitoring="PER_BROKER")
        KAFKA.update_configuration(Arn=first, ServerProperties=b"log.retention.hours=2\n")
        second = {"Arn": first, "Revision": 2}
        change("update_cluster_configuration", ConfigurationInfo=second)
        change("update_cluster_kafka_version", TargetKafkaVersion="4.2.x.kraft", ConfigurationInfo=second)
        change("update_security", EncryptionInfo={"EncryptionInTransit": {"ClientBroker": "TLS_PLAINTEXT"}})
        message = refused(
            "BadRequestException",
            KAFKA.update_storage,
            "storageMode",
            ClusterArn=arn,
            CurrentVersion=info(arn)["CurrentVersion"],
            StorageMode="TIERED",
        )
        self.assertIn("use LOCAL", message)
        change("update_rebalancing", Rebalancing={"Status": "ACTIVE"})

        shown = info(arn)
        software, group = shown["CurrentBrokerSoftwareInfo"], shown["BrokerNodeGroupInfo"]
        self.assertEqual(software, {"ConfigurationArn": first, "ConfigurationRevision": 2, "KafkaVersion": "4.2.x.kraft"})
        self.assertEqual(group["StorageInfo"]["EbsStorageInfo"]["VolumeSize"], 20)
        self.assertEqual((group["InstanceType"], shown["NumberOfBrokerNodes"]), ("kafka.m7g.large", 3))
        self.assertEqual((shown["EnhancedMonitoring"], shown["Rebalancing"]), ("PER_BROKER", {"Status": "ACTIVE"}))
        strings = KAFKA.get_bootstrap_brokers(ClusterArn=arn)
        for name in ("", "Tls", "Ipv6", "TlsIpv6"):
            self.assertEqual(len(strings[f"BootstrapBrokerString{name}"].split(",")), 3)
        KAFKA.delete_cluster(ClusterArn=arn)
        states = set()

        def gone():
            try:
                states.add(state(arn))
            except KAFKA.exceptions.NotFoundException:
                return True

        wait("it to be gone", gone)
        self.assertLessEqual(states, {"DELETING"})

    def test_a_cluster_that_has_failed_can_be_looked_at_and_deleted(self):
        """Rule 16: on AWS a plan and a destroy of it fail, because its bootstrap strings cannot be asked for."""
        # Other tests make clusters on this machine just then; of this port none of them has need.
        pages = {"Prometheus": {"NodeExporter": {"EnabledInBroker": True}, "JmxExporter": {"EnabledInBroker": False}}}
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("0.0.0.0", 11002))
            taken.listen()
            cluster = {"KafkaVersion": "4.2.x.kraft", "NumberOfBrokerNodes": 1, "BrokerNodeGroupInfo": GROUP}
            arn = KAFKA.create_cluster(ClusterName="failed", OpenMonitoring=pages, **cluster)["ClusterArn"]
            wait("FAILED", lambda: state(arn) == "FAILED")
        self.assertIn("11002", info(arn)["StateInfo"]["Message"])
        self.assertEqual([name for name in KAFKA.get_bootstrap_brokers(ClusterArn=arn) if "Broker" in name], [])
        delete_cluster(arn)

    def test_serverless(self):
        """Rule 25."""
        network = {"VpcConfigs": [{"SubnetIds": ["subnet-a"]}]}
        tags = {"openmsk:min-brokers": "1"}
        arn = KAFKA.create_cluster_v2(ClusterName="rule-25", Serverless=network, Tags=tags)["ClusterArn"]
        wait("ACTIVE", lambda: state(arn) == "ACTIVE")
        self.assertIn("BootstrapBrokerStringTls", KAFKA.get_bootstrap_brokers(ClusterArn=arn))
        delete_cluster(arn)


def encoded(text):
    return base64.b64encode(text.encode()).decode()


if __name__ == "__main__":
    unittest.main()
