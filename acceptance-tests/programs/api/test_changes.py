"""Changes of clusters: each an operation with a beginning, steps and an end, under the version of the cluster."""

import os
import re
import signal
import socket
import struct
import time
import unittest
import urllib.parse

import boto3
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from support import ENDPOINT, KAFKA, broker_pid, brokers, delete_cluster, finish, info, make_cluster, pages, refused, runtime, state, update, wait

WRONG = "BadRequestException"
OPEN = {"EncryptionInfo": {"EncryptionInTransit": {"ClientBroker": "TLS_PLAINTEXT"}}}


def answered(call):
    """What has been answered so far."""
    try:
        return call.recv(4096).lower()
    except TimeoutError:
        return b""


def works():
    try:
        return KAFKA.list_kafka_versions()
    except KAFKA.exceptions.TooManyRequestsException:
        return False


def signed(path):
    """A URL that carries its signature, as presigned ones do."""
    request = AWSRequest(method="GET", url=ENDPOINT + path)
    SigV4QueryAuth(boto3.Session().get_credentials().get_frozen_credentials(), "kafka", "us-east-1").add_auth(request)
    return request.url


class Changes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.arn = make_cluster("changes", KafkaVersion="4.0.x.kraft", NumberOfBrokerNodes=3)

    @classmethod
    def tearDownClass(cls):
        delete_cluster(cls.arn)

    def refused(self, call, parameter=None, **arguments):
        version = arguments.pop("CurrentVersion", None) or info(self.arn)["CurrentVersion"]
        return refused(WRONG, call, parameter, ClusterArn=self.arn, CurrentVersion=version, **arguments)

    def test_broker_count(self):
        self.refused(KAFKA.update_broker_count, "currentVersion", CurrentVersion="K0", TargetNumberOfBrokerNodes=4)
        self.refused(KAFKA.update_broker_count, "targetNumberOfBrokerNodes", TargetNumberOfBrokerNodes=16)
        self.refused(KAFKA.update_broker_count, "targetNumberOfBrokerNodes", TargetNumberOfBrokerNodes=3)
        operation = update(KAFKA.update_broker_count, self.arn, TargetNumberOfBrokerNodes=4)
        self.assertEqual(operation["OperationType"], "INCREASE_BROKER_COUNT")
        self.assertEqual(operation["SourceClusterInfo"]["NumberOfBrokerNodes"], 3)
        self.assertEqual(operation["TargetClusterInfo"]["NumberOfBrokerNodes"], 4)
        self.assertEqual(info(self.arn)["NumberOfBrokerNodes"], 4)
        # And back: what the fourth broker holds is moved first, and a topic that needs more brokers is in the way.
        topic = {"ClusterArn": self.arn, "TopicName": "spread"}
        KAFKA.create_topic(**topic, PartitionCount=8, ReplicationFactor=3)
        message = self.refused(KAFKA.update_broker_count, TargetNumberOfBrokerNodes=2)
        self.assertIn('topic "spread" has 3 replicas', message)
        operation = update(KAFKA.update_broker_count, self.arn, TargetNumberOfBrokerNodes=3)
        self.assertEqual(operation["OperationType"], "DECREASE_BROKER_COUNT")
        partitions = pages("describe_topic_partitions", "Partitions", **topic)
        self.assertEqual({tuple(sorted(it["Replicas"])) for it in partitions}, {(1, 2, 3)})
        self.assertTrue(all(len(it["Isr"]) == 3 for it in partitions), partitions)
        brokers = [it for it in KAFKA.list_nodes(ClusterArn=self.arn)["NodeInfoList"] if it.get("NodeType") == "BROKER"]
        self.assertEqual(len(brokers), 3)
        KAFKA.delete_topic(**topic)

    def test_operations_are_shown_in_both_versions(self):
        first = finish(KAFKA.reboot_broker(ClusterArn=self.arn, BrokerIds=["1"]))
        second = finish(KAFKA.reboot_broker(ClusterArn=self.arn, BrokerIds=["3"]))
        one = [it["OperationArn"] for it in pages("list_cluster_operations", "ClusterOperationInfoList", ClusterArn=self.arn)]
        two = pages("list_cluster_operations_v2", "ClusterOperationInfoList", ClusterArn=self.arn)
        self.assertEqual([it["OperationArn"] for it in two], one)
        self.assertLess(one.index(second["OperationArn"]), one.index(first["OperationArn"]), "newest first")
        shown = KAFKA.describe_cluster_operation_v2(ClusterOperationArn=first["OperationArn"])["ClusterOperationInfo"]
        self.assertEqual((shown["OperationType"], shown["OperationState"]), ("REBOOT_NODE", "REBOOT_COMPLETE"))
        steps = shown["Provisioned"]["OperationSteps"]
        self.assertTrue(steps and all(it["StepInfo"]["StepStatus"] == "COMPLETED" for it in steps), steps)
        self.assertGreaterEqual(shown["EndTime"], shown["StartTime"])
        self.assertTrue(first["ClientRequestId"])

    def test_reboot(self):
        for wrong in ([], ["1", "2"], ["9"], ["one"]):
            refused(WRONG, KAFKA.reboot_broker, "brokerIds", ClusterArn=self.arn, BrokerIds=wrong)
        begun = KAFKA.reboot_broker(ClusterArn=self.arn, BrokerIds=["2"])
        self.assertIn(state(self.arn), ("REBOOTING_BROKER", "ACTIVE"))
        finish(begun)

    def test_storage(self):
        def volume(**target):
            return [{"KafkaBrokerNodeId": "All", **target}]

        change, name = KAFKA.update_broker_storage, "TargetBrokerEBSVolumeInfo"
        operation = update(change, self.arn, **{name: volume(VolumeSizeGB=100)})
        self.assertEqual(operation["TargetClusterInfo"]["BrokerEBSVolumeInfo"], volume(VolumeSizeGB=100))
        shown = info(self.arn)["BrokerNodeGroupInfo"]["StorageInfo"]["EbsStorageInfo"]
        self.assertEqual(shown["VolumeSize"], 100, "rule 12")
        parameter = "targetBrokerEBSVolumeInfo"
        self.refused(change, parameter, **{name: volume(VolumeSizeGB=50)})
        self.refused(change, parameter, **{name: volume(VolumeSizeGB=100)})
        self.refused(change, parameter, **{name: [{"KafkaBrokerNodeId": "1", "VolumeSizeGB": 200}]})
        fast = {"Enabled": True, "VolumeThroughput": 250}
        self.refused(change, "provisionedThroughput", **{name: volume(ProvisionedThroughput=fast)})
        update(KAFKA.update_storage, self.arn, VolumeSizeGB=200, StorageMode="LOCAL")
        message = self.refused(KAFKA.update_storage, "storageMode", StorageMode="TIERED")
        self.assertIn("not available yet", message)

    def test_instance_type(self):
        change = KAFKA.update_broker_type
        update(change, self.arn, TargetInstanceType="kafka.m7g.xlarge")
        self.assertEqual(info(self.arn)["BrokerNodeGroupInfo"]["InstanceType"], "kafka.m7g.xlarge")
        self.refused(change, "targetInstanceType", TargetInstanceType="kafka.m7g.xlarge")
        # Each broker has what the type has, and no more.
        for broker in brokers("changes"):
            with open(f"/proc/{broker['pid']}/limits") as limits:
                memory = next(line.split()[3] for line in limits if line.startswith("Max data size"))
            self.assertEqual(int(memory), 16 << 30, "four processors with 4 GiB each")
        for wrong in ("kafka.m7g.huge", "t3.small"):
            self.assertIn("is no type of brokers: use kafka.t3.small", self.refused(change, "targetInstanceType", TargetInstanceType=wrong))
        # A type that is too small for what there is.
        topic = {"ClusterArn": self.arn, "TopicName": "many"}
        KAFKA.create_topic(**topic, PartitionCount=301, ReplicationFactor=3)
        self.assertIn("301 partitions", self.refused(change, TargetInstanceType="kafka.t3.small"))
        update(change, self.arn, TargetInstanceType="kafka.m5.large")
        KAFKA.delete_topic(**topic)
        update(change, self.arn, TargetInstanceType="kafka.t3.small")

    def test_kafka_version(self):
        def produce_version():
            strings = KAFKA.get_bootstrap_brokers(ClusterArn=self.arn)["BootstrapBrokerStringTls"]
            return newest_versions(strings.split(",")[0])[0]

        change = KAFKA.update_cluster_kafka_version
        self.assertEqual(produce_version(), 12)
        update(change, self.arn, TargetKafkaVersion="4.1.x.kraft")
        self.assertEqual(info(self.arn)["CurrentBrokerSoftwareInfo"]["KafkaVersion"], "4.1.x.kraft")
        self.assertEqual(produce_version(), 13, "brokers speak the new version")
        message = self.refused(change, "targetKafkaVersion", TargetKafkaVersion="4.0.x.kraft")
        self.assertIn("only go up", message)
        self.refused(change, "targetKafkaVersion", TargetKafkaVersion="2.8.1")

    def test_connectivity(self):
        change = KAFKA.update_connectivity
        closed = {"PublicAccess": {"Type": "DISABLED"}, "NetworkType": "IPV4"}
        closed["VpcConnectivity"] = {"ClientAuthentication": {"Sasl": {"Iam": {"Enabled": False}}}}
        update(change, self.arn, ConnectivityInfo=closed)
        self.assertEqual(info(self.arn)["BrokerNodeGroupInfo"]["ConnectivityInfo"], closed)
        for wrong in (
            {"PublicAccess": {"Type": "SERVICE_PROVIDED_EIPS"}},
            {"VpcConnectivity": {"ClientAuthentication": {"Tls": {"Enabled": True}}}},
        ):
            self.refused(change, "connectivityInfo", ConnectivityInfo=wrong)
        self.refused(change, "zookeeperAccess", ZookeeperAccess={"Enabled": True})

    def test_security(self):
        change = KAFKA.update_security
        scram = {"Sasl": {"Scram": {"Enabled": True}}, "Unauthenticated": {"Enabled": True}}
        both = {"EncryptionInTransit": {"ClientBroker": "TLS_PLAINTEXT", "InCluster": True}}
        update(change, self.arn, ClientAuthentication=scram, EncryptionInfo=both)
        strings = KAFKA.get_bootstrap_brokers(ClusterArn=self.arn)
        for name in ("", "Tls", "SaslScram"):
            self.assertIn(f"BootstrapBrokerString{name}", strings)
        self.refused(change, "clientAuthentication", ClientAuthentication={"Tls": {"Enabled": True}})
        unknown = {"Enabled": True, "CertificateAuthorityArnList": ["arn:aws:acm-pca:us-east-1:000000000000:none"]}
        self.refused(change, "clientAuthentication", ClientAuthentication={"Tls": unknown})
        nobody = {"Sasl": {"Scram": {"Enabled": False}, "Iam": {"Enabled": False}}, "Unauthenticated": {"Enabled": False}}
        self.refused(change, "clientAuthentication", ClientAuthentication=nobody)

    def test_configuration(self):
        made = KAFKA.create_configuration(Name="changes", ServerProperties=b"log.retention.hours=1\n", KafkaVersions=[])
        target = {"Arn": made["Arn"], "Revision": 1}
        update(KAFKA.update_cluster_configuration, self.arn, ConfigurationInfo=target)
        software = info(self.arn)["CurrentBrokerSoftwareInfo"]
        self.assertEqual((software["ConfigurationArn"], software["ConfigurationRevision"]), (made["Arn"], 1))
        self.refused(
            KAFKA.update_cluster_configuration, "configurationInfo", ConfigurationInfo={"Arn": made["Arn"], "Revision": 7}
        )
        refused(WRONG, KAFKA.delete_configuration, "arn", Arn=made["Arn"])
        # Back to any revision, also an older one.
        KAFKA.update_configuration(Arn=made["Arn"], ServerProperties=b"log.retention.hours=2\nnum.io.threads=4\n")
        for revision in (2, 1):
            update(
                KAFKA.update_cluster_configuration, self.arn, ConfigurationInfo={"Arn": made["Arn"], "Revision": revision}
            )

    def test_moving_data_shows_how_far_it_has_come(self):
        arn = make_cluster("moved", NumberOfBrokerNodes=2, **OPEN)
        KAFKA.create_topic(ClusterArn=arn, TopicName="moved", PartitionCount=24, ReplicationFactor=1)
        producer = Producer({"bootstrap.servers": KAFKA.get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerString"]})
        for number in range(60000):
            producer.produce("moved", bytes(2000), partition=number % 24)
            producer.poll(0)
        self.assertEqual(producer.flush(60), 0)
        change = {"ClusterArn": arn, "CurrentVersion": info(arn)["CurrentVersion"]}
        begun = KAFKA.update_broker_count(TargetNumberOfBrokerNodes=4, **change)["ClusterOperationArn"]
        seen, operation = set(), {}
        while operation.get("OperationState") != "UPDATE_COMPLETE":
            operation = KAFKA.describe_cluster_operation(ClusterOperationArn=begun)["ClusterOperationInfo"]
            self.assertNotEqual(operation["OperationState"], "UPDATE_FAILED")
            for step in operation["OperationSteps"]:
                seen.add((step["StepName"], step["StepInfo"]["StepStatus"]))
        said = [status for name, status in seen if name == "MOVE_DATA" and status.startswith("IN_PROGRESS: ")]
        self.assertTrue(any(re.search(r"\d+ of \d+ partitions, \d+ of \d+ MiB", status) for status in said), seen)
        self.assertIn(("START_BROKERS", "COMPLETED"), seen)
        self.assertEqual([it["StepInfo"]["StepStatus"] for it in operation["OperationSteps"]], ["COMPLETED"] * 2)
        delete_cluster(arn)

    def test_rebalancing_is_paused_and_goes_on(self):
        self.refused(KAFKA.update_rebalancing, "rebalancing.status", Rebalancing={"Status": "OFTEN"})
        arn = make_cluster("uneven", NumberOfBrokerNodes=2, Rebalancing={"Status": "PAUSED"}, **OPEN)
        bootstrap = KAFKA.get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerString"]
        uneven = NewTopic("uneven", 8, replica_assignment=[[1]] * 8)
        admin = AdminClient({"bootstrap.servers": bootstrap})
        for made in admin.create_topics([uneven]).values():
            made.result()

        def leaders():
            of = {"ClusterArn": arn, "TopicName": "uneven"}
            return sorted(it["Leader"] for it in KAFKA.describe_topic_partitions(**of)["Partitions"])

        self.assertEqual(leaders(), [1] * 8)
        time.sleep(7)
        self.assertEqual(leaders(), [1] * 8, "nothing moves while it is paused")
        update(KAFKA.update_rebalancing, arn, Rebalancing={"Status": "ACTIVE"})
        self.assertEqual(info(arn)["Rebalancing"], {"Status": "ACTIVE"})
        wait("even leaderships", lambda: leaders() == [1] * 4 + [2] * 4)
        twice = {"CurrentVersion": info(arn)["CurrentVersion"], "Rebalancing": {"Status": "ACTIVE"}}
        refused(WRONG, KAFKA.update_rebalancing, "rebalancing", ClusterArn=arn, **twice)
        update(KAFKA.update_rebalancing, arn, Rebalancing={"Status": "PAUSED"})
        delete_cluster(arn)

    def test_too_many_calls_at_a_time_are_told_to_come_back(self):
        """Calls that wait for something count for as long as they wait."""
        calls = []
        pid = broker_pid("changes")
        os.kill(pid, signal.SIGSTOP)
        try:
            operation = KAFKA.reboot_broker(ClusterArn=self.arn, BrokerIds=["1"])
            wait("the restart", lambda: state(self.arn) == "REBOOTING_BROKER")
            url = urllib.parse.urlsplit(signed(f"/api/v2/clusters/{urllib.parse.quote(self.arn, safe='')}?openmskWaitMs=30000"))
            request = f"GET {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode()
            calls = [socket.create_connection((url.hostname, url.port)) for _ in range(520)]
            for call in calls:
                call.settimeout(0.02)
                call.sendall(request)
            refusals = [answer for answer in map(answered, calls) if answer]
            self.assertTrue(refusals)
            for answer in refusals:
                self.assertTrue(answer.startswith(b"http/1.1 429"), answer)
                self.assertIn(b"\r\nretry-after: 1\r\n", answer)
                self.assertIn(b"toomanyrequestsexception", answer)
            refused("TooManyRequestsException", KAFKA.list_kafka_versions)
        finally:
            os.kill(pid, signal.SIGCONT)
            for call in calls:
                call.close()
        wait("the others to be gone", works)
        finish(operation)

    def test_a_broker_that_is_down_heals(self):
        def seen():
            return KAFKA.describe_cluster(ClusterArn=self.arn)["ClusterInfo"]

        pid = broker_pid("changes")
        # A process that is stopped is not restarted: the state lasts until it goes on.
        os.kill(pid, signal.SIGSTOP)
        try:
            wait("HEALING", lambda: seen()["State"] == "HEALING")
            self.assertEqual(seen()["StateInfo"]["Code"], "BROKER_DOWN")
            self.assertIn("broker", seen()["StateInfo"]["Message"])
        finally:
            os.kill(pid, signal.SIGCONT)
        wait("ACTIVE", lambda: seen()["State"] == "ACTIVE")


def newest_versions(address):
    """Newest version of each API that a broker advertises, asked in ApiVersions 0 over TLS."""
    import ssl

    host, port = address.rsplit(":", 1)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((host, int(port)), timeout=10) as plain, context.wrap_socket(plain) as talk:
        request = struct.pack(">hhih", 18, 0, 1, -1)
        talk.sendall(struct.pack(">i", len(request)) + request)
        stream = talk.makefile("rb")
        body = stream.read(struct.unpack(">i", stream.read(4))[0])
    count = struct.unpack_from(">i", body, 6)[0]
    rows = (struct.unpack_from(">hhh", body, 10 + 6 * index) for index in range(count))
    return {key: newest for key, _, newest in rows}


if __name__ == "__main__":
    unittest.main()
