"""The control plane is killed before the steps of operations, a step being a system call that changes files or processes, and at
moments between them. The next one finishes what was begun, or nothing has begun; the caller's wait ends with the truth, and nothing is
done twice, left half-done or left behind.

A run takes every third step, and begins with one of the first three; OPENMSK_KILL_STRIDE=1 takes all of them."""

import os
import random
import time
import unittest

from support import KAFKA, finish, info, log, pages, state, wait
from victim import Moment, Step, Victim, processes

# After the call. A long run sets more of them: OPENMSK_KILL_MOMENTS_MS="0 5 10 15 20".
MOMENTS_MS = tuple(int(moment) for moment in os.environ.get("OPENMSK_KILL_MOMENTS_MS", "0 15 60 250").split())
# From one step that is interrupted to the next, in operations: what is answered at once has few steps, and each is tried.
STRIDE = int(os.environ.get("OPENMSK_KILL_STRIDE", "3"))
# Of an operation, at most: a loop that never ends is a failure.
STEPS_MAX = 400


def at_every_step(what, attempt, stride=STRIDE):
    """`attempt(number, at)` does something that is interrupted, and says whether the kill came; it does not once there are
    no more steps."""
    first = random.randint(1, stride)

    def tried(number, at):
        try:
            return attempt(number, at)
        except Exception as error:
            raise AssertionError(f"{what}, {at}: {error}") from error

    begun = time.monotonic()
    for number, step in enumerate(range(first, STEPS_MAX, stride)):
        if not tried(number, Step(step)):
            break
    else:
        raise AssertionError(f"{what} has no end")
    assert number > 0, f"{what} has no steps"
    for index, ms in enumerate(MOMENTS_MS):
        tried(number + 1 + index, Moment(ms))
    log(f"{what}: killed before {number} steps, from {first} in strides of {stride}, {time.monotonic() - begun:.0f} s")


def operations(arn):
    paginator = KAFKA.get_paginator("list_cluster_operations")
    listed = paginator.paginate(ClusterArn=arn, PaginationConfig={"PageSize": 100})
    return {it["OperationArn"] for page in listed for it in page["ClusterOperationInfoList"]}


def complete(answer):
    operation = KAFKA.describe_cluster_operation(ClusterOperationArn=answer["ClusterOperationArn"])
    return operation["ClusterOperationInfo"]["OperationState"].endswith("_COMPLETE")


def brokers(arn):
    return [it for it in KAFKA.list_nodes(ClusterArn=arn)["NodeInfoList"] if it.get("NodeType") == "BROKER"]


def partitions(arn, topic):
    return KAFKA.describe_topic_partitions(ClusterArn=arn, TopicName=topic)["Partitions"]


def gone(arn):
    try:
        assert state(arn) == "DELETING", "it is to be deleted"
    except KAFKA.exceptions.NotFoundException:
        return True


class Interrupted(unittest.TestCase):
    """Has the control plane of the runtime replaced by one that is killed."""

    victim = None

    @classmethod
    def setUpClass(cls):
        cls.victim = Victim()

    @classmethod
    def tearDownClass(cls):
        cls.victim.close()

    def tearDown(self):
        if self.victim.dead():
            self.victim.arm(0)
            self.victim.start()
        for cluster in pages("list_clusters_v2", "ClusterInfoList"):
            KAFKA.delete_cluster(ClusterArn=cluster["ClusterArn"])
            wait("the cluster to be gone", lambda arn=cluster["ClusterArn"]: gone(arn))
        self.assertEqual(processes("broker"), [])
        self.assertEqual(os.listdir(os.path.join(os.environ["OPENMSK_DATA"], "clusters")), [])

    def whole(self, arn):
        """At once, not after a while: somebody was told that it is done."""
        self.assertEqual(state(arn), "ACTIVE")
        self.assertEqual(len(processes("broker")), len(brokers(arn)))
        for it in partitions(arn, "kept"):
            self.assertEqual(sorted(it["Isr"]), sorted(it["Replicas"]), "replicas are in sync")
            self.assertIn(it["Leader"], it["Isr"])

    def change(self, arn, number, at, begin, check):
        """A change that is interrupted comes about, once."""
        before, known = info(arn)["CurrentVersion"], operations(arn)
        answer, struck = self.victim.interrupt(at, lambda: begin(number, before), complete)
        begun = operations(arn) - known
        if answer is not None:
            self.assertEqual(begun, {answer["ClusterOperationArn"]})
        elif begun:
            self.assertEqual(len(begun), 1)
            answer = {"ClusterOperationArn": begun.pop()}
        else:
            self.assertEqual((state(arn), info(arn)["CurrentVersion"]), ("ACTIVE", before), "nothing has begun")
            answer = begin(number, before)
        operation = finish(answer)
        self.assertNotIn("ErrorInfo", operation)
        self.whole(arn)
        if operation["OperationType"] not in ("REBOOT_NODE", "ROTATE_CERTIFICATES"):
            self.assertNotEqual(info(arn)["CurrentVersion"], before)
        check(number)
        return struck

    def changed(self, arn, what, begin, check):
        at_every_step(what, lambda number, at: self.change(arn, number, at, begin, check))
