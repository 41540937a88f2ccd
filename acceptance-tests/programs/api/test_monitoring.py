"""Monitoring: levels, pages for Prometheus on every broker, and delivery of brokers' logs."""

import unittest

from confluent_kafka import Consumer, Producer, TopicPartition
from monitored import JMX, NODE, exporters, hosts, is_closed, objects, over_brokers, overview, samples, text, to_s3
from scraped import expect_machine
from support import KAFKA, authority, delete_cluster, files, info, make_cluster, refused, update, wait

WRONG = "BadRequestException"


class Monitoring(unittest.TestCase):
    def make(self, name, **settings):
        arn = make_cluster(name, **settings)
        self.addCleanup(delete_cluster, arn)
        return arn

    def refused(self, arn, parameter=None, **arguments):
        version = info(arn)["CurrentVersion"]
        return refused(
            WRONG, KAFKA.update_monitoring, parameter, ClusterArn=arn, CurrentVersion=version, **arguments
        )

    def write_and_fall_behind(self, arn, count, partitions):
        """So many records, evenly; group "late" has read ten of each of the first three partitions."""
        tls = {"security.protocol": "SSL", "ssl.ca.location": authority(arn)}
        tls["bootstrap.servers"] = KAFKA.get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerStringTls"]
        producer = Producer(tls)
        for number in range(count):
            producer.produce("orders", b"x" * 100, partition=number % partitions)
        self.assertEqual(producer.flush(30), 0)
        consumer = Consumer({**tls, "group.id": "late"})
        consumer.commit(offsets=[TopicPartition("orders", index, 10) for index in range(3)], asynchronous=False)
        consumer.close()

    def test_levels_are_kept(self):
        arn = self.make("levels")
        self.assertEqual(info(arn)["EnhancedMonitoring"], "DEFAULT")
        update(KAFKA.update_monitoring, arn, EnhancedMonitoring="PER_BROKER")
        off = exporters(False, False)
        quiet = {"BrokerLogs": {"S3": {"Enabled": False}}}
        update(KAFKA.update_monitoring, arn, OpenMonitoring=off, LoggingInfo=quiet)
        shown = info(arn)
        self.assertEqual(
            (shown["EnhancedMonitoring"], shown["OpenMonitoring"], shown["LoggingInfo"]), ("PER_BROKER", off, quiet)
        )
        self.refused(arn)
        self.refused(arn, "enhancedMonitoring", EnhancedMonitoring="EVERYTHING")

    def test_levels_say_how_much_brokers_report(self):
        arn = self.make("detailed", NumberOfBrokerNodes=2)
        KAFKA.create_topic(ClusterArn=arn, TopicName="orders", PartitionCount=3, ReplicationFactor=2)
        self.write_and_fall_behind(arn, 90, 3)

        def total(metric, **labels):
            """Over the brokers; `None` where none of them reports it."""
            wanted = {"cluster": "detailed", **labels}
            found = [
                value
                for (name, *has), value in overview().items()
                if name == metric and wanted.items() <= dict(has).items()
            ]
            return sum(found) if found else None

        def shown(expected):
            wait(expected, lambda: all(total(name, **dict(labels)) == value for (name, *labels), value in expected.items()))

        always = {
            ("openmsk_cluster_topics",): 2,
            ("openmsk_cluster_offline_partitions",): 0,
            ("openmsk_broker_messages_in_total",): 93,
            ("openmsk_broker_under_replicated_partitions",): 0,
        }
        by_broker = {
            ("openmsk_group_lag_records", ("group", "late"), ("topic", "orders")): 60,
            ("openmsk_broker_failed_produce_requests_total",): 0,
        }
        by_topic = {("openmsk_topic_messages_in_total", ("topic", "orders")): 90}
        by_partition = {
            ("openmsk_partition_lag_records", ("group", "late"), ("topic", "orders"), ("partition", "1")): 20,
            ("openmsk_partition_log_end_offset", ("topic", "orders"), ("partition", "2")): 60,
        }
        details = [by_broker, by_topic, by_partition]
        levels = ["DEFAULT", "PER_BROKER", "PER_TOPIC_PER_BROKER", "PER_TOPIC_PER_PARTITION"]
        for detail, level in (*enumerate(levels), (0, "DEFAULT")):
            if info(arn)["EnhancedMonitoring"] != level:
                nodes = KAFKA.list_nodes(ClusterArn=arn)["NodeInfoList"]
                update(KAFKA.update_monitoring, arn, EnhancedMonitoring=level)
                self.assertEqual(KAFKA.list_nodes(ClusterArn=arn)["NodeInfoList"], nodes, "no restart")
            self.assertEqual(info(arn)["EnhancedMonitoring"], level)
            there = {key: value for some in details[:detail] for key, value in some.items()}
            gone = {key: None for some in details[detail:] for key in some}
            shown({**always, **there, **gone})

    def test_exporters_are_switched_on_and_off(self):
        arn = self.make("exporters", NumberOfBrokerNodes=2)
        self.assertTrue(all(is_closed(host, port) for host in hosts(arn) for port in (JMX, NODE)))
        operation = update(KAFKA.update_monitoring, arn, OpenMonitoring=exporters(True, False))
        self.assertEqual(operation["OperationType"], "UPDATE_MONITORING")
        self.assertEqual(info(arn)["OpenMonitoring"], exporters(True, False))
        for host in hosts(arn):
            self.assertEqual(samples(host, JMX)[("kafka_server_KafkaServer_Value", ("name", "BrokerState"))], 3)
            self.assertTrue(is_closed(host, NODE))
        update(KAFKA.update_monitoring, arn, OpenMonitoring=exporters(True, True))
        # A broker that joins has them as well.
        update(KAFKA.update_broker_count, arn, TargetNumberOfBrokerNodes=3)
        self.assertEqual(len(hosts(arn)), 3)
        for host in hosts(arn):
            expect_machine(host, NODE)
        update(KAFKA.update_monitoring, arn, OpenMonitoring=exporters(False, False))
        self.assertTrue(all(is_closed(host, port) for host in hosts(arn) for port in (JMX, NODE)))

    def test_pages_tell_the_truth(self):
        arn = self.make("truth", NumberOfBrokerNodes=3, OpenMonitoring=exporters(True, False))
        KAFKA.create_topic(ClusterArn=arn, TopicName="orders", PartitionCount=4, ReplicationFactor=2)
        self.write_and_fall_behind(arn, 100, 4)
        topics = "kafka_server_BrokerTopicMetrics_Count"
        self.assertEqual(sum(over_brokers(arn, topics, name="MessagesInPerSec", topic="orders")), 100)
        self.assertGreater(sum(over_brokers(arn, topics, name="BytesInPerSec", topic="orders")), 10_000)
        replicas = "kafka_server_ReplicaManager_Value"
        self.assertEqual(sum(over_brokers(arn, replicas, name="UnderReplicatedPartitions")), 0)
        controller = "kafka_controller_KafkaController_Value"
        for name, expected in (
            ("ActiveControllerCount", 1),
            ("ActiveBrokerCount", 3),
            ("OfflinePartitionsCount", 0),
            ("GlobalTopicCount", 2),
        ):
            self.assertEqual(sum(over_brokers(arn, controller, name=name)), expected, name)
        ends = over_brokers(arn, "kafka_log_Log_Value", name="LogEndOffset", partition="3", topic="orders")
        self.assertEqual(sorted(ends), [0, 25, 25], "two replicas")
        # The group has read 10 of 25 in three partitions.
        lag = {"groupId": "late", "topic": "orders"}
        of_groups = "kafka_consumer_group_ConsumerLagMetrics_Value"
        wait("the lag", lambda: sum(over_brokers(arn, of_groups, name="SumOffsetLag", **lag)) == 45, limit_s=30)
        self.assertEqual(sum(over_brokers(arn, of_groups, name="MaxOffsetLag", **lag)), 15)
        self.assertEqual(sum(over_brokers(arn, of_groups, name="OffsetLag", partition="1", **lag)), 15)
        groups = "kafka_coordinator_group_GroupMetadataManager_Value"
        self.assertEqual(sum(over_brokers(arn, groups, name="NumOffsets")), 3)

    def test_logs_are_delivered(self):
        arn = make_cluster("logs", NumberOfBrokerNodes=2, LoggingInfo=to_s3("msk-logs", "team a/kafka"))
        self.assertEqual(info(arn)["LoggingInfo"], to_s3("msk-logs", "team a/kafka"))
        for broker in (1, 2):
            self.assertIn("broker serves", text(objects(arn, "msk-logs", "team a/kafka"), broker))
        # To another bucket, without a restart; what is there stays.
        before = KAFKA.list_nodes(ClusterArn=arn)["NodeInfoList"]
        update(KAFKA.update_monitoring, arn, LoggingInfo=to_s3("other-logs"))
        self.assertEqual(KAFKA.list_nodes(ClusterArn=arn)["NodeInfoList"], before)
        KAFKA.reboot_broker(ClusterArn=arn, BrokerIds=["2"])
        wait("the reboot", lambda: info(arn)["State"] == "ACTIVE")
        self.assertIn("broker stopped", text(objects(arn, "other-logs"), 2))
        with open(files(arn, "broker-1", "broker.log")) as log:
            written = log.read()
        delete_cluster(arn)
        delivered = text(objects(arn, "msk-logs", "team a/kafka") + objects(arn, "other-logs"), 1)
        self.assertTrue(delivered.startswith(written), "all of it, to the last line, in order and once")

    def test_destinations_that_are_none_are_refused(self):
        arn = self.make("nowhere")
        on = {"Enabled": True}
        for logging, said in (
            ({"BrokerLogs": {"CloudWatchLogs": {**on, "LogGroup": "g"}}}, "brokerLogs.cloudWatchLogs"),
            ({"BrokerLogs": {"Firehose": {**on, "DeliveryStream": "s"}}}, "brokerLogs.firehose"),
            ({"BrokerLogs": {}, "AuthorizerLogs": {"S3": {**on, "Bucket": "msk-logs"}}}, "authorizer"),
            ({"BrokerLogs": {"S3": on}}, "names no bucket"),
            (to_s3("../outside"), "is not a name of a bucket"),
            (to_s3("msk-logs", "a/../../b"), "cannot be used"),
        ):
            self.assertIn(said, self.refused(arn, "loggingInfo", LoggingInfo=logging))
        self.refused(arn, "loggingInfo.brokerLogs", LoggingInfo={})
        wrong = {"ClusterName": "none", "KafkaVersion": "4.2.x.kraft", "NumberOfBrokerNodes": 1}
        wrong["BrokerNodeGroupInfo"] = {"InstanceType": "kafka.m5.large", "ClientSubnets": ["a"]}
        refused(WRONG, KAFKA.create_cluster, "loggingInfo", LoggingInfo=to_s3("B"), **wrong)


if __name__ == "__main__":
    unittest.main()
