"""Changes things outside Terraform, with an unmodified boto3.

usage: outside.py ENDPOINT CREDENTIALS_FILE ACTION ARGUMENTS…
"""

import base64
import json
import os
import sys
import time
import urllib.parse
import urllib.request

ENDPOINT, CREDENTIALS, ACTION, *ARGUMENTS = sys.argv[1:]
os.environ["AWS_SHARED_CREDENTIALS_FILE"] = CREDENTIALS
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
    os.environ.pop(name, None)

import boto3  # noqa: E402  (reads the environment when it is imported)
from botocore.auth import SigV4Auth  # noqa: E402
from botocore.awsrequest import AWSRequest  # noqa: E402

KAFKA = boto3.client("kafka", endpoint_url=ENDPOINT)
SECRETS = boto3.client("secretsmanager", endpoint_url=ENDPOINT)


def cluster_arn(name):
    return KAFKA.list_clusters_v2(ClusterNameFilter=name)["ClusterInfoList"][0]["ClusterArn"]


def set_topic_config(cluster, topic, name, value):
    configs = base64.b64encode(json.dumps({name: value}).encode()).decode()
    KAFKA.update_topic(ClusterArn=cluster_arn(cluster), TopicName=topic, Configs=configs)


def delete_topic(cluster, topic):
    KAFKA.delete_topic(ClusterArn=cluster_arn(cluster), TopicName=topic)


def delete_cluster(cluster):
    arn = cluster_arn(cluster)
    KAFKA.delete_cluster(ClusterArn=arn)
    for _ in range(3000):
        try:
            KAFKA.describe_cluster_v2(ClusterArn=arn)
        except KAFKA.exceptions.NotFoundException:
            return
    sys.exit("the cluster is still there")


def change(cluster, call, **arguments):
    """A change of a cluster, waited for."""
    arn = cluster_arn(cluster)
    version = KAFKA.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"]["CurrentVersion"]
    call(ClusterArn=arn, CurrentVersion=version, **arguments)
    while KAFKA.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"]["State"] == "UPDATING":
        time.sleep(0.02)


def pause_rebalancing(cluster):
    change(cluster, KAFKA.update_rebalancing, Rebalancing={"Status": "PAUSED"})


def stop_monitoring(cluster):
    off = {"EnabledInBroker": False}
    change(
        cluster,
        KAFKA.update_monitoring,
        OpenMonitoring={"Prometheus": {"JmxExporter": off, "NodeExporter": off}},
        LoggingInfo={"BrokerLogs": {"S3": {"Enabled": False}}},
    )


def extension(method, cluster, path, body=b""):
    """A call of a path of ours: boto3 signs, but has no call for it."""
    url = f"{ENDPOINT}/openmsk/v1/clusters/{urllib.parse.quote(cluster_arn(cluster), safe='')}/{path}"
    request = AWSRequest(method=method, url=url, data=body)
    SigV4Auth(boto3.Session().get_credentials(), "kafka", "us-east-1").add_auth(request)
    signed = urllib.request.Request(url, body or None, dict(request.headers.items()), method=method)
    with urllib.request.urlopen(signed, timeout=10) as answer:
        return answer.read()


def delete_acls(cluster):
    """All of them."""
    extension("POST", cluster, "acls/delete", extension("GET", cluster, "acls"))


def quotas(cluster):
    print(json.dumps(json.loads(extension("GET", cluster, "quotas"))))


def put_quota(cluster, user, producer_byte_rate=None):
    """Without a rate, takes the quota away."""
    quota = {"user": user}
    if producer_byte_rate:
        quota["producerByteRate"] = float(producer_byte_rate)
    extension("PUT", cluster, "quotas", json.dumps({"quotas": [quota]}).encode())


def get_policy(cluster):
    try:
        print(KAFKA.get_cluster_policy(ClusterArn=cluster_arn(cluster))["Policy"])
    except KAFKA.exceptions.NotFoundException:
        print("no policy")


def put_policy(cluster, account):
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": account},
        "Action": "kafka:DescribeCluster",
        "Resource": "*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    KAFKA.put_cluster_policy(ClusterArn=cluster_arn(cluster), Policy=json.dumps(policy))


def put_secret(name, username, password):
    SECRETS.put_secret_value(SecretId=name, SecretString=json.dumps({"username": username, "password": password}))


def create_secret(name, username, password):
    value = json.dumps({"username": username, "password": password})
    print(SECRETS.create_secret(Name=name, SecretString=value)["ARN"])


def get_secret(name):
    print(SECRETS.get_secret_value(SecretId=name)["SecretString"])


def associate(cluster, secret):
    answer = KAFKA.batch_associate_scram_secret(ClusterArn=cluster_arn(cluster), SecretArnList=[secret])
    assert not answer["UnprocessedScramSecrets"], answer


def disassociate(cluster, secret):
    answer = KAFKA.batch_disassociate_scram_secret(ClusterArn=cluster_arn(cluster), SecretArnList=[secret])
    assert not answer["UnprocessedScramSecrets"], answer


def users(cluster):
    secrets = KAFKA.list_scram_secrets(ClusterArn=cluster_arn(cluster))["SecretArnList"]
    # AmazonMSK_NAME-six characters
    print(*sorted(secret.rsplit("_", 1)[1].rsplit("-", 1)[0] for secret in secrets))


def create_plaintext_cluster(name, brokers, key=None):
    start = time.monotonic()
    encryption = {"EncryptionInTransit": {"ClientBroker": "TLS_PLAINTEXT"}}
    if key:
        encryption["EncryptionAtRest"] = {"DataVolumeKMSKeyId": key}
    arn = KAFKA.create_cluster(
        ClusterName=name,
        KafkaVersion="4.1.x.kraft",
        NumberOfBrokerNodes=int(brokers),
        BrokerNodeGroupInfo={"InstanceType": "kafka.m7g.large", "ClientSubnets": ["a", "b", "c"]},
        EncryptionInfo=encryption,
    )["ClusterArn"]
    while (state := KAFKA.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"]["State"]) == "CREATING":
        time.sleep(0.002)
    active_after_s = time.monotonic() - start
    if state != "ACTIVE":
        sys.exit(f"the cluster is {state}")
    bootstrap = KAFKA.get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerString"]
    print(json.dumps({"arn": arn, "bootstrap": bootstrap, "active_after_s": active_after_s}))


def create_watched_cluster(name):
    on = {"Prometheus": {"JmxExporter": {"EnabledInBroker": True}, "NodeExporter": {"EnabledInBroker": True}}}
    arn = KAFKA.create_cluster(
        ClusterName=name,
        KafkaVersion="4.2.x.kraft",
        NumberOfBrokerNodes=1,
        BrokerNodeGroupInfo={"InstanceType": "kafka.m7g.large", "ClientSubnets": ["a"]},
        EncryptionInfo={"EncryptionInTransit": {"ClientBroker": "TLS_PLAINTEXT"}},
        OpenMonitoring=on,
    )["ClusterArn"]
    while KAFKA.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"]["State"] == "CREATING":
        time.sleep(0.02)
    bootstrap = KAFKA.get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerString"]
    print(json.dumps({"bootstrap": bootstrap, "host": bootstrap.split(":")[0]}))


def list_clusters():
    print(json.dumps([it["ClusterName"] for it in KAFKA.list_clusters_v2()["ClusterInfoList"]]))


globals()[ACTION](*ARGUMENTS)
