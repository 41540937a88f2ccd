"""Clusters: made, shown, listed and deleted; nodes, bootstrap strings, versions, tags, policies, users."""

import json
import unittest

from support import (
    GROUP,
    KAFKA,
    ROOT_ACCOUNT,
    SECRETS,
    delete_cluster,
    info,
    make_cluster,
    pages,
    refused,
    state,
    wait,
)


class Clusters(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.arn = make_cluster(
            "clusters",
            NumberOfBrokerNodes=3,
            ClientAuthentication={"Sasl": {"Scram": {"Enabled": True}}},
            Tags={"team": "blue"},
        )

    @classmethod
    def tearDownClass(cls):
        delete_cluster(cls.arn)

    def test_both_versions_show_the_same_cluster(self):
        one, two = info(self.arn), KAFKA.describe_cluster_v2(ClusterArn=self.arn)["ClusterInfo"]
        for name in ("ClusterArn", "ClusterName", "CurrentVersion", "State", "Tags", "CreationTime"):
            self.assertEqual(one[name], two[name], name)
        self.assertEqual(two["ClusterType"], "PROVISIONED")
        self.assertEqual(two["Provisioned"]["NumberOfBrokerNodes"], 3)
        # Rule 17: three parts behind the kind, the last one a UUID with a number.
        self.assertEqual(self.arn.split(":")[:5], ["arn", "aws", "kafka", "us-east-1", ROOT_ACCOUNT])
        self.assertEqual(len(self.arn.split(":", 5)[5].split("/")), 3)
        # Rule 19: absent, because no broker is of the Express kind.
        self.assertNotIn("Rebalancing", one)
        self.assertEqual(one["CustomerActionStatus"], "NONE")

    def test_creation_is_refused_for_what_is_wrong(self):
        def create(**changes):
            arguments = {
                "ClusterName": "wrong",
                "KafkaVersion": "4.2.x.kraft",
                "NumberOfBrokerNodes": 1,
                "BrokerNodeGroupInfo": GROUP,
            }
            KAFKA.create_cluster(**{**arguments, **changes})

        wrong = "BadRequestException"
        refused(wrong, create, "clusterName", ClusterName="")
        refused(wrong, create, "clusterName", ClusterName="x" * 65)
        refused(wrong, create, "clusterName", ClusterName="no spaces")
        refused(wrong, create, "kafkaVersion", KafkaVersion="2.8.1")
        refused(wrong, create, "numberOfBrokerNodes", NumberOfBrokerNodes=0)
        refused(wrong, create, "numberOfBrokerNodes", NumberOfBrokerNodes=16)
        refused(wrong, create, "enhancedMonitoring", EnhancedMonitoring="EVERYTHING")
        refused(wrong, create, "storageMode", StorageMode="TIERED")
        refused(wrong, create, "brokerNodeGroupInfo.instanceType", BrokerNodeGroupInfo={**GROUP, "InstanceType": "m5"})
        volume = {"StorageInfo": {"EbsStorageInfo": {"VolumeSize": 20000}}}
        path = "brokerNodeGroupInfo.storageInfo.ebsStorageInfo.volumeSize"
        refused(wrong, create, path, BrokerNodeGroupInfo={**GROUP, **volume})
        missing = {"Arn": "arn:aws:kafka:us-east-1:000000000000:configuration/none/0-1", "Revision": 1}
        refused(wrong, create, "configurationInfo", ConfigurationInfo=missing)
        refused(wrong, create, "clientAuthentication", ClientAuthentication={"Tls": {"Enabled": True}})
        refused(wrong, create, "rebalancing.status", Rebalancing={"Status": "OFTEN"})
        public = {**GROUP, "ConnectivityInfo": {"PublicAccess": {"Type": "SERVICE_PROVIDED_EIPS"}}}
        refused(wrong, create, "connectivityInfo", BrokerNodeGroupInfo=public)
        logs = {"BrokerLogs": {"S3": {"Enabled": True, "Bucket": "b"}}}
        refused(wrong, create, "loggingInfo", LoggingInfo=logs)
        refused("ConflictException", create, ClusterName="clusters")
        refused(wrong, KAFKA.create_cluster_v2, "provisioned", ClusterName="wrong")
        self.assertEqual(pages("list_clusters", "ClusterInfoList", ClusterNameFilter="wrong"), [])

    def test_version_2_makes_clusters_too_and_lists_come_in_pages(self):
        made = [
            KAFKA.create_cluster_v2(
                ClusterName=f"list-{number}",
                Provisioned={"BrokerNodeGroupInfo": GROUP, "KafkaVersion": "4.2.x.kraft", "NumberOfBrokerNodes": 1},
            )
            for number in range(3)
        ]
        self.assertEqual({it["ClusterType"] for it in made}, {"PROVISIONED"})
        arns = [it["ClusterArn"] for it in made]
        for arn in arns:
            wait("ACTIVE", lambda arn=arn: state(arn) == "ACTIVE")
        named = {"ClusterNameFilter": "list-"}
        self.assertEqual([it["ClusterArn"] for it in pages("list_clusters", "ClusterInfoList", **named)], arns)
        self.assertEqual([it["ClusterArn"] for it in pages("list_clusters_v2", "ClusterInfoList", **named)], arns)
        self.assertEqual(pages("list_clusters_v2", "ClusterInfoList", ClusterTypeFilter="SERVERLESS"), [])
        refused("BadRequestException", KAFKA.list_clusters_v2, "clusterTypeFilter", ClusterTypeFilter="OTHER")
        # A token holds although the row that it names is deleted, and no other one is taken.
        first = KAFKA.list_clusters(MaxResults=1, **named)
        delete_cluster(first["ClusterInfoList"][0]["ClusterArn"])
        rest = KAFKA.list_clusters(NextToken=first["NextToken"], **named)
        self.assertEqual([it["ClusterArn"] for it in rest["ClusterInfoList"]], arns[1:])
        forged = first["NextToken"][:-4] + "AAAA"
        refused("BadRequestException", KAFKA.list_clusters, "nextToken", NextToken=forged)
        refused("BadRequestException", KAFKA.list_clusters, "maxResults", MaxResults=101)
        for arn in arns[1:]:
            delete_cluster(arn)

    def test_what_does_not_exist_is_not_found(self):
        missing = "arn:aws:kafka:us-east-1:000000000000:cluster/none/6b1f2d3c-0000-4000-8000-123456789abc-1"
        for call in (
            KAFKA.describe_cluster,
            KAFKA.describe_cluster_v2,
            KAFKA.delete_cluster,
            KAFKA.list_nodes,
            KAFKA.list_scram_secrets,
            KAFKA.get_cluster_policy,
            KAFKA.list_cluster_operations_v2,
        ):
            refused("NotFoundException", call, ClusterArn=missing)
        refused("BadRequestException", KAFKA.get_bootstrap_brokers, ClusterArn=missing)
        refused("NotFoundException", KAFKA.describe_cluster_operation, ClusterOperationArn=missing)
        refused("NotFoundException", KAFKA.describe_cluster_operation_v2, ClusterOperationArn=missing)
        refused("NotFoundException", KAFKA.list_tags_for_resource, ResourceArn=missing)
        refused("NotFoundException", KAFKA.describe_cluster, ClusterArn="nonsense/../../etc/passwd")

    def test_nodes_and_bootstrap_strings(self):
        nodes = pages("list_nodes", "NodeInfoList", ClusterArn=self.arn)
        brokers = [it for it in nodes if it.get("NodeType") == "BROKER"]
        self.assertEqual([it["BrokerNodeInfo"]["BrokerId"] for it in brokers], [1.0, 2.0, 3.0])
        self.assertEqual({it["BrokerNodeInfo"]["ClientSubnet"] for it in brokers}, set(GROUP["ClientSubnets"]))
        controllers = [it for it in nodes if "ControllerNodeInfo" in it]
        self.assertEqual(len(controllers), 1, nodes)
        strings = KAFKA.get_bootstrap_brokers(ClusterArn=self.arn)
        self.assertEqual(strings["BootstrapBrokerStringSaslScram"].count(":9096"), 3)
        self.assertNotIn("BootstrapBrokerString", strings)

    def test_versions(self):
        names = [it["Version"] for it in pages("list_kafka_versions", "KafkaVersions")]
        self.assertEqual(names, ["4.0.x.kraft", "4.1.x.kraft", "4.2.x.kraft"])
        all_of_them = KAFKA.get_compatible_kafka_versions()["CompatibleKafkaVersions"]
        self.assertEqual(all_of_them[0]["TargetVersions"], names[1:])
        own = KAFKA.get_compatible_kafka_versions(ClusterArn=self.arn)["CompatibleKafkaVersions"]
        self.assertEqual([(it["SourceVersion"], it["TargetVersions"]) for it in own], [("4.2.x.kraft", [])])

    def test_tags(self):
        self.assertEqual(info(self.arn)["Tags"], {"team": "blue"})
        answer = KAFKA.tag_resource(ResourceArn=self.arn, Tags={"cost": "1", "extra": "a b/c"})
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 204)
        tags = {"team": "blue", "cost": "1", "extra": "a b/c"}
        self.assertEqual(KAFKA.list_tags_for_resource(ResourceArn=self.arn)["Tags"], tags)
        answer = KAFKA.untag_resource(ResourceArn=self.arn, TagKeys=["cost", "extra"])
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 204)
        self.assertEqual(KAFKA.list_tags_for_resource(ResourceArn=self.arn)["Tags"], {"team": "blue"})
        refused("BadRequestException", KAFKA.tag_resource, "tags", ResourceArn=self.arn)

    def test_policies(self):
        def policy(**changes):
            statement = {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kafka:Get*", "Resource": "*"}
            return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **changes}]})

        refused("NotFoundException", KAFKA.get_cluster_policy, ClusterArn=self.arn)
        first = KAFKA.put_cluster_policy(ClusterArn=self.arn, Policy=policy())["CurrentVersion"]
        shown = KAFKA.get_cluster_policy(ClusterArn=self.arn)
        self.assertEqual((shown["CurrentVersion"], json.loads(shown["Policy"])), (first, json.loads(policy())))
        second = KAFKA.put_cluster_policy(ClusterArn=self.arn, Policy=policy(Effect="Deny"), CurrentVersion=first)
        self.assertNotEqual(second["CurrentVersion"], first)
        put = KAFKA.put_cluster_policy
        refused("BadRequestException", put, "currentVersion", ClusterArn=self.arn, Policy=policy(), CurrentVersion=first)
        refused("BadRequestException", put, "policy", ClusterArn=self.arn, Policy="{")
        refused("BadRequestException", put, "policy", ClusterArn=self.arn, Policy=policy(Effect="Perhaps"))
        refused("BadRequestException", put, "policy", ClusterArn=self.arn)
        KAFKA.delete_cluster_policy(ClusterArn=self.arn)
        refused("NotFoundException", KAFKA.delete_cluster_policy, ClusterArn=self.arn)

    def test_users_come_from_secrets(self):
        arns = []
        for number in range(12):
            value = json.dumps({"username": f"user-{number}", "password": "planted-api"})
            arns.append(SECRETS.create_secret(Name=f"AmazonMSK_api_{number}", SecretString=value)["ARN"])
        associate = KAFKA.batch_associate_scram_secret
        refused("BadRequestException", associate, "secretArnList", ClusterArn=self.arn, SecretArnList=arns)
        for part in (arns[:10], arns[10:]):
            self.assertEqual(associate(ClusterArn=self.arn, SecretArnList=part)["UnprocessedScramSecrets"], [])
        self.assertEqual(pages("list_scram_secrets", "SecretArnList", ClusterArn=self.arn), arns)
        missing = arns[0][:-6] + "zzzzzz"
        left = associate(ClusterArn=self.arn, SecretArnList=[missing])["UnprocessedScramSecrets"]
        self.assertEqual([(it["SecretArn"], it["ErrorCode"]) for it in left], [(missing, "NotFound")])
        # Rule 20: what is used cannot be deleted, and can once it is not.
        refused("InvalidRequestException", SECRETS.delete_secret, SecretId=arns[0], ForceDeleteWithoutRecovery=True)
        for part in (arns[:10], arns[10:]):
            answer = KAFKA.batch_disassociate_scram_secret(ClusterArn=self.arn, SecretArnList=part)
            self.assertEqual(answer["UnprocessedScramSecrets"], [])
        self.assertEqual(pages("list_scram_secrets", "SecretArnList", ClusterArn=self.arn), [])
        for arn in arns:
            SECRETS.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


if __name__ == "__main__":
    unittest.main()
