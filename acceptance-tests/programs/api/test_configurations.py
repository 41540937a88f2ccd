"""Configurations and their revisions."""

import json
import os
import sqlite3
import unittest

from confluent_kafka.admin import AdminClient, ConfigResource
from support import KAFKA, authority, delete_cluster, make_cluster, pages, refused, runtime, update

WRONG = "BadRequestException"


class Configurations(unittest.TestCase):
    def make(self, name, properties=b"num.partitions=3\n", **more):
        made = KAFKA.create_configuration(Name=name, ServerProperties=properties, **more)
        self.addCleanup(self.delete, made["Arn"])
        return made

    def delete(self, arn):
        try:
            KAFKA.delete_configuration(Arn=arn)
        except KAFKA.exceptions.BadRequestException:
            pass

    def test_life(self):
        made = self.make("life", Description="first", KafkaVersions=["4.1.x.kraft"])
        arn = made["Arn"]
        self.assertEqual((made["State"], made["LatestRevision"]["Revision"]), ("ACTIVE", 1))
        refused("ConflictException", KAFKA.create_configuration, Name="life", ServerProperties=b"")
        shown = KAFKA.describe_configuration(Arn=arn)
        self.assertEqual((shown["Name"], shown["Description"], shown["KafkaVersions"]), ("life", "first", ["4.1.x.kraft"]))
        # Rule 14: revisions count from 1, and their text is what was given.
        text = b"# kept as it is\nnum.partitions = 5\n"
        updated = KAFKA.update_configuration(Arn=arn, ServerProperties=text, Description="second")
        self.assertEqual(updated["LatestRevision"]["Revision"], 2)
        self.assertEqual(KAFKA.describe_configuration(Arn=arn)["LatestRevision"]["Revision"], 2)
        second = KAFKA.describe_configuration_revision(Arn=arn, Revision=2)
        self.assertEqual((second["ServerProperties"], second["Description"]), (text, "second"))
        KAFKA.update_configuration(Arn=arn, ServerProperties=b"")
        revisions = pages("list_configuration_revisions", "Revisions", Arn=arn)
        self.assertEqual([it["Revision"] for it in revisions], [1, 2, 3])
        self.assertEqual(KAFKA.delete_configuration(Arn=arn)["State"], "DELETING")
        # Rule 13: a missing configuration is a bad request with these words.
        for call in (KAFKA.describe_configuration, KAFKA.delete_configuration):
            self.assertIn("Configuration ARN does not exist", refused(WRONG, call, Arn=arn))
        self.assertIn(
            "Configuration ARN does not exist", refused(WRONG, KAFKA.update_configuration, Arn=arn, ServerProperties=b"")
        )

    def test_text_is_checked_line_by_line(self):
        def create(properties):
            return refused(
                WRONG, KAFKA.create_configuration, "serverProperties", Name="wrong", ServerProperties=properties
            )

        self.assertIn("num.partitions", create(b"num.partition=3\n"), "did you mean")
        self.assertIn("line 2", create(b"num.partitions=3\nlog.retention.hours=soon\n"))
        create(b"broker.id=1\n")
        create(b"\xff\xfe\n")
        missing = self.make("revisions")["Arn"]
        refused(WRONG, KAFKA.describe_configuration_revision, "revision", Arn=missing, Revision=9)
        refused(WRONG, KAFKA.create_configuration, "name", Name="no spaces", ServerProperties=b"")
        refused(WRONG, KAFKA.create_configuration, "serverProperties", Name="nothing")
        versions = ["2.8.1"]
        refused(
            WRONG, KAFKA.create_configuration, "kafkaVersions", Name="old", ServerProperties=b"", KafkaVersions=versions
        )

    def test_brokers_say_what_is_in_force(self):
        """Dynamic properties without a restart, static ones by one rolling restart, and back to any revision."""
        arn = make_cluster("properties", NumberOfBrokerNodes=2)
        self.addCleanup(delete_cluster, arn)
        made = self.make("properties", b"message.max.bytes=1000001\n")["Arn"]
        KAFKA.update_configuration(Arn=made, ServerProperties=b"message.max.bytes=1000002\nlog.retention.ms=60000\n")
        KAFKA.update_configuration(Arn=made, ServerProperties=b"message.max.bytes=1000002\noffsets.retention.minutes=77\n")
        bootstrap = KAFKA.get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerStringTls"]
        tls = {"bootstrap.servers": bootstrap, "security.protocol": "SSL", "ssl.ca.location": authority(arn)}
        admin = AdminClient({**tls, "log_level": 0})

        def in_force(*names):
            described = []
            for broker in ("1", "2"):
                [answer] = admin.describe_configs([ConfigResource(ConfigResource.Type.BROKER, broker)]).values()
                described.append(answer.result(30))
            values = [tuple(entries[name].value for name in names) for entries in described]
            self.assertEqual(values[0], values[1])
            return values[0]

        def started():
            status = json.loads(runtime("status", "--json"))
            brokers = next(it for it in status["clusters"] if it["name"] == "properties")["brokers"]
            return [broker["pid"] for broker in brokers]

        def apply(revision):
            operation = update(
                KAFKA.update_cluster_configuration, arn, ConfigurationInfo={"Arn": made, "Revision": revision}
            )
            self.assertEqual(operation["OperationType"], "UPDATE_CLUSTER_CONFIGURATION")

        before = started()
        apply(1)
        self.assertEqual(in_force("message.max.bytes"), ("1000001",))
        apply(2)
        self.assertEqual(in_force("message.max.bytes", "log.retention.ms"), ("1000002", "60000"))
        self.assertEqual(started(), before, "nothing was restarted for dynamic properties")
        apply(3)
        self.assertEqual(in_force("offsets.retention.minutes"), ("77",))
        self.assertFalse(set(started()) & set(before), "each broker was restarted")
        apply(1)
        self.assertEqual(in_force("message.max.bytes", "offsets.retention.minutes"), ("1000001", "10080"))

    def test_what_is_our_fault_is_said_to_be(self):
        """Somebody else holds the store, for longer than it is waited for."""
        arn = self.make("held")["Arn"]
        other = sqlite3.connect(os.path.join(os.environ["OPENMSK_DATA"], "state.db"), isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        try:
            message = refused("InternalServerErrorException", KAFKA.update_configuration, Arn=arn, ServerProperties=b"")
        finally:
            other.execute("ROLLBACK")
            other.close()
        self.assertNotIn("sqlite", message.lower())
        self.assertEqual(KAFKA.describe_configuration(Arn=arn)["LatestRevision"]["Revision"], 1)

    def test_lists_come_in_pages(self):
        arns = [self.make(f"page-{number}")["Arn"] for number in range(5)]
        listed = [it["Arn"] for it in pages("list_configurations", "Configurations")]
        self.assertEqual([arn for arn in listed if arn in arns], arns)


if __name__ == "__main__":
    unittest.main()
