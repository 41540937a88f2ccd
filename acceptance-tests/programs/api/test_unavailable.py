"""What Amazon MSK has and this product has not yet: requests are checked, lists are empty, nothing is kept."""

import unittest

from support import KAFKA, delete_cluster, make_cluster, pages, refused

WRONG, MISSING = "BadRequestException", "NotFoundException"
ARN = "arn:aws:kafka:us-east-1:000000000000"


class Unavailable(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.arn = make_cluster("unavailable")

    @classmethod
    def tearDownClass(cls):
        delete_cluster(cls.arn)

    def test_vpc_connections(self):
        request = {
            "TargetClusterArn": self.arn,
            "Authentication": "SASL_SCRAM",
            "VpcId": "vpc-1",
            "ClientSubnets": ["a"],
            "SecurityGroups": ["b"],
        }
        self.assertIn("not available yet", refused(WRONG, KAFKA.create_vpc_connection, **request))
        del request["VpcId"]
        refused(WRONG, KAFKA.create_vpc_connection, "vpcId", **request)
        self.assertEqual(pages("list_vpc_connections", "VpcConnections"), [])
        self.assertEqual(pages("list_client_vpc_connections", "ClientVpcConnections", ClusterArn=self.arn), [])
        one = f"{ARN}:vpc-connection/x/y"
        refused(MISSING, KAFKA.describe_vpc_connection, Arn=one)
        refused(MISSING, KAFKA.delete_vpc_connection, Arn=one)
        reject = KAFKA.reject_client_vpc_connection
        refused(WRONG, reject, ClusterArn=self.arn, VpcConnectionArn=one)
        refused(WRONG, reject, "vpcConnectionArn", ClusterArn=self.arn)
        refused(WRONG, KAFKA.list_vpc_connections, "nextToken", NextToken="made-up")

    def test_replicators(self):
        vpc = {"SubnetIds": ["a"]}
        cluster = {"AmazonMskCluster": {"MskClusterArn": self.arn}, "VpcConfig": vpc}
        groups, topics = {"ConsumerGroupsToReplicate": [".*"]}, {"TopicsToReplicate": [".*"]}
        info = {
            "SourceKafkaClusterArn": self.arn,
            "TargetKafkaClusterArn": self.arn,
            "TargetCompressionType": "NONE",
            "TopicReplication": topics,
            "ConsumerGroupReplication": groups,
        }
        request = {
            "ReplicatorName": "copy",
            "ServiceExecutionRoleArn": "arn:aws:iam::000000000000:role/r",
            "KafkaClusters": [cluster, cluster],
            "ReplicationInfoList": [info],
        }
        create = KAFKA.create_replicator
        self.assertIn("not available yet", refused(WRONG, create, **request))
        refused(WRONG, create, "replicatorName", **{**request, "ReplicatorName": "-copy"})
        wrong = {**info, "TargetCompressionType": "RAR"}
        path = "replicationInfoList[0].targetCompressionType"
        refused(WRONG, create, path, **{**request, "ReplicationInfoList": [wrong]})
        self.assertEqual(pages("list_replicators", "Replicators"), [])
        one = f"{ARN}:replicator/copy/6b1f2d3c-0000-4000-8000-123456789abc-1"
        refused(MISSING, KAFKA.describe_replicator, ReplicatorArn=one)
        refused(MISSING, KAFKA.delete_replicator, ReplicatorArn=one)
        change = {"CurrentVersion": "1", "ReplicatorArn": one}
        change |= {"SourceKafkaClusterArn": self.arn, "TargetKafkaClusterArn": self.arn}
        refused(MISSING, KAFKA.update_replication_info, **change)

    def test_channels(self):
        records = {"TopicArn": f"{ARN}:topic/a/b/c", "RecordConverter": {"ValueConverter": "JSON"}}
        request = {"ClusterArn": self.arn, "ChannelName": "out", "TopicConfigurationList": [records]}
        self.assertIn("not available yet", refused(WRONG, KAFKA.create_channel, **request))
        wrong = {**records, "RecordConverter": {"ValueConverter": "XML"}}
        path = "topicConfigurationList[0].recordConverter.valueConverter"
        refused(WRONG, KAFKA.create_channel, path, **{**request, "TopicConfigurationList": [wrong]})
        self.assertEqual(KAFKA.list_channels(ClusterArn=self.arn)["Channels"], [])
        one = {"ClusterArn": self.arn, "ChannelArn": f"{ARN}:channel/x/y"}
        for call in (KAFKA.describe_channel, KAFKA.delete_channel, KAFKA.update_channel):
            refused(MISSING, call, **one)


if __name__ == "__main__":
    unittest.main()
