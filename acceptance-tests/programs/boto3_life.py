"""The life of a cluster with an unmodified boto3, against a real runtime.

usage: boto3_life.py ENDPOINT CREDENTIALS_FILE
"""

import base64
import json
import os
import sys
import time

ENDPOINT, CREDENTIALS = sys.argv[1:]
os.environ["AWS_SHARED_CREDENTIALS_FILE"] = CREDENTIALS
os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
    os.environ.pop(name, None)

import boto3  # noqa: E402  (reads the environment when it is imported)
from botocore.config import Config  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

ONCE = Config(retries={"max_attempts": 1})
KAFKA = boto3.client("kafka", endpoint_url=ENDPOINT, config=ONCE)
SECRETS = boto3.client("secretsmanager", endpoint_url=ENDPOINT, config=ONCE)
STS = boto3.client("sts", endpoint_url=ENDPOINT, config=ONCE)


def wait(what, condition, limit_s=60):
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    sys.exit(f"waited in vain for {what}")


def refused(error_code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == error_code, error
        return error.response["Error"]["Message"]
    raise AssertionError(f"{error_code} was expected")


def state(arn):
    return KAFKA.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"]["State"]


def finish(operation_arn):
    def done():
        info = KAFKA.describe_cluster_operation(ClusterOperationArn=operation_arn)["ClusterOperationInfo"]
        kind = "REBOOT" if info["OperationType"] == "REBOOT_NODE" else "UPDATE"
        assert info["OperationState"] in ("PENDING", f"{kind}_IN_PROGRESS", f"{kind}_COMPLETE"), info
        return info["OperationState"] == f"{kind}_COMPLETE"

    wait(operation_arn, done)


def brokers(count):
    nodes = KAFKA.list_nodes(ClusterArn=arn)["NodeInfoList"]
    assert len([it for it in nodes if it["NodeType"] == "BROKER"]) == count, nodes


assert STS.get_caller_identity()["Account"] == "000000000000"
assert KAFKA.list_kafka_versions()["KafkaVersions"]

properties = b"num.partitions=3\nmin.insync.replicas=2\n"
created = KAFKA.create_configuration(Name="life", ServerProperties=properties, KafkaVersions=[])
configuration, revision = created["Arn"], created["LatestRevision"]["Revision"]
assert revision == 1
text = KAFKA.describe_configuration_revision(Arn=configuration, Revision=1)["ServerProperties"]
assert text == properties, text
refused("BadRequestException", KAFKA.create_configuration, Name="bad", ServerProperties=b"num.partition=3\n")

answer = KAFKA.create_cluster(
    ClusterName="life",
    KafkaVersion=KAFKA.list_kafka_versions()["KafkaVersions"][-1]["Version"],
    NumberOfBrokerNodes=3,
    BrokerNodeGroupInfo={"InstanceType": "kafka.m7g.large", "ClientSubnets": ["subnet-a", "subnet-b", "subnet-c"]},
    ConfigurationInfo={"Arn": configuration, "Revision": revision},
    ClientAuthentication={"Sasl": {"Scram": {"Enabled": True}}},
)
arn = answer["ClusterArn"]
assert answer["State"] == "CREATING" and arn.count("/") == 2, answer
refused(
    "ConflictException",
    KAFKA.create_cluster,
    ClusterName="life",
    KafkaVersion="4.1.x.kraft",
    NumberOfBrokerNodes=3,
    BrokerNodeGroupInfo={"InstanceType": "kafka.m7g.large", "ClientSubnets": ["subnet-a"]},
)
wait("ACTIVE", lambda: state(arn) == "ACTIVE")
info = KAFKA.describe_cluster(ClusterArn=arn)["ClusterInfo"]
assert info["CurrentBrokerSoftwareInfo"]["ConfigurationArn"] == configuration, info
assert [it["ClusterArn"] for it in KAFKA.list_clusters()["ClusterInfoList"]] == [arn]
bootstrap = KAFKA.get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerStringSaslScram"]
assert bootstrap.count(":9096") == 3, bootstrap
brokers(3)

secret = SECRETS.create_secret(
    Name="AmazonMSK_life_app", SecretString=json.dumps({"username": "app", "password": "planted-life"})
)["ARN"]
left = KAFKA.batch_associate_scram_secret(ClusterArn=arn, SecretArnList=[secret])["UnprocessedScramSecrets"]
assert left == [], left
assert KAFKA.list_scram_secrets(ClusterArn=arn)["SecretArnList"] == [secret]

configs = base64.b64encode(json.dumps({"retention.ms": "60000"}).encode()).decode()
KAFKA.create_topic(ClusterArn=arn, TopicName="orders", PartitionCount=3, ReplicationFactor=3, Configs=configs)
topic = KAFKA.describe_topic(ClusterArn=arn, TopicName="orders")
assert (topic["PartitionCount"], topic["ReplicationFactor"], topic["Status"]) == (3, 3, "ACTIVE"), topic
refused(
    "TopicExistsException", KAFKA.create_topic, ClusterArn=arn, TopicName="orders", PartitionCount=1, ReplicationFactor=1
)
KAFKA.update_topic(ClusterArn=arn, TopicName="orders", PartitionCount=4)
partitions = KAFKA.describe_topic_partitions(ClusterArn=arn, TopicName="orders")["Partitions"]
assert len(partitions) == 4 and all(len(it["Isr"]) == 3 for it in partitions), partitions
assert "orders" in [it["TopicName"] for it in KAFKA.list_topics(ClusterArn=arn)["Topics"]]

version = KAFKA.describe_cluster(ClusterArn=arn)["ClusterInfo"]["CurrentVersion"]
refused(
    "BadRequestException", KAFKA.update_broker_count, ClusterArn=arn, CurrentVersion="K0", TargetNumberOfBrokerNodes=4
)
finish(
    KAFKA.update_broker_count(ClusterArn=arn, CurrentVersion=version, TargetNumberOfBrokerNodes=4)[
        "ClusterOperationArn"
    ]
)
brokers(4)
newer = KAFKA.describe_cluster(ClusterArn=arn)["ClusterInfo"]["CurrentVersion"]
assert newer != version

for wrong in ([], ["1", "2"], ["5"], ["one"]):
    refused("BadRequestException", KAFKA.reboot_broker, ClusterArn=arn, BrokerIds=wrong)
begun = KAFKA.reboot_broker(ClusterArn=arn, BrokerIds=["2"])
assert begun["ClusterArn"] == arn, begun
assert state(arn) in ("REBOOTING_BROKER", "ACTIVE"), state(arn)
finish(begun["ClusterOperationArn"])
assert state(arn) == "ACTIVE"
partitions = KAFKA.describe_topic_partitions(ClusterArn=arn, TopicName="orders")["Partitions"]
assert all(len(it["Isr"]) == 3 for it in partitions), partitions

KAFKA.update_configuration(Arn=configuration, ServerProperties=b"num.partitions=5\nmin.insync.replicas=2\n")
finish(
    KAFKA.update_cluster_configuration(
        ClusterArn=arn, ConfigurationInfo={"Arn": configuration, "Revision": 2}, CurrentVersion=newer
    )["ClusterOperationArn"]
)
operations = KAFKA.list_cluster_operations(ClusterArn=arn)["ClusterOperationInfoList"]
assert len(operations) >= 2, operations

KAFKA.delete_topic(ClusterArn=arn, TopicName="orders")
refused("NotFoundException", KAFKA.describe_topic, ClusterArn=arn, TopicName="orders")
assert KAFKA.batch_disassociate_scram_secret(ClusterArn=arn, SecretArnList=[secret])["UnprocessedScramSecrets"] == []
KAFKA.delete_cluster(ClusterArn=arn)


def gone():
    try:
        state(arn)
    except KAFKA.exceptions.NotFoundException:
        return True


wait("the cluster to be gone", gone)
KAFKA.delete_configuration(Arn=configuration)
assert "Configuration ARN does not exist" in refused(
    "BadRequestException", KAFKA.describe_configuration, Arn=configuration
)
SECRETS.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
print("ok")
