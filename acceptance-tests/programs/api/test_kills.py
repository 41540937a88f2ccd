"""The control plane is killed before every step of every operation; see `interrupted`. What has to do with Apache Kafka is in
`test_kills_of_engines`."""

import functools
import json
import os
import ssl
import unittest
from urllib.parse import quote

from interrupted import Interrupted, at_every_step, brokers, gone, partitions
from monitored import JMX, exporters, hosts, is_closed, objects, text, to_s3
from signed import send
from support import GROUP, KAFKA, SECRETS, client, decoded, encoded, files, finish, info, make_cluster, pages, refused, shown, state, wait
from victim import processes

# Two types of one size would be one and the same to a broker. Clusters are made with the last one.
TYPES = [f"kafka.m5.{size}" for size in ("xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "large")]
# As the caller of a library would do it: once, to see what was cut off.
ONCE = client("kafka", retries={"total_max_attempts": 1})


class Kills(Interrupted):
    def watched(self, arn, is_open):
        """Exporters are as they should be, and of each broker's log whole lines have been delivered, each once."""
        for broker, host in enumerate(hosts(arn), start=1):
            self.assertEqual(is_closed(host, JMX), not is_open)
            delivered = text(objects(arn, "kills"), broker)
            with open(files(arn, f"broker-{broker}", "broker.log")) as log:
                written = log.read()
            self.assertTrue(delivered and written.startswith(delivered), f"broker {broker}: {delivered!r}")

    def test_broker_count(self):
        arn = make_cluster("kills-count")
        KAFKA.create_topic(ClusterArn=arn, TopicName="kept", PartitionCount=2, ReplicationFactor=1)

        def begin(target):
            return lambda _, version: KAFKA.update_broker_count(
                ClusterArn=arn, CurrentVersion=version, TargetNumberOfBrokerNodes=target
            )

        def attempt(number, at):
            out = self.change(arn, number, at, begin(2), lambda _: self.assertEqual(len(brokers(arn)), 2))
            on_both = {it["Leader"] for it in partitions(arn, "kept")}
            self.assertEqual(len(on_both), 2, "data was moved")
            back = self.change(arn, number, at, begin(1), lambda _: self.assertEqual(len(brokers(arn)), 1))
            return out or back

        at_every_step("broker count", attempt)

    def test_changes_without_a_restart(self):
        arn = make_cluster("kills-settings", NumberOfBrokerNodes=2)
        KAFKA.create_topic(ClusterArn=arn, TopicName="kept", PartitionCount=2, ReplicationFactor=2)
        of = {"ClusterArn": arn}

        def group():
            return info(arn)["BrokerNodeGroupInfo"]

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
            "broker storage",
            lambda n, v: KAFKA.update_broker_storage(
                **of,
                CurrentVersion=v,
                TargetBrokerEBSVolumeInfo=[{"KafkaBrokerNodeId": "All", "VolumeSizeGB": 1000 + n}],
            ),
            lambda n: self.assertEqual(group()["StorageInfo"]["EbsStorageInfo"]["VolumeSize"], 1000 + n),
        )
        self.changed(
            arn,
            "connectivity",
            lambda n, v: KAFKA.update_connectivity(**of, CurrentVersion=v, ConnectivityInfo={"NetworkType": "IPV4"}),
            lambda n: self.assertEqual(group()["ConnectivityInfo"]["NetworkType"], "IPV4"),
        )
        ways = ("PAUSED", "ACTIVE")
        self.changed(
            arn,
            "rebalancing",
            lambda n, v: KAFKA.update_rebalancing(**of, CurrentVersion=v, Rebalancing={"Status": ways[n % 2]}),
            lambda n: self.assertEqual(info(arn)["Rebalancing"]["Status"], ways[n % 2]),
        )

    def test_rotation_of_certificates(self):
        arn = make_cluster("kills-certificates", NumberOfBrokerNodes=2)
        KAFKA.create_topic(ClusterArn=arn, TopicName="kept", PartitionCount=2, ReplicationFactor=2)
        path = f"/openmsk/v1/clusters/{quote(arn, safe='')}/certificate-rotations"

        def certificates():
            found = []
            for broker in (1, 2):
                with open(files(arn, f"broker-{broker}", "broker.identity.pem")) as file:
                    found.append(file.read().partition("\n"))
            return found

        def begin(_number, _version):
            status, begun, _ = send("POST", path)
            self.assertEqual(status, 200, begun)
            return {"ClusterOperationArn": begun["clusterOperationArn"]}

        seen = []

        def rotated(_):
            now = certificates()
            rotations = {first for first, _, _ in now}
            self.assertEqual(len(rotations), 1, "all of them")
            self.assertEqual(shown(arn), [ssl.PEM_cert_to_DER_cert(pem[: pem.index("-----BEGIN PRIVATE")]) for _, _, pem in now])
            self.assertNotIn(now, seen)
            seen.append(now)

        self.changed(arn, "certificates", begin, rotated)

    def test_changes_with_a_restart(self):
        arn = make_cluster("kills-rolling", NumberOfBrokerNodes=2)
        KAFKA.create_topic(ClusterArn=arn, TopicName="kept", PartitionCount=2, ReplicationFactor=2)
        of = {"ClusterArn": arn}

        def listens(name):
            servers = KAFKA.get_bootstrap_brokers(**of).get(name, "")
            return [server for server in servers.split(",") if server]

        ways = ("TLS_PLAINTEXT", "TLS")
        self.changed(
            arn,
            "security",
            lambda n, v: KAFKA.update_security(
                **of, CurrentVersion=v, EncryptionInfo={"EncryptionInTransit": {"ClientBroker": ways[n % 2]}}
            ),
            lambda n: self.assertEqual(len(listens("BootstrapBrokerString")), 2 if n % 2 == 0 else 0),
        )
        made = KAFKA.create_configuration(Name="kills", ServerProperties=b"num.io.threads=1\n")["Arn"]
        KAFKA.update_configuration(Arn=made, ServerProperties=b"num.io.threads=2\nlog.retention.hours=7\n")
        self.changed(
            arn,
            "configuration",
            lambda n, v: KAFKA.update_cluster_configuration(
                **of, CurrentVersion=v, ConfigurationInfo={"Arn": made, "Revision": n % 2 + 1}
            ),
            lambda n: self.assertEqual(info(arn)["CurrentBrokerSoftwareInfo"]["ConfigurationRevision"], n % 2 + 1),
        )
        self.changed(
            arn,
            "type",
            lambda n, v: KAFKA.update_broker_type(**of, CurrentVersion=v, TargetInstanceType=TYPES[n % len(TYPES)]),
            lambda n: self.assertEqual(
                info(arn)["BrokerNodeGroupInfo"]["InstanceType"], TYPES[n % len(TYPES)]
            ),
        )
        self.changed(arn, "reboot", lambda n, v: KAFKA.reboot_broker(**of, BrokerIds=[str(n % 2 + 1)]), lambda n: None)
        self.changed(
            arn,
            "exporters and logs",
            lambda n, v: KAFKA.update_monitoring(
                **of, CurrentVersion=v, OpenMonitoring=exporters(n % 2 == 0, False), LoggingInfo=to_s3("kills")
            ),
            lambda n: self.watched(arn, n % 2 == 0),
        )
        KAFKA.delete_cluster(**of)
        wait("the cluster to be gone", lambda: gone(arn))
        KAFKA.delete_configuration(Arn=made)

    def test_upgrade(self):
        """Versions only go up: each time has a cluster of its own."""

        def attempt(number, at):
            arn = make_cluster("kills-version", KafkaVersion="4.0.x.kraft")
            KAFKA.create_topic(ClusterArn=arn, TopicName="kept", PartitionCount=1, ReplicationFactor=1)
            wanted = {"ClusterArn": arn, "TargetKafkaVersion": "4.2.x.kraft"}
            struck = self.change(
                arn,
                number,
                at,
                lambda _, version: KAFKA.update_cluster_kafka_version(CurrentVersion=version, **wanted),
                lambda _: self.assertEqual(info(arn)["CurrentBrokerSoftwareInfo"]["KafkaVersion"], "4.2.x.kraft"),
            )
            KAFKA.delete_cluster(ClusterArn=arn)
            wait("the cluster to be gone", lambda: gone(arn))
            return struck

        at_every_step("version", attempt)

    def test_clusters_are_made_and_deleted(self):
        provisioned = {"KafkaVersion": "4.2.x.kraft", "NumberOfBrokerNodes": 2, "BrokerNodeGroupInfo": GROUP}
        provisioned["EncryptionInfo"] = {"EncryptionAtRest": {"DataVolumeKMSKeyId": "alias/kills"}}
        self.made("create and delete", 2, KAFKA.create_cluster, {"ClusterName": "kills-made", **provisioned})
        serverless = {"VpcConfigs": [{"SubnetIds": ["subnet-a", "subnet-b"]}]}
        self.made("serverless", 3, KAFKA.create_cluster_v2, {"ClusterName": "kills-serverless", "Serverless": serverless})

    def made(self, what, count, create, request):
        def active(answer):
            return state(answer["ClusterArn"]) == "ACTIVE"

        def clusters():
            return pages("list_clusters_v2", "ClusterInfoList")

        def attempt(_, at):
            answer, made = self.victim.interrupt(at, lambda: create(**request), active)
            there = clusters()
            if answer is None and not there:
                answer = create(**request)
            arn = answer["ClusterArn"] if answer else there[0]["ClusterArn"]
            refused("ConflictException", create, **request)
            wait("ACTIVE", lambda: state(arn) == "ACTIVE")
            self.assertEqual(len(processes("broker")), count)
            KAFKA.create_topic(ClusterArn=arn, TopicName="kept", PartitionCount=1, ReplicationFactor=count)
            self.whole(arn)
            answer, deleted = self.victim.interrupt(at, lambda: KAFKA.delete_cluster(ClusterArn=arn), lambda _: gone(arn))
            if answer is None and any(it["State"] != "DELETING" for it in clusters()):
                KAFKA.delete_cluster(ClusterArn=arn)
            wait("the cluster to be gone", lambda: gone(arn))
            self.assertEqual(processes("broker"), [])
            self.assertFalse(os.path.exists(files(arn)), "its directory")
            return made or deleted

        at_every_step(what, attempt)

    def test_what_is_answered_at_once(self):
        """Either it has come about or it has not, it can be asked again, and what was answered is kept."""
        arn = make_cluster("kills-calls", ClientAuthentication={"Sasl": {"Scram": {"Enabled": True}}})
        of = {"ClusterArn": arn}
        value = json.dumps({"username": "kills", "password": "planted-kills"})
        secret = SECRETS.create_secret(Name="AmazonMSK_kills", SecretString=value)["ARN"]
        configuration = {}
        at_each = functools.partial(at_every_step, stride=1)
        statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kafka:DescribeCluster", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})

        def topics():
            return {it["TopicName"]: it["PartitionCount"] for it in pages("list_topics", "Topics", **of)}

        def secrets():
            return pages("list_scram_secrets", "SecretArnList", **of)

        def configurations():
            return {it["Name"]: it for it in pages("list_configurations", "Configurations")}

        def revision():
            return configurations()["kills-calls"]["LatestRevision"]["Revision"]

        def has_policy():
            try:
                return KAFKA.get_cluster_policy(**of)["Policy"] == policy
            except KAFKA.exceptions.NotFoundException:
                return False

        def make_configuration():
            configuration["Arn"] = ONCE.create_configuration(Name="kills-calls", ServerProperties=b"num.io.threads=1\n")["Arn"]

        def pairs(*pairs_of_calls):
            """Each has a check that it has come about."""

            def attempt(_, at):
                struck = [self.call_once(at, call, done) for call, done in pairs_of_calls]
                return any(struck)

            return attempt

        topic = {"TopicName": "call", "PartitionCount": 2, "ReplicationFactor": 1}
        compacted = encoded({"cleanup.policy": "compact"})
        at_each(
            "topics",
            pairs(
                (lambda: ONCE.create_topic(**of, **topic), lambda: topics().get("call") == 2),
                (lambda: ONCE.update_topic(**of, TopicName="call", PartitionCount=3), lambda: topics()["call"] == 3),
                (
                    lambda: ONCE.update_topic(**of, TopicName="call", Configs=compacted),
                    lambda: decoded(KAFKA.describe_topic(**of, TopicName="call")["Configs"]).get("cleanup.policy") == "compact",
                ),
                (lambda: ONCE.delete_topic(**of, TopicName="call"), lambda: "call" not in topics()),
            ),
        )
        at_each(
            "SCRAM secrets",
            pairs(
                (lambda: ONCE.batch_associate_scram_secret(**of, SecretArnList=[secret]), lambda: secrets() == [secret]),
                (lambda: ONCE.batch_disassociate_scram_secret(**of, SecretArnList=[secret]), lambda: secrets() == []),
            ),
        )
        at_each(
            "configurations",
            pairs(
                (make_configuration, lambda: "kills-calls" in configurations()),
                (
                    lambda: ONCE.update_configuration(
                        Arn=configurations()["kills-calls"]["Arn"], ServerProperties=b"num.io.threads=2\n"
                    ),
                    lambda: revision() == 2,
                ),
                (
                    lambda: ONCE.delete_configuration(Arn=configurations()["kills-calls"]["Arn"]),
                    lambda: "kills-calls" not in configurations(),
                ),
            ),
        )
        at_each(
            "policies and tags",
            pairs(
                (lambda: ONCE.put_cluster_policy(**of, Policy=policy), has_policy),
                (lambda: ONCE.delete_cluster_policy(**of), lambda: not has_policy()),
                (lambda: ONCE.tag_resource(ResourceArn=arn, Tags={"a": "b"}), lambda: self.tags(arn) == {"a": "b"}),
                (lambda: ONCE.untag_resource(ResourceArn=arn, TagKeys=["a"]), lambda: self.tags(arn) == {}),
            ),
        )
        SECRETS.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)

    def tags(self, arn):
        return KAFKA.list_tags_for_resource(ResourceArn=arn)["Tags"]

    def call_once(self, at, call, done):
        def answered():
            call()
            return True

        answer, struck = self.victim.interrupt(at, answered, lambda _: True)
        if answer is None and not done():
            call()
        self.assertTrue(done())
        return struck

    def test_a_caller_that_waits_gets_the_truth(self):
        """A wait that the kill cuts off is taken up again by the client itself, as botocore does by default."""
        patient = client("kafka", retries={"max_attempts": 8, "mode": "standard"})
        arn = make_cluster("kills-wait")
        version = info(arn)["CurrentVersion"]
        begun = KAFKA.update_storage(ClusterArn=arn, CurrentVersion=version, VolumeSizeGB=10)
        self.victim.serve.kill()
        self.victim.serve.wait()
        self.victim.start()
        described = patient.describe_cluster_operation(ClusterOperationArn=begun["ClusterOperationArn"])
        states = ("PENDING", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")
        self.assertIn(described["ClusterOperationInfo"]["OperationState"], states)
        finish(begun)


if __name__ == "__main__":
    unittest.main()
