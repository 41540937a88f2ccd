"""librdkafka: members of a group of the consumer protocol (KIP-848) come and go while records are written, and read them all.

usage: librdkafka_consumer_groups.py BOOTSTRAP CA USER RECORDS SECONDS calm|storm    (password in KAFKA_PASSWORD)

In calm no record is read twice. In a storm, with brokers that die, a commit may be lost, and records come again.
"""

import collections
import sys
import threading
import time
import uuid

from confluent_kafka import Consumer, ConsumerGroupState, ConsumerGroupType, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from librdkafka import client

BOOTSTRAP, CA, USER = sys.argv[1:4]
RECORDS, SECONDS, CALM = int(sys.argv[4]), float(sys.argv[5]), sys.argv[6] == "calm"
RUN = uuid.uuid4().hex[:8]
CLIENT = client(BOOTSTRAP, CA, USER)
TOPIC, GROUP, PARTITIONS = f"balanced-{RUN}", f"balancing-{RUN}", 6
admin = AdminClient(CLIENT)
seen, seen_lock, done = collections.Counter(), threading.Lock(), threading.Event()


def member(lives):
    """Reads and commits until it has lived long enough, or all is done."""
    consumer = Consumer(
        {
            **CLIENT,
            "group.id": GROUP,
            "group.protocol": "consumer",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([TOPIC], on_revoke=lambda consumer, _: commit(consumer))
    end = time.monotonic() + lives
    while not done.is_set() and time.monotonic() < end:
        messages = [message for message in consumer.consume(50, timeout=0.2) if message.error() is None]
        with seen_lock:
            seen.update(int(message.value()) for message in messages)
        if messages:
            commit(consumer)
    consumer.close()


def commit(consumer):
    try:
        consumer.commit(asynchronous=False)
    except KafkaException as error:
        # Nothing to commit, or, in a storm, a coordinator that has just died.
        assert not CALM or error.args[0].name() == "_NO_OFFSET", error


def write():
    producer = Producer({**CLIENT, "acks": "all", "enable.idempotence": True})
    for number in range(RECORDS):
        producer.produce(TOPIC, value=str(number), partition=number % PARTITIONS)
        producer.poll(SECONDS / RECORDS)
    assert producer.flush(60) == 0


def note(state):
    if state != history[-1][1]:
        history.append((round(time.monotonic() - begun, 2), state))


admin.create_topics([NewTopic(TOPIC, num_partitions=PARTITIONS, replication_factor=3)])[TOPIC].result(timeout=30)
lives = [600, 600, SECONDS / 3, SECONDS / 2]
members = [threading.Thread(target=member, args=(life,), daemon=True) for life in lives]
for thread in members:
    thread.start()
print("reading", flush=True)
write()
deadline = time.monotonic() + 90
while len(seen) < RECORDS and time.monotonic() < deadline:
    time.sleep(0.1)
described, begun, history = None, time.monotonic(), [(0.0, f"{len(seen)} records read")]
while time.monotonic() < deadline:
    time.sleep(0.1)
    try:
        described = admin.describe_consumer_groups([GROUP])[GROUP].result(timeout=30)
    except KafkaException as error:
        # The coordinator has just moved. librdkafka's admin client goes on asking the one that it knows for minutes.
        assert not CALM, error
        note(str(error))
        admin = AdminClient(CLIENT)
        continue
    shares = sorted(len(it.assignment.topic_partitions) for it in described.members)
    targets = sorted(len(it.target_assignment.topic_partitions) for it in described.members if it.target_assignment)
    note(f"{described.state} has {shares} of {targets}")
    if described.state == ConsumerGroupState.STABLE and shares == [3, 3]:
        break
done.set()
for thread in members:
    thread.join()
assert described and described.type == ConsumerGroupType.CONSUMER and shares == [3, 3], history
missing = [number for number in range(RECORDS) if number not in seen]
assert not missing, f"{len(missing)} of {RECORDS} records were never read, such as {missing[:5]}"
doubles = sum(1 for count in seen.values() if count > 1)
assert not CALM or doubles == 0, f"{doubles} records were read twice"
print(f"ok: {RECORDS} records, {doubles} of them twice")
