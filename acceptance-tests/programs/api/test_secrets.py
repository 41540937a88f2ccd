"""Secrets Manager and STS, as far as stock tools need them."""

import json
import unittest

from support import ROOT_ACCOUNT, SECRETS, client, refused

FORCE = {"ForceDeleteWithoutRecovery": True}


class Secrets(unittest.TestCase):
    def test_life(self):
        made = SECRETS.create_secret(
            Name="AmazonMSK_secrets", SecretString="first", Description="d", Tags=[{"Key": "a", "Value": "1"}]
        )
        arn = made["ARN"]
        self.assertRegex(arn, r"^arn:aws:secretsmanager:us-east-1:\d{12}:secret:AmazonMSK_secrets-.{6}$")
        refused("ResourceExistsException", SECRETS.create_secret, Name="AmazonMSK_secrets", SecretString="other")
        second = SECRETS.put_secret_value(SecretId=arn, SecretString="second")["VersionId"]
        for name in (arn, "AmazonMSK_secrets"):
            self.assertEqual(SECRETS.get_secret_value(SecretId=name)["SecretString"], "second")
        # Versions and stages: the one in force, and the one before it.
        before = SECRETS.get_secret_value(SecretId=arn, VersionStage="AWSPREVIOUS")
        self.assertEqual((before["SecretString"], before["VersionStages"]), ("first", ["AWSPREVIOUS"]))
        by_id = SECRETS.get_secret_value(SecretId=arn, VersionId=before["VersionId"])
        self.assertEqual(by_id["SecretString"], "first")
        shown = SECRETS.describe_secret(SecretId=arn)
        stages = {second: ["AWSCURRENT"], before["VersionId"]: ["AWSPREVIOUS"]}
        self.assertEqual(shown["VersionIdsToStages"], stages)
        self.assertEqual((shown["Description"], shown["Tags"]), ("d", [{"Key": "a", "Value": "1"}]))
        SECRETS.update_secret(SecretId=arn, Description="other")
        self.assertEqual(SECRETS.describe_secret(SecretId=arn)["Description"], "other")
        self.assertEqual(SECRETS.get_secret_value(SecretId=arn)["SecretString"], "second")
        SECRETS.tag_resource(SecretId=arn, Tags=[{"Key": "b", "Value": "2"}])
        SECRETS.untag_resource(SecretId=arn, TagKeys=["a"])
        self.assertEqual(SECRETS.describe_secret(SecretId=arn)["Tags"], [{"Key": "b", "Value": "2"}])
        filters = [{"Key": "name", "Values": ["AmazonMSK_sec"]}]
        self.assertEqual([it["ARN"] for it in SECRETS.list_secrets(Filters=filters)["SecretList"]], [arn])
        refused("InvalidRequestException", SECRETS.list_secrets, Filters=[{"Key": "all", "Values": ["x"]}])
        SECRETS.delete_secret(SecretId=arn, **FORCE)
        refused("ResourceNotFoundException", SECRETS.get_secret_value, SecretId=arn)
        refused("ResourceNotFoundException", SECRETS.get_secret_value, SecretId="never")

    def test_values_are_not_in_lists(self):
        value = json.dumps({"username": "u", "password": "planted-list"})
        made = SECRETS.create_secret(Name="no-prefix-is-only-a-warning", SecretString=value)
        self.assertNotIn("planted-list", json.dumps(SECRETS.list_secrets(), default=str))
        SECRETS.delete_secret(SecretId=made["ARN"], **FORCE)

    def test_identity(self):
        identity = client("sts").get_caller_identity()
        self.assertEqual(identity["Account"], ROOT_ACCOUNT)
        self.assertEqual(identity["Arn"], f"arn:aws:iam::{ROOT_ACCOUNT}:root")

    def test_connect_is_told_apart(self):
        message = refused("BadRequestException", client("kafkaconnect").list_connectors)
        self.assertIn("MSK Connect is not available yet", message)


if __name__ == "__main__":
    unittest.main()
