"""Who may call: signatures, access keys, accounts and regions, identity and cluster policies, and the audit log."""

import datetime
import hashlib
import json
import tempfile
import unittest
import urllib.parse
import urllib.request

from botocore.auth import SigV4QueryAuth
from botocore.exceptions import ClientError
from monitored import overview
from signed import send
from support import (
    ENDPOINT,
    KAFKA,
    client,
    delete_cluster,
    finish,
    make_cluster,
    make_key,
    policy_file,
    refused,
    root_key,
    runtime,
    shown,
    state,
    wait,
)

FOLDER = tempfile.mkdtemp()


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def of(principal, *statements, account=None):
    """Clients of a principal with a policy: kafka, secretsmanager."""
    arguments = ["--principal", principal, "--policy", policy_file(FOLDER, *statements)]
    key = make_key(*arguments, *(["--account", account] if account else []))
    return client("kafka", key=key), client("secretsmanager", key=key)


class Policies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.arn = make_cluster("access", Tags={"team": "blue"})
        cls.other = make_cluster("access-other", Tags={"team": "green"})

    @classmethod
    def tearDownClass(cls):
        delete_cluster(cls.arn)
        delete_cluster(cls.other)

    def forbidden(self, call, **arguments):
        return refused("ForbiddenException", call, **arguments)

    def test_nothing_is_allowed_that_is_not_said(self):
        kafka, secrets = of("nobody", allow("kafka:ListKafkaVersions"))
        self.assertTrue(kafka.list_kafka_versions()["KafkaVersions"])
        message = self.forbidden(kafka.list_clusters)
        self.assertIn("arn:aws:iam::000000000000:user/nobody may not kafka:ListClusters", message)
        self.forbidden(kafka.describe_cluster, ClusterArn=self.arn)
        self.forbidden(secrets.list_secrets)

    def test_actions_resources_and_explicit_denials(self):
        kafka, _ = of(
            "reader",
            allow("kafka:*", "arn:aws:kafka:*:*:cluster/access/*"),
            {"Effect": "Deny", "Action": ["kafka:Delete*", "kafka:Reboot*"], "Resource": "*"},
        )
        self.assertEqual(state(self.arn, kafka), "ACTIVE")
        self.forbidden(kafka.describe_cluster, ClusterArn=self.other)
        for call in (kafka.delete_cluster, kafka.delete_cluster_policy):
            self.assertIn("explicit deny", self.forbidden(call, ClusterArn=self.arn))
        self.forbidden(kafka.reboot_broker, ClusterArn=self.arn, BrokerIds=["1"])
        self.forbidden(kafka.list_configurations)
        self.assertEqual(state(self.arn), "ACTIVE")

    def test_conditions_on_tags(self):
        blue = {"StringEquals": {"aws:ResourceTag/team": "blue"}}
        tagged = {"StringLike": {"aws:RequestTag/team": "b*"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
        kafka, _ = of(
            "tags",
            allow("kafka:DescribeCluster*", Condition=blue),
            allow(["kafka:TagResource"], Condition=tagged),
        )
        self.assertEqual(state(self.arn, kafka), "ACTIVE")
        self.forbidden(kafka.describe_cluster_v2, ClusterArn=self.other)
        kafka.tag_resource(ResourceArn=self.arn, Tags={"team": "blue"})
        self.forbidden(kafka.tag_resource, ResourceArn=self.arn, Tags={"team": "red"})
        self.forbidden(kafka.tag_resource, ResourceArn=self.arn, Tags={"team": "blue", "more": "x"})

    def test_creation_is_allowed_by_name(self):
        kafka, _ = of("maker", allow("kafka:CreateCluster", "arn:aws:kafka:*:*:cluster/made-*/*"))
        self.forbidden(kafka.create_cluster, ClusterName="other", KafkaVersion="4.2.x.kraft", NumberOfBrokerNodes=1)
        made = kafka.create_cluster(ClusterName="made-here", KafkaVersion="4.2.x.kraft", NumberOfBrokerNodes=1)
        wait("ACTIVE", lambda: state(made["ClusterArn"]) == "ACTIVE")
        delete_cluster(made["ClusterArn"])

    def test_secrets_are_allowed_by_name(self):
        _, secrets = of("secrets", allow("secretsmanager:*", "arn:aws:secretsmanager:*:*:secret:AmazonMSK_mine-*"))
        made = secrets.create_secret(Name="AmazonMSK_mine", SecretString="x")
        self.assertEqual(secrets.get_secret_value(SecretId="AmazonMSK_mine")["SecretString"], "x")
        self.forbidden(secrets.create_secret, Name="AmazonMSK_other", SecretString="x")
        secrets.delete_secret(SecretId=made["ARN"], ForceDeleteWithoutRecovery=True)

    def test_every_action_is_denied_to_those_without_a_policy(self):
        key = make_key("--principal", "without")
        kafka = client("kafka", key=key)
        model = kafka.meta.service_model
        paths = {name: "x" for name in ("ReplicatorArn", "ChannelArn", "TopicName", "Arn", "Revision")}
        paths |= {"ClusterArn": self.arn, "ResourceArn": self.arn, "ClusterOperationArn": self.arn}
        for name in model.operation_names:
            members = model.operation_model(name).input_shape.members
            wanted = {member: paths[member] for member in members if members[member].serialization.get("location") == "uri"}
            with self.subTest(name):
                self.forbidden(lambda **them: kafka._make_api_call(name, them), **wanted)

    def test_every_action_is_allowed_to_those_with_a_policy_for_it(self):
        """Whatever else is wrong with the request, it is not that the caller may not."""
        model = KAFKA.meta.service_model
        for name in model.operation_names:
            kafka, _ = of(f"only-{name.lower()}", allow(f"kafka:{name}"))
            members = model.operation_model(name).input_shape.members
            wanted = {member: "x" for member in members if members[member].serialization.get("location") == "uri"}
            with self.subTest(name):
                try:
                    kafka._make_api_call(name, wanted)
                except ClientError as error:
                    self.assertIn(error.response["Error"]["Code"], ("BadRequestException", "NotFoundException"))
            other = "ListKafkaVersions" if name != "ListKafkaVersions" else "ListClusters"
            self.forbidden(lambda: kafka._make_api_call(other, {}))

    def test_access_control_lists_are_changed_by_whoever_may(self):
        path = f"/openmsk/v1/clusters/{urllib.parse.quote(self.arn, safe='')}/acls"
        one = {
            "resourceType": "TOPIC",
            "resourceName": "orders",
            "patternType": "PREFIXED",
            "principal": "User:app",
            "host": "*",
            "operation": "READ",
            "permission": "ALLOW",
        }

        def post(acls, path=path, **more):
            return send("POST", path, json.dumps({"acls": acls}).encode(), **more)

        for _ in range(2):
            self.assertEqual(post([one])[0], 204)
        self.assertEqual(send("GET", path)[1], {"acls": [one]})
        for wrong, said in (
            ([], "1 to 1000"),
            ([one] * 1001, "1 to 1000"),
            ([{**one, "operation": "LOOK"}], "LOOK"),
            ([{**one, "principal": "app"}], "principal"),
            ([{**one, "resourceType": "CLUSTER"}], "kafka-cluster"),
            ([{**one, "more": 1}], "more"),
        ):
            with self.subTest(said):
                status, body, _ = post(wrong)
                self.assertEqual(status, 400, body)
                self.assertIn(said, str(body))
        reader = make_key("--principal", "acl-reader", "--policy", policy_file(FOLDER, allow("openmsk:ListAcls", self.arn)))
        self.assertEqual(send("GET", path, key=reader)[1], {"acls": [one]})
        for change in (path, f"{path}/delete"):
            self.assertEqual(post([one], change, key=reader)[0], 403)
        for _ in range(2):
            self.assertEqual(post([one], f"{path}/delete")[0], 204)
        self.assertEqual(send("GET", path)[1], {"acls": []})
        nowhere = f"/openmsk/v1/clusters/{urllib.parse.quote(self.arn.replace('/access/', '/gone/'), safe='')}/acls"
        self.assertEqual(send("GET", nowhere)[0], 404)

    def test_quotas_are_changed_by_whoever_may(self):
        path = f"/openmsk/v1/clusters/{urllib.parse.quote(self.arn, safe='')}/quotas"
        one = {"user": "app", "producerByteRate": 1000.0, "requestPercentage": 12.5}
        other = {"clientId": "<default>", "consumerByteRate": 5.0, "controllerMutationRate": 2.5}
        address = {"ip": "192.0.2.7", "connectionCreationRate": 20.0}

        def put(quotas, path=path, **more):
            return send("PUT", path, json.dumps({"quotas": quotas}).encode(), **more)

        for _ in range(2):
            self.assertEqual(put([one, other])[0], 204)
        self.assertEqual(send("GET", path)[1], {"quotas": [other, one]})
        for wrong, said in (
            ([], "1 to 1000"),
            ([one] * 1001, "1 to 1000"),
            ([{"producerByteRate": 1.0}], "empty client quota entity"),
            ([{**one, "user": ""}], "<default>"),
            ([{**one, "producerByteRate": 0}], "producer_byte_rate"),
            ([{**one, "producerByteRate": 1.5}], "fractional value"),
            ([{**one, "more": 1}], "more"),
            ([{**one, "connectionCreationRate": 5.0}], "only an address"),
            ([{**address, "producerByteRate": 5.0}], "connectionCreationRate only"),
            ([{**address, "user": "app"}], "no user"),
            ([{**address, "ip": "localhost"}], "an IP address"),
        ):
            with self.subTest(said):
                status, body, _ = put([{**other, "consumerByteRate": 7.0}, *wrong] if len(wrong) == 1 else wrong)
                self.assertEqual(status, 400, body)
                self.assertIn(said, str(body))
        self.assertEqual(send("GET", path)[1], {"quotas": [other, one]}, "all of them or none")
        reader = make_key(
            "--principal", "quota-reader", "--policy", policy_file(FOLDER, allow("openmsk:ListQuotas", self.arn))
        )
        self.assertEqual(send("GET", path, key=reader)[1], {"quotas": [other, one]})
        self.assertEqual(put([one], key=reader)[0], 403)
        self.assertEqual(put([address])[0], 204)
        self.assertIn(address, send("GET", path)[1]["quotas"])
        for _ in range(2):
            self.assertEqual(put([{"user": "app"}, {"clientId": "<default>"}, {"ip": "192.0.2.7"}])[0], 204)
        self.assertEqual(send("GET", path)[1], {"quotas": []})

    def test_clusters_are_evened_out_by_whoever_may(self):
        path = f"/openmsk/v1/clusters/{urllib.parse.quote(self.arn, safe='')}"
        asked = (
            ("POST", f"{path}/rebalance", "openmsk:Rebalance", {"movingPartitions": 0}),
            (
                "POST",
                f"{path}/leader-elections",
                "openmsk:ElectLeaders",
                {"electedPartitions": 0, "notPossiblePartitions": 0},
            ),
            ("GET", f"{path}/topics", "openmsk:DescribeTopics", {"topics": [], "complete": True, "repeatable": []}),
        )
        nobody = make_key("--principal", "evener", "--policy", policy_file(FOLDER, allow("openmsk:ListAcls", self.arn)))
        for method, path, action, answer in asked:
            with self.subTest(action):
                self.assertEqual(send(method, path)[:2], (200, answer))
                self.assertEqual(send(method, path, key=nobody)[0], 403)
                key = make_key("--principal", action[8:], "--policy", policy_file(FOLDER, allow(action, self.arn)))
                self.assertEqual(send(method, path, key=key)[0], 200)
                self.assertEqual(send(method, path.replace("access", "gone"))[0], 404)
        self.assertEqual(send("GET", f"{asked[2][1]}?limit=many")[0], 400)

    def test_many_topics_are_validated_at_once_by_whoever_may(self):
        cluster = urllib.parse.quote(self.arn, safe="")
        KAFKA.create_topic(ClusterArn=self.arn, TopicName="validated", PartitionCount=1, ReplicationFactor=1)
        self.addCleanup(KAFKA.delete_topic, ClusterArn=self.arn, TopicName="validated")

        def validate(*topics, **more):
            body = {
                "topics": [
                    {"topicName": name, "partitionCount": partitions, "replicationFactor": 1, "idempotencyToken": f"token-{name}"}
                    for name, partitions in topics
                ]
            }
            path = f"/openmsk/v1/clusters/{more.pop('cluster', cluster)}/topics/validate"
            return send("POST", path, json.dumps(body).encode(), **more)[:2]

        many = [(f"validated-{number}", 1) for number in range(25)]
        refused = {"refusedTopics": ["not a name", "validated", "without-partitions"]}
        asked = [*many[:12], ("validated", 1), ("not a name", 1), ("without-partitions", 0), *many[12:]]
        self.assertEqual(validate(*asked), (200, refused))
        self.assertEqual([it["TopicName"] for it in KAFKA.list_topics(ClusterArn=self.arn)["Topics"]], ["validated"])
        reader = make_key("--principal", "validator", "--policy", policy_file(FOLDER, allow("openmsk:ListAcls", self.arn)))
        self.assertEqual(validate(*many, key=reader)[0], 403)
        allowed = make_key("--principal", "validator2", "--policy", policy_file(FOLDER, allow("openmsk:ValidateTopics", self.arn)))
        self.assertEqual(validate(*many, key=allowed), (200, {"refusedTopics": []}))
        self.assertEqual(validate(*many, cluster=cluster.replace("access", "gone"))[0], 404)

    def test_replicas_of_a_topic_are_changed_by_whoever_may(self):
        cluster = urllib.parse.quote(self.arn, safe="")
        path = f"/openmsk/v1/clusters/{cluster}/topics/replicated/replication-factor"
        KAFKA.create_topic(ClusterArn=self.arn, TopicName="replicated", PartitionCount=2, ReplicationFactor=1)
        self.addCleanup(KAFKA.delete_topic, ClusterArn=self.arn, TopicName="replicated")

        def put(factor, **more):
            return send("PUT", more.pop("path", path), json.dumps({"replicationFactor": factor}).encode(), **more)

        self.assertEqual(put(1)[:2], (200, {"partitionCount": 2, "remainingPartitions": 0}))
        only = {"x-openmsk-validate-only": "true"}
        self.assertEqual(put(1, headers=only)[0], 200)
        for headers in ({}, only):
            status, body, _ = put(9, headers=headers)
            self.assertEqual(status, 400, body)
            self.assertIn("each replica needs a broker of its own", str(body))
        for wrong in (0, -1, 40000):
            status, body, _ = put(wrong)
            self.assertEqual((status, body["invalidParameter"]), (400, "replicationFactor"), body)
        self.assertEqual(put(1, path=path.replace("replicated", "missing"))[0], 404)
        self.assertEqual(put(1, path=path.replace("access", "gone"))[0], 404)
        reader = make_key("--principal", "keeper", "--policy", policy_file(FOLDER, allow("openmsk:ListAcls", self.arn)))
        self.assertEqual(put(1, key=reader)[0], 403)
        writer = policy_file(FOLDER, allow("openmsk:UpdateReplicationFactor", self.arn))
        self.assertEqual(put(1, key=make_key("--principal", "copier", "--policy", writer))[0], 200)

    def test_room_on_the_disk_is_told_to_whoever_may_know(self):
        status, room, _ = send("GET", "/openmsk/v1/storage")
        self.assertEqual(status, 200, room)
        self.assertLess(0, room["freeBytesMin"])
        self.assertLessEqual(room["freeBytes"], room["totalBytes"])
        nobody = make_key("--principal", "measurer", "--policy", policy_file(FOLDER, allow("openmsk:ListAcls", "*")))
        self.assertEqual(send("GET", "/openmsk/v1/storage", key=nobody)[0], 403)

    def test_certificates_are_rotated_by_whoever_may(self):
        path = f"/openmsk/v1/clusters/{urllib.parse.quote(self.arn, safe='')}/certificate-rotations"
        key = make_key("--principal", "no-rotator", "--policy", policy_file(FOLDER, allow("openmsk:Rebalance", self.arn)))
        self.assertEqual(send("POST", path, key=key)[0], 403)
        allowed = policy_file(FOLDER, allow("openmsk:RotateCertificates", self.arn))
        key = make_key("--principal", "rotator", "--policy", allowed)
        self.assertEqual(send("POST", path.replace("access", "gone"))[0], 404)

        before = shown(self.arn)
        status, begun, _ = send("POST", path, key=key)
        self.assertEqual((status, begun["clusterArn"]), (200, self.arn))
        operation = finish({"ClusterOperationArn": begun["clusterOperationArn"]})
        self.assertEqual(operation["OperationType"], "ROTATE_CERTIFICATES")
        steps = [(it["StepName"], it["StepInfo"]["StepStatus"]) for it in operation["OperationSteps"]]
        self.assertEqual(steps, [("RENEW_CERTIFICATES", "COMPLETED")])
        self.assertNotEqual(shown(self.arn), before)
        for metric in ("broker_certificate", "cluster_certificate_authority"):
            key = f"openmsk_{metric}_expiration_timestamp_seconds"
            wait(key, lambda key=key: any(name == key and ("cluster", "access") in labels for name, *labels in overview()))
        (ours,) = (it for it in send("GET", "/openmsk/v1/status")[1]["clusters"] if it["arn"] == self.arn)
        (broker,) = ours["brokers"]
        self.assertEqual(broker["certificateDaysLeft"], 364)
        self.assertIn(broker["certificateExpiresAt"].split("T")[0], runtime("status"))
        self.assertIn("good for 364 days and more", runtime("doctor"))
        self.assertIn("user/rotator", runtime("audit", "--action", "RotateCertificates"))
        self.assertIn("broker 1 shows a certificate", runtime("rotate-certificates", "access"))

    def test_another_engine_is_asked_for_by_whoever_may(self):
        path = f"/openmsk/v1/clusters/{urllib.parse.quote(self.arn, safe='')}/engine"
        only = {"x-openmsk-validate-only": "true"}

        def put(engine, path=path, **more):
            return send("PUT", path, json.dumps({"currentVersion": "K0", "engine": engine}).encode(), **more)

        key = make_key("--principal", "no-mover", "--policy", policy_file(FOLDER, allow("openmsk:Rebalance", self.arn)))
        self.assertEqual(put("apache-kafka", key=key)[0], 403)
        key = make_key("--principal", "mover", "--policy", policy_file(FOLDER, allow("openmsk:UpdateEngine", self.arn)))
        self.assertEqual(put("apache-kafka", path=path.replace("access", "gone"))[0], 404)
        self.assertEqual(put("apache-kafka", key=key, headers=only)[0], 204)
        for engine, words in (("steam", "there is no engine"), ("embedded", "runs the cluster already")):
            status, body, _ = put(engine, key=key, headers=only)
            self.assertEqual(status, 400, body)
            self.assertIn(words, body["message"])
        status, body, _ = put("apache-kafka", key=key)
        self.assertEqual(status, 400, body)
        self.assertIn("somebody changed it since", body["message"])

    def test_a_topic_is_repeatable_until_its_token_is_given_up(self):
        cluster = urllib.parse.quote(self.arn, safe="")
        topic = {"topicName": "repeated", "partitionCount": 1, "replicationFactor": 1}
        headers = {"x-openmsk-idempotency-token": "token-of-repeated"}

        def repeatable():
            return send("GET", f"/openmsk/v1/clusters/{cluster}/topics")[1]["repeatable"]

        for _ in range(2):
            made = send("POST", f"/v1/clusters/{cluster}/topics", json.dumps(topic).encode(), headers=headers)
            self.assertEqual(made[0], 200, made[1])
            self.assertEqual(repeatable(), ["repeated"])
        for _ in range(2):
            self.assertEqual(send("DELETE", "/openmsk/v1/idempotency-tokens/token-of-repeated")[0], 204)
            self.assertEqual(repeatable(), [])
        made = send("POST", f"/v1/clusters/{cluster}/topics", json.dumps(topic).encode(), headers=headers)
        self.assertEqual(made[0], 409, made[1])
        KAFKA.delete_topic(ClusterArn=self.arn, TopicName="repeated")

    def test_what_is_validated_only_is_not_made(self):
        only = {"x-openmsk-validate-only": "true"}
        topics = f"/v1/clusters/{urllib.parse.quote(self.arn, safe='')}/topics"
        requests = (
            ("/v1/clusters", {"clusterName": "validated", "numberOfBrokerNodes": 1}, {"clusterName": "access"}, 409),
            ("/v1/clusters", {"clusterName": "validated", "numberOfBrokerNodes": 1}, {"kafkaVersion": "1.0"}, 400),
            ("/v1/configurations", {"name": "validated", "serverProperties": ""}, {"kafkaVersions": ["1.0"]}, 400),
            (topics, {"topicName": "validated", "partitionCount": 1, "replicationFactor": 1}, {"replicationFactor": 9}, 400),
        )
        for path, right, wrong, status in requests:
            with self.subTest(wrong):
                for _ in range(2):
                    answer = send("POST", path, json.dumps(right).encode(), headers=only)
                    self.assertEqual(answer[0], 200, answer[1])
                answer = send("POST", path, json.dumps({**right, **wrong}).encode(), headers=only)
                self.assertEqual(answer[0], status, answer[1])
        self.assertNotIn("validated", str(KAFKA.list_clusters_v2()) + str(KAFKA.list_configurations()))
        self.assertEqual(KAFKA.list_topics(ClusterArn=self.arn)["Topics"], [])
        # What cannot be tried is not done either.
        status, body, _ = send("DELETE", f"/v1/clusters/{urllib.parse.quote(self.arn, safe='')}", headers=only)
        self.assertEqual((status, body["invalidParameter"]), (400, "x-openmsk-validate-only"))
        self.assertEqual(KAFKA.describe_cluster(ClusterArn=self.arn)["ClusterInfo"]["State"], "ACTIVE")

    def test_policies_that_are_not_understood_are_refused(self):
        for statement in ({"Effect": "Allow"}, allow("kafka:*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})):
            path = policy_file(FOLDER, statement)
            said = runtime("keys", "create", "--principal", "wrong", "--policy", path, ok=False)
            self.assertIn("the policy cannot be used", said)

    def test_accounts_are_worlds_of_their_own(self):
        key = make_key("--account", "111122223333")
        kafka, secrets = client("kafka", key=key), client("secretsmanager", key=key)
        self.assertEqual(client("sts", key=key).get_caller_identity()["Account"], "111122223333")
        self.assertEqual(kafka.list_clusters()["ClusterInfoList"], [])
        refused("NotFoundException", kafka.describe_cluster, ClusterArn=self.arn)
        self.assertEqual(secrets.list_secrets()["SecretList"], [])
        theirs = make_cluster("access", kafka)
        self.assertIn(":111122223333:cluster/access/", theirs)
        refused("NotFoundException", KAFKA.describe_cluster, ClusterArn=theirs)
        # A policy of the cluster lets another account in, as far as it says.
        kafka.put_cluster_policy(
            ClusterArn=theirs,
            Policy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [allow("kafka:Describe*", Principal={"AWS": "000000000000"})],
                }
            ),
        )
        self.assertEqual(state(theirs), "ACTIVE")
        refused("NotFoundException", KAFKA.list_nodes, ClusterArn=theirs)
        delete_cluster(theirs, kafka)

    def test_regions_are_worlds_of_their_own(self):
        there = client("kafka", region="eu-west-1")
        self.assertEqual(there.list_clusters()["ClusterInfoList"], [])
        refused("NotFoundException", there.describe_cluster, ClusterArn=self.arn)
        made = there.create_configuration(Name="access", ServerProperties=b"")["Arn"]
        self.assertIn(":eu-west-1:", made)
        self.assertNotIn(made, [it["Arn"] for it in KAFKA.list_configurations()["Configurations"]])
        there.delete_configuration(Arn=made)


class Keys(unittest.TestCase):
    def test_rotation(self):
        policy = policy_file(FOLDER, allow("kafka:ListKafkaVersions"))
        first = make_key("--principal", "rotates", "--policy", policy)
        second = make_key("--principal", "rotates")
        for key in (first, second):
            client("kafka", key=key).list_kafka_versions()
        self.assertIn("2 access keys already", runtime("keys", "create", "--principal", "rotates", ok=False))
        runtime("keys", "disable", first[0])
        refused("UnrecognizedClientException", client("kafka", key=first).list_kafka_versions)
        client("kafka", key=second).list_kafka_versions()
        runtime("keys", "enable", first[0])
        client("kafka", key=first).list_kafka_versions()
        runtime("keys", "delete", first[0])
        refused("UnrecognizedClientException", client("kafka", key=first).list_kafka_versions)
        listed = runtime("keys", "list", "--json")
        self.assertIn(second[0], listed)
        self.assertNotIn(second[1], listed, "secrets are shown once")
        runtime("keys", "set-policy", "rotates", policy_file(FOLDER, allow("kafka:ListClusters")))
        refused("ForbiddenException", client("kafka", key=second).list_kafka_versions)
        self.assertIn("does not exist", runtime("keys", "disable", "AKIANOBODY", ok=False))

    def test_only_the_runtime_s_own_account_manages_keys(self):
        key = make_key("--account", "444455556666")
        status, body, _ = send("GET", "/openmsk/v1/access-keys", key=key)
        self.assertEqual(status, 403, body)

    def test_hosts_are_for_whoever_may_see_the_runtime(self):
        self.assertEqual(send("GET", "/openmsk/v1/hosts")[:2], (200, {"hosts": []}))
        self.assertEqual(send("GET", "/openmsk/v1/host-tokens")[:2], (200, {"hostTokens": []}))
        for method, path, body, status in (
            ("POST", "host-tokens", {"ttlSeconds": 0}, 400),
            ("POST", "host-tokens", {"zone": "../a"}, 400),
            # Nobody could join: this runtime is reached from its own machine only.
            ("POST", "host-tokens", {"zone": "a"}, 409),
            ("DELETE", "host-tokens/0", None, 404),
            ("PUT", "hosts/none", {"state": "DRAINING"}, 404),
            ("PUT", "hosts/none", {"state": "BUSY"}, 400),
            ("DELETE", "hosts/none", None, 404),
        ):
            answer = send(method, f"/openmsk/v1/{path}", json.dumps(body).encode() if body else b"")
            self.assertEqual(answer[0], status, (path, answer[1]))
        join = {name: "" for name in ("hostId", "name", "address", "agentAddress", "agentVersion", "dataDirectory")}
        join |= {"tokenId": "0", "tokenSecret": "planted-token", "nowMs": 0, "certificateRequestPem": ""}
        status, body, _ = send("POST", "/openmsk/v1/host-joins", json.dumps(join).encode())
        self.assertEqual((status, "the token is not known here" in body["message"]), (403, True), body)
        (call,) = json.loads(runtime("audit", "--action", "openmsk:JoinHost", "--json"))
        self.assertEqual((call["error"], call.get("principal")), ("ForbiddenException", None))
        looker = make_key("--principal", "looker", "--policy", policy_file(FOLDER, allow("openmsk:ListHosts", "*")))
        self.assertEqual(send("GET", "/openmsk/v1/hosts", key=looker)[0], 200)
        self.assertEqual(send("GET", "/openmsk/v1/host-tokens", key=looker)[0], 403)
        stranger = make_key("--account", "555566667777")
        self.assertEqual(send("GET", "/openmsk/v1/hosts", key=stranger)[0], 403)

    def test_everybody_who_calls_is_written_down(self):
        key = make_key("--principal", "audited")
        refused("ForbiddenException", client("kafka", key=key).list_clusters)
        calls = json.loads(runtime("audit", "--principal", "user/audited", "--json"))
        self.assertEqual([(it["action"], it["error"]) for it in calls], [("kafka:ListClusters", "ForbiddenException")])
        self.assertEqual((calls[0]["accessKeyId"], calls[0]["source"], calls[0]["status"]), (key[0], "127.0.0.1", 403))
        self.assertTrue(calls[0]["requestId"])
        client("secretsmanager").create_secret(Name="audited", SecretString="planted-audit")
        self.assertNotIn("planted-audit", runtime("audit", "--json"))
        self.assertIn("secretsmanager:CreateSecret", runtime("audit", "--action", "CreateSecret"))


class Signatures(unittest.TestCase):
    def test_header_and_query(self):
        status, body, headers = send("GET", "/v1/kafka-versions")
        self.assertEqual(status, 200, body)
        self.assertTrue(headers["x-amzn-RequestId"])
        status, body, _ = send("GET", "/v1/clusters?maxResults=5&clusterNameFilter=a%20b", sign=SigV4QueryAuth)
        self.assertEqual(status, 200, body)

    def test_what_is_not_believed(self):
        def refused_as(kind, **arguments):
            status, body, headers = send("GET", "/v1/kafka-versions", **arguments)
            self.assertEqual((status, headers["x-amzn-ErrorType"]), (403, kind), body)

        key, secret = root_key()
        refused_as("UnrecognizedClientException", key=("AKIANOBODY", secret))
        refused_as("InvalidSignatureException", key=(key, secret[:-1] + "!"))

        said = refused("UnauthorizedException", client("kafka", key=(key, secret, "token")).list_kafka_versions)
        self.assertIn("AWS_SESSION_TOKEN", said)
        refused("InvalidSignatureException", client("kafka", key=(key, "wrong", "token")).list_kafka_versions)

        def drop(request):
            del request.headers["Authorization"]

        refused_as("MissingAuthenticationTokenException", change=drop)

        def old(request):
            moment = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=16)
            del request.headers["X-Amz-Date"]
            request.headers["X-Amz-Date"] = moment.strftime("%Y%m%dT%H%M%SZ")

        refused_as("InvalidSignatureException", change=old)

        def another_header(request):
            request.headers["X-Amz-Target"] = "smuggled"

        refused_as("InvalidSignatureException", change=another_header)
        for payload in ("UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"):
            refused_as("InvalidSignatureException", headers={"X-Amz-Content-SHA256": payload})
        hashed = {"X-Amz-Content-SHA256": hashlib.sha256(b"").hexdigest()}
        self.assertEqual(send("GET", "/v1/kafka-versions", headers=hashed)[0], 200)

    def test_changed_bodies_and_paths_are_not_believed(self):
        def other_path(request):
            request.url = request.url.replace("kafka-versions", "clusters")

        self.assertEqual(send("GET", "/v1/kafka-versions", change=other_path)[0], 403)
        status, _, _ = send("GET", "/v1/kafka-versions", service="s3")
        self.assertEqual(status, 400)

    def test_limits(self):
        status, body, _ = send("POST", "/v1/clusters", body=b"x" * (1024 * 1024 + 1))
        self.assertEqual(status, 400, body)
        status, body, _ = send("POST", "/v1/clusters", body=b"[" * 500)
        self.assertEqual(status, 400, body)
        status, body, _ = send("GET", "/v1/none")
        self.assertEqual(status, 404, body)
        status, body, _ = send("PATCH", "/v1/clusters")
        self.assertEqual(status, 404, body)

    def test_health_needs_no_signature(self):
        for path, text in (("health", "healthy"), ("ready", "ready"), ("metrics", "openmsk_api_calls_total")):
            with urllib.request.urlopen(f"{ENDPOINT}/openmsk/v1/{path}", timeout=10) as answer:
                self.assertIn(text, answer.read().decode(), path)


if __name__ == "__main__":
    unittest.main()
