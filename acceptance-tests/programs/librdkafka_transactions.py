"""librdkafka: records copied exactly once, in transactions that are committed and aborted, and a producer that is fenced.

usage: librdkafka_transactions.py BOOTSTRAP CA USER    (password in KAFKA_PASSWORD)
"""

import sys
import time
import uuid

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from librdkafka import client

BOOTSTRAP, CA, USER = sys.argv[1:4]
RUN = uuid.uuid4().hex[:8]
CLIENT = client(BOOTSTRAP, CA, USER)
SOURCE, TARGET = f"source-{RUN}", f"target-{RUN}"
RECORDS = 300


def create_topics():
    topics = [NewTopic(name, num_partitions=2, replication_factor=3) for name in (SOURCE, TARGET)]
    admin = AdminClient(CLIENT)
    for future in admin.create_topics(topics).values():
        future.result(timeout=30)


def fill():
    producer = Producer({**CLIENT, "acks": "all", "enable.idempotence": True})
    for number in range(RECORDS):
        producer.produce(SOURCE, value=str(number), partition=number % 2)
    assert producer.flush(60) == 0


def transactional(name):
    producer = Producer({**CLIENT, "transactional.id": f"{name}-{RUN}", "transaction.timeout.ms": 20000})
    producer.init_transactions(30)
    return producer


def copy():
    """Every third transaction is aborted, and its records are read again."""
    producer = transactional("copy")
    consumer = Consumer(
        {
            **CLIENT,
            "group.id": f"copy-{RUN}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe([SOURCE])
    copied, rounds, deadline = 0, 0, time.monotonic() + 90
    while copied < RECORDS and time.monotonic() < deadline:
        batch = [message for message in consumer.consume(25, timeout=1.0) if message.error() is None]
        if not batch:
            continue
        rounds += 1
        producer.begin_transaction()
        for message in batch:
            producer.produce(TARGET, value=message.value(), partition=message.partition())
        producer.send_offsets_to_transaction(
            consumer.position(consumer.assignment()), consumer.consumer_group_metadata(), 30
        )
        if rounds % 3 == 0:
            producer.flush(30)
            producer.abort_transaction(30)
            first = {}
            for message in batch:
                first.setdefault(message.partition(), message.offset())
            for partition, offset in first.items():
                consumer.seek(TopicPartition(SOURCE, partition, offset))
        else:
            producer.commit_transaction(30)
            copied += len(batch)
    consumer.close()
    assert copied == RECORDS, copied


def read(isolation, count):
    consumer = Consumer(
        {**CLIENT, "group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest", "isolation.level": isolation}
    )
    consumer.subscribe([TARGET])
    seen, deadline, quiet = [], time.monotonic() + 60, 0
    while time.monotonic() < deadline and (len(seen) < count or quiet < 3):
        message = consumer.poll(0.5)
        quiet = quiet + 1 if message is None else 0
        if message is not None and message.error() is None:
            seen.append(int(message.value()))
    consumer.close()
    return seen


def fence():
    old = transactional("fenced")
    old.begin_transaction()
    old.produce(TARGET, value="-1", partition=0)
    old.flush(30)
    transactional("fenced")
    try:
        old.commit_transaction(30)
    except KafkaException as error:
        assert error.args[0].fatal() or error.args[0].txn_requires_abort(), error
    else:
        raise AssertionError("the old producer was not fenced")


create_topics()
fill()
copy()
assert sorted(read("read_committed", RECORDS)) == list(range(RECORDS))
assert len(read("read_uncommitted", RECORDS + 1)) > RECORDS
fence()
assert sorted(read("read_committed", RECORDS)) == list(range(RECORDS)), "the fenced producer's record is seen"
print(f"ok: {RECORDS} records")
