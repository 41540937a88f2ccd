"""Kafka Streams, exactly once: `java/Streams.java` is fed, killed in the middle, started again, and what it has written is compared
with what a few lines of Python make of the same input.

usage: streams.py JAVA JARS CLIENT_PROPERTIES BOOTSTRAP CA USER    (password in KAFKA_PASSWORD)
"""

import os
import random
import struct
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType
from librdkafka import client
from processes import running, until

JAVA, JARS, PROPERTIES, BOOTSTRAP, CA, USER = sys.argv[1:7]
CLIENT = client(BOOTSTRAP, CA, USER)
NAME = f"streams-{uuid.uuid4().hex[:8]}"
WORDS = [f"word-{number}" for number in range(12)]
PRICES = {word: 3 + number for number, word in enumerate(WORDS)}
OUTPUTS = ("counts", "windows", "sums")
PER_SECOND = 200
HOUR_MS = 3_600_000
# Young enough for retention, and whole hours.
START_MS = (int(time.time() * 1000) // HOUR_MS - 2) * HOUR_MS
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "java", "Streams.java")


def create_topics():
    names = [f"{NAME}-{name}" for name in ("words", "prices", *OUTPUTS)]
    topics = [NewTopic(name, num_partitions=3, replication_factor=3) for name in names]
    admin = AdminClient(CLIENT)
    for future in admin.create_topics(topics).values():
        future.result(timeout=30)
    producer = Producer({**CLIENT, "partitioner": "murmur2_random"})
    for word, price in PRICES.items():
        # Older than all words, so that a word finds its price.
        producer.produce(f"{NAME}-prices", key=word, value=struct.pack(">q", price), timestamp=START_MS - 1)
    assert producer.flush(60) == 0


class Feeder:
    """Writes words at a steady rate until it is told to stop, so that there is work at every moment."""

    def __init__(self):
        self.records, self.stopping = [], threading.Event()
        self.producer = Producer({**CLIENT, "enable.idempotence": True, "linger.ms": 5})
        self.dice = random.Random(6)
        self.thread = threading.Thread(target=self.run, daemon=True)

    def write(self):
        number = len(self.records)
        # The times go through two hours again and again.
        record = (self.dice.choice(WORDS), START_MS + number * 3000 % (2 * HOUR_MS))
        self.producer.produce(f"{NAME}-words", value=record[0], timestamp=record[1], partition=number % 3)
        self.producer.poll(0)
        self.records.append(record)

    def run(self):
        while not self.stopping.wait(1 / PER_SECOND):
            self.write()

    def stop(self):
        """All that it has written, which is in the topic."""
        self.stopping.set()
        self.thread.join()
        assert self.producer.flush(60) == 0
        return self.records


class Output:
    """What readers see of a topic so far."""

    def __init__(self, name, isolation):
        self.values = []
        self.consumer = Consumer(
            {**CLIENT, "group.id": NAME + "-reader", "enable.auto.commit": False, "isolation.level": isolation}
        )
        self.consumer.assign([TopicPartition(f"{NAME}-{name}", partition, 0) for partition in range(3)])

    def read(self):
        for message in self.consumer.consume(1000, timeout=0.02):
            assert message.error() is None, message.error()
            self.values.append((message.key().decode(), struct.unpack(">q", message.value())[0]))
        return self.values


def expected(records):
    """Each output's records in their order, a list a key."""
    counts, windows, sums = Counter(), Counter(), Counter()
    outputs = {name: {} for name in OUTPUTS}
    for word, at in records:
        window = f"{word}@{at // HOUR_MS * HOUR_MS}"
        counts[word] += 1
        windows[window] += 1
        sums[word] += PRICES[word]
        for name, key, value in (("counts", word, counts[word]), ("windows", window, windows[window]), ("sums", word, sums[word])):
            outputs[name].setdefault(key, []).append(value)
    return outputs


def by_key(values):
    keys = {}
    for key, value in values:
        keys.setdefault(key, []).append(value)
    return keys


def check_internal_topics():
    admin = AdminClient(CLIENT)
    names = {it for it in admin.list_topics(timeout=30).topics if it.startswith(NAME)}
    policies = {
        f"{NAME}-counts-changelog": "compact",
        f"{NAME}-sums-changelog": "compact",
        f"{NAME}-windows-changelog": "compact,delete",
        f"{NAME}-by-word-repartition": "delete",
    }
    assert set(policies) <= names, names
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in policies]
    for resource, future in admin.describe_configs(resources).items():
        policy = ",".join(sorted(future.result(timeout=30)["cleanup.policy"].value.split(",")))
        assert policy == policies[resource.name], (resource.name, policy)


def start(folder):
    command = [JAVA, "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", os.path.join(JARS, "*"), PROGRAM]
    return running([*command, PROPERTIES, os.path.join(folder, "state"), NAME], os.path.join(folder, "log"))


def main():
    create_topics()
    feeder = Feeder()
    committed = {name: Output(name, "read_committed") for name in OUTPUTS}
    counts, everything = committed["counts"], Output("counts", "read_uncommitted")

    def seen():
        lengths = {name: len(output.values) for name, output in committed.items()}
        return {**lengths, "everything": len(everything.values), "input": len(feeder.records)}

    with tempfile.TemporaryDirectory(prefix="openmsk-streams-") as folder:
        with start(folder) as program:
            feeder.thread.start()
            until("the first counts", lambda: len(counts.read()) >= PER_SECOND, program, seen=seen)
            # Killed between two commits: what is in the topic and not committed has to be aborted.
            until("an open transaction", lambda: len(everything.read()) > len(counts.read()), program, seen=seen)
            program.kill()
        before = len(counts.read())
        with start(folder) as program:
            until("the program again", lambda: len(counts.read()) > before, program, seen=seen)
            records = feeder.stop()
            for name, output in committed.items():
                until(f"all {name}", lambda output=output: len(output.read()) >= len(records), program, seen=seen)
            program.stdin.close()
            assert program.wait(60) == 0, program.returncode
    wanted = expected(records)
    for name, output in committed.items():
        output.read()
        assert by_key(output.values) == wanted[name], f"{name} are others than those of the input"
    until("all counts, the aborted ones too", lambda: len(everything.read()) >= len(records), seen=seen)
    check_internal_topics()
    aborted = len(everything.read()) - len(records)
    print(f"ok: {len(records)} records, {before} of them before the program was killed; {aborted} counts were aborted")


main()
