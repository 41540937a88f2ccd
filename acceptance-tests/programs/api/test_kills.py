"""The control plane is killed at moments spread over every operation. The next one finishes what was begun, the caller's
wait ends with the truth, and nothing is done twice or left half-done."""

import itertools
import json
import os
import signal
import threading
import time
import unittest

from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, HTTPClientError
from support import GROUP, KAFKA, SECRETS, client, finish, info, make_cluster, pages, refused, runtime, state, wait

AWAY = (ConnectionClosedError, EndpointConnectionError, HTTPClientError)
# Between the call and the first step, and on until after the last one: operations take 20 to 700 ms here. A long run sets
# more of them: OPENMSK_KILL_MOMENTS_MS="0 5 10 15 20".
MOMENTS_MS = tuple(int(moment) for moment in os.environ.get("OPENMSK_KILL_MOMENTS_MS", "0 15 60 250").split())


def kill():
    with open(os.path.join(os.environ["OPENMSK_DATA"], "runtime.json")) as file:
        pid = json.load(file)["pid"]
    os.kill(pid, signal.SIGKILL)
    return pid


def back(pid):
    """Starts the next control plane, as the provider does when it finds none, and waits for it. (By itself it comes back
    too, but more and more slowly when it dies again and again.)"""
    runtime("serve", "--background")

    def there():
        with open(os.path.join(os.environ["OPENMSK_DATA"], "runtime.json")) as file:
            if json.load(file)["pid"] == pid:
                return False
        try:
            KAFKA.list_kafka_versions()
            return True
        except AWAY:
            return False

    wait("the next control plane", there)


def with_kill(moment_ms, begin):
    """Begins something, kills the control plane that many milliseconds later, and waits for the next one."""
    answer = begin()
    time.sleep(moment_ms / 1000)
    back(kill())
    return answer


def cut_off(moment_ms, call):
    """Calls with 0, 1, 2 and so on, and kills the control plane that many milliseconds after the first."""
    stop = threading.Event()

    def run():
        for index in itertools.count():
            try:
                if stop.is_set():
                    return
                call(index)
            except AWAY:
                return

    thread = threading.Thread(target=run)
    thread.start()
    with_kill(moment_ms, lambda: None)
    stop.set()
    thread.join()


def led(of, topic):
    partitions = KAFKA.describe_topic_partitions(**of, TopicName=topic)["Partitions"]
    return all(it.get("Leader", -1) >= 0 for it in partitions)


def in_sync(of, topic):
    partitions = KAFKA.describe_topic_partitions(**of, TopicName=topic)["Partitions"]
    return all(len(it["Isr"]) == len(it["Replicas"]) for it in partitions)


class Kills(unittest.TestCase):
    def changed(self, arn, what, change, check):
        """A change that is interrupted at each moment comes about, once."""
        for number, moment_ms in enumerate(MOMENTS_MS):
            with self.subTest(what, moment_ms=moment_ms):
                before = info(arn)["CurrentVersion"]
                operation = finish(with_kill(moment_ms, lambda n=number, v=before: change(n, v)))
                wait("ACTIVE", lambda: state(arn) == "ACTIVE")
                self.assertNotEqual(info(arn)["CurrentVersion"], before)
                self.assertNotIn("ErrorInfo", operation)
                check(number)

    def test_changes_come_about(self):
        arn = make_cluster("kills", NumberOfBrokerNodes=2)
        KAFKA.create_topic(ClusterArn=arn, TopicName="kept", PartitionCount=6, ReplicationFactor=2)
        of = {"ClusterArn": arn}

        def group():
            return info(arn)["BrokerNodeGroupInfo"]

        def brokers():
            return [it for it in KAFKA.list_nodes(**of)["NodeInfoList"] if it.get("NodeType") == "BROKER"]

        self.changed(
            arn,
            "broker count",
            lambda n, v: KAFKA.update_broker_count(**of, CurrentVersion=v, TargetNumberOfBrokerNodes=(4, 2)[n % 2]),
            lambda n: self.assertEqual(len(brokers()), (4, 2)[n % 2]),
        )
        levels = ("PER_BROKER", "DEFAULT")
        self.changed(
            arn,
            "monitoring",
            lambda n, v: KAFKA.update_monitoring(**of, CurrentVersion=v, EnhancedMonitoring=levels[n % 2]),
            lambda n: self.assertEqual(info(arn)["EnhancedMonitoring"], levels[n % 2]),
        )
        self.changed(
            arn,
            "storage",
            lambda n, v: KAFKA.update_storage(**of, CurrentVersion=v, VolumeSizeGB=100 + n),
            lambda n: self.assertEqual(group()["StorageInfo"]["EbsStorageInfo"]["VolumeSize"], 100 + n),
        )
        self.changed(
            arn,
            "type",
            lambda n, v: KAFKA.update_broker_type(**of, CurrentVersion=v, TargetInstanceType=f"kafka.m{n}.large"),
            lambda n: self.assertEqual(group()["InstanceType"], f"kafka.m{n}.large"),
        )
        self.changed(
            arn,
            "connectivity",
            lambda n, v: KAFKA.update_connectivity(**of, CurrentVersion=v, ConnectivityInfo={"NetworkType": "IPV4"}),
            lambda n: self.assertEqual(group()["ConnectivityInfo"]["NetworkType"], "IPV4"),
        )
        self.changed(
            arn,
            "rebalancing",
            lambda n, v: KAFKA.update_rebalancing(
                **of, CurrentVersion=v, Rebalancing={"Status": ("PAUSED", "ACTIVE")[n % 2]}
            ),
            lambda n: self.assertEqual(info(arn)["Rebalancing"]["Status"], ("PAUSED", "ACTIVE")[n % 2]),
        )
        ways = ("TLS_PLAINTEXT", "TLS")
        self.changed(
            arn,
            "security",
            lambda n, v: KAFKA.update_security(
                **of, CurrentVersion=v, EncryptionInfo={"EncryptionInTransit": {"ClientBroker": ways[n % 2]}}
            ),
            lambda n: self.assertEqual("BootstrapBrokerString" in KAFKA.get_bootstrap_brokers(**of), n % 2 == 0),
        )
        made = KAFKA.create_configuration(Name="kills", ServerProperties=b"num.io.threads=1\n")["Arn"]
        for number in range(2, len(MOMENTS_MS) + 1):
            KAFKA.update_configuration(Arn=made, ServerProperties=f"num.io.threads={number}\n".encode())
        self.changed(
            arn,
            "configuration",
            lambda n, v: KAFKA.update_cluster_configuration(
                **of, CurrentVersion=v, ConfigurationInfo={"Arn": made, "Revision": n + 1}
            ),
            lambda n: self.assertEqual(info(arn)["CurrentBrokerSoftwareInfo"]["ConfigurationRevision"], n + 1),
        )
        for moment_ms in MOMENTS_MS:
            with self.subTest("reboot", moment_ms=moment_ms):
                finish(with_kill(moment_ms, lambda: KAFKA.reboot_broker(**of, BrokerIds=["1"])))
        # Where the kill came while a broker ended, it may be back a moment later than the operation.
        wait("all replicas in sync", lambda: in_sync(of, "kept"))
        KAFKA.delete_cluster(**of)
        self.gone(arn)
        KAFKA.delete_configuration(Arn=made)

    def gone(self, arn):
        def gone():
            try:
                return state(arn) != "DELETING" and self.fail("it is to be deleted")
            except KAFKA.exceptions.NotFoundException:
                return True

        wait(f"{arn} to be gone", gone)

    def test_upgrades_come_about(self):
        """Versions only go up: each moment has a cluster of its own."""
        for moment_ms in MOMENTS_MS:
            with self.subTest(moment_ms=moment_ms):
                arn = make_cluster(f"kill-version-{moment_ms}", KafkaVersion="4.0.x.kraft", NumberOfBrokerNodes=2)
                wanted = {"CurrentVersion": info(arn)["CurrentVersion"], "TargetKafkaVersion": "4.2.x.kraft"}
                finish(
                    with_kill(moment_ms, lambda a=arn, w=wanted: KAFKA.update_cluster_kafka_version(ClusterArn=a, **w))
                )
                self.assertEqual(info(arn)["CurrentBrokerSoftwareInfo"]["KafkaVersion"], "4.2.x.kraft")
                KAFKA.delete_cluster(ClusterArn=arn)
                self.gone(arn)

    def test_clusters_are_made_and_deleted(self):
        for moment_ms in MOMENTS_MS:
            with self.subTest(moment_ms=moment_ms):
                request = {
                    "ClusterName": f"kill-{moment_ms}",
                    "KafkaVersion": "4.2.x.kraft",
                    "NumberOfBrokerNodes": 2,
                    "BrokerNodeGroupInfo": GROUP,
                }
                arn = with_kill(moment_ms, lambda r=request: KAFKA.create_cluster(**r))["ClusterArn"]
                refused("ConflictException", KAFKA.create_cluster, **request)
                wait("ACTIVE", lambda a=arn: state(a) == "ACTIVE")
                with_kill(moment_ms, lambda a=arn: KAFKA.delete_cluster(ClusterArn=a))
                self.gone(arn)

    def test_what_is_answered_at_once_is_done(self):
        """Calls without an operation, one after the other until the kill cuts one off: all that were answered have come
        about, and the one that was cut off can be asked again."""
        arn = make_cluster("kill-calls", ClientAuthentication={"Sasl": {"Scram": {"Enabled": True}}})
        of = {"ClusterArn": arn}
        for number, moment_ms in enumerate(MOMENTS_MS):
            with self.subTest(moment_ms=moment_ms):
                self.topics_and_users(of, number, moment_ms)
        KAFKA.delete_cluster(**of)
        self.gone(arn)

    def topics_and_users(self, of, number, moment_ms):
        def secret(index):
            value = json.dumps({"username": f"user-{number}-{index}", "password": "planted-kills"})
            return SECRETS.create_secret(Name=f"AmazonMSK_kills_{number}_{index}", SecretString=value)["ARN"]

        def topics():
            return {it["TopicName"] for it in pages("list_topics", "Topics", **of) if it["TopicName"].startswith("call-")}

        def users():
            return set(pages("list_scram_secrets", "SecretArnList", **of))

        answered, asked = set(), set()

        once = client("kafka", retries={"total_max_attempts": 1})

        def create(index):
            topic = {"TopicName": f"call-{number}-{index}", "PartitionCount": 2, "ReplicationFactor": 1}
            asked.add(topic["TopicName"])
            once.create_topic(**of, **topic)
            answered.add(topic["TopicName"])

        cut_off(moment_ms, create)
        self.assertLessEqual(answered, topics())
        for name in asked - answered - topics():
            KAFKA.create_topic(**of, TopicName=name, PartitionCount=2, ReplicationFactor=1)
        for name in asked:
            wait(f"{name} to be led", lambda n=name: led(of, n))
        left = set(asked)

        def delete(_):
            if left:
                name = min(left)
                once.delete_topic(**of, TopicName=name)
                left.remove(name)
            else:
                once.list_kafka_versions()

        cut_off(moment_ms, delete)
        self.assertLessEqual(topics(), left)
        for name in topics():
            KAFKA.delete_topic(**of, TopicName=name)
        secrets = [secret(index) for index in range(6)]
        associated = set()

        def associate(index):
            if index < len(secrets):
                once.batch_associate_scram_secret(**of, SecretArnList=[secrets[index]])
                associated.add(secrets[index])
            else:
                once.list_kafka_versions()

        cut_off(moment_ms, associate)
        self.assertLessEqual(associated, users())
        KAFKA.batch_associate_scram_secret(**of, SecretArnList=secrets)
        self.assertEqual(users(), set(secrets))
        KAFKA.batch_disassociate_scram_secret(**of, SecretArnList=secrets)
        for arn in secrets:
            SECRETS.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)

    def test_a_caller_that_waits_gets_the_truth(self):
        """A wait that the kill cuts off is taken up again by the client itself, as botocore does by default."""
        patient = client("kafka", retries={"max_attempts": 8, "mode": "standard"})
        arn = make_cluster("kill-wait")
        version = info(arn)["CurrentVersion"]
        begun = KAFKA.update_storage(ClusterArn=arn, CurrentVersion=version, VolumeSizeGB=10)
        pid = kill()
        described = patient.describe_cluster_operation(ClusterOperationArn=begun["ClusterOperationArn"])
        self.assertIn(described["ClusterOperationInfo"]["OperationState"], ("PENDING", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"))
        back(pid)
        finish(begun)
        KAFKA.delete_cluster(ClusterArn=arn)
        self.gone(arn)


if __name__ == "__main__":
    unittest.main()
