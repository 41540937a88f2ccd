"""Errors of a Kafka in a state that the bundled brokers are never in. The engine behind this endpoint answers with the
error that a topic is named after; callers get the one of the model, or the nearest that the operation has."""

import unittest

from support import KAFKA, make_cluster, refused

NAMES = ("NotController", "ControllerMoved", "ReassignmentInProgress", "GroupSubscribedToTopic")


class TopicErrors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.of = {"ClusterArn": make_cluster("scripted")}

    def test_changes_answer_what_kafka_answers(self):
        for name in NAMES:
            with self.subTest(name):
                code, topic = f"{name}Exception", {**self.of, "TopicName": name}
                said = refused(code, KAFKA.create_topic, **topic, PartitionCount=1, ReplicationFactor=1)
                self.assertIn("so it was asked for", said)
                refused(code, KAFKA.update_topic, **topic, PartitionCount=2)
                refused(code, KAFKA.delete_topic, **topic)

    def test_each_is_a_class_of_the_client(self):
        with self.assertRaises(KAFKA.exceptions.NotControllerException) as caught:
            KAFKA.delete_topic(**self.of, TopicName="NotController")
        self.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], 409)

    def test_queries_answer_the_nearest_that_they_have(self):
        for name in NAMES[:2]:
            refused("InternalServerErrorException", KAFKA.describe_topic, **self.of, TopicName=name)
        refused("ServiceUnavailableException", KAFKA.list_topics, **self.of)


if __name__ == "__main__":
    unittest.main()
