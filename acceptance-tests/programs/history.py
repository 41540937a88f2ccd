"""Writes unique values and notes every acknowledgement; reads everything back. librdkafka, acks=all, idempotent.

usage: history.py produce BOOTSTRAP CA USER TOPIC SECONDS FILE
       history.py read    BOOTSTRAP CA USER TOPIC FILE [ISOLATION]

FILE has one JSON object a line, in the shapes of the history checker. The password is in KAFKA_PASSWORD.
"""

import json
import sys
import threading
import time
import uuid

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition
from librdkafka import client

ACTION, BOOTSTRAP, CA, USER, TOPIC, *REST = sys.argv[1:]
CLIENT = client(BOOTSTRAP, CA, USER)
# Longer than what is looked at may keep records waiting, on a machine that is busy.
PATIENCE_S = 300


def produce(seconds, path):
    run = uuid.uuid4().hex[:8]
    sent, gaps, errors, lock = {}, [], set(), threading.Lock()
    last = time.monotonic()

    def delivered(error, message):
        nonlocal last
        number = int(message.value().decode().rsplit("-", 1)[1])
        with lock:
            now = time.monotonic()
            if error is None:
                gaps.append(now - last)
                last = now
            else:
                errors.add(str(error))
            sent[number] = {
                "partition": message.partition() if error is None else sent[number]["partition"],
                "value": message.value().decode(),
                "acknowledged": error is None,
                # None where the answer was lost, and a later record of the partition says that this one is there.
                "acknowledged_offset": message.offset() if error is None else None,
            }

    producer = Producer(
        {
            **CLIENT,
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 5,
            # A client that gives a record up begins a new epoch, and what it sends again then may stand there twice.
            "delivery.timeout.ms": PATIENCE_S * 1000,
            "topic.metadata.refresh.interval.ms": 1000,
            "retry.backoff.ms": 50,
            "retry.backoff.max.ms": 200,
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 200,
        }
    )
    partitions = sorted(producer.list_topics(TOPIC, timeout=30).topics[TOPIC].partitions)
    end, number = time.monotonic() + float(seconds), 0
    while time.monotonic() < end:
        partition = partitions[number % len(partitions)]
        value = f"{run}-{number}"
        with lock:
            sent[number] = {"partition": partition, "value": value, "acknowledged": False, "acknowledged_offset": None}
        try:
            producer.produce(TOPIC, value=value, partition=partition, on_delivery=delivered)
        except BufferError:
            with lock:
                del sent[number]
            producer.poll(0.05)
            continue
        number += 1
        producer.poll(0)
        time.sleep(0.0005)
    left = producer.flush(PATIENCE_S)
    with open(path, "w") as file:
        for number in sorted(sent):
            file.write(json.dumps(sent[number]) + "\n")
    acknowledged = sum(1 for it in sent.values() if it["acknowledged"])
    summary = {"sent": len(sent), "acknowledged": acknowledged, "left": left, "longest_gap_s": max(gaps, default=0)}
    print(json.dumps({**summary, "errors": sorted(errors)}))


def read(path, isolation="read_committed"):
    reading = {"group.id": f"history-{uuid.uuid4().hex}", "enable.partition.eof": True, "isolation.level": isolation}
    consumer = Consumer({**CLIENT, **reading})
    partitions = sorted(consumer.list_topics(TOPIC, timeout=30).topics[TOPIC].partitions)
    consumer.assign([TopicPartition(TOPIC, it, OFFSET_BEGINNING) for it in partitions])
    ended, deadline = set(), time.monotonic() + 120
    with open(path, "w") as file:
        while len(ended) < len(partitions):
            if time.monotonic() > deadline:
                sys.exit(f"only partitions {sorted(ended)} were read to their end")
            message = consumer.poll(1.0)
            if message is None:
                continue
            if message.error() is None:
                record = {"partition": message.partition(), "offset": message.offset(), "value": message.value().decode()}
                file.write(json.dumps(record) + "\n")
            elif message.error().code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
            elif not message.error().retriable():
                sys.exit(str(message.error()))
    consumer.close()


{"produce": produce, "read": read}[ACTION](*REST)
