"""librdkafka: writes records with acks=all as fast as it can, and reads them back. Prints the seconds of both.

usage: throughput.py BOOTSTRAP TOPIC RECORDS BYTES PARTITIONS [FILE OF AN AUTHORITY: with it, over TLS]

The topic has a record in each partition already, which is not counted.
"""

import json
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition

BOOTSTRAP, TOPIC, RECORDS, BYTES, PARTITIONS = sys.argv[1:6]
RECORDS, BYTES, PARTITIONS = int(RECORDS), int(BYTES), int(PARTITIONS)
CLIENT = {"bootstrap.servers": BOOTSTRAP, "allow.auto.create.topics": False}
if len(sys.argv) > 6:
    CLIENT |= {"security.protocol": "SSL", "ssl.ca.location": sys.argv[6]}


def produce():
    failed = []
    producer = Producer(
        {
            **CLIENT,
            "acks": "all",
            "linger.ms": 5,
            "batch.size": 1000000,
            "queue.buffering.max.messages": 500000,
            "queue.buffering.max.kbytes": 524288,
            "delivery.report.only.error": True,
            "on_delivery": lambda error, message: failed.append(error),
        }
    )
    value = bytes(n * 31 % 251 for n in range(BYTES))
    start = time.monotonic()
    for number in range(RECORDS):
        while True:
            try:
                producer.produce(TOPIC, value, partition=number % PARTITIONS)
                break
            except BufferError:
                producer.poll(0.005)
    if left := producer.flush(300):
        sys.exit(f"{left} records are not acknowledged after 300 s")
    elapsed = time.monotonic() - start
    if failed:
        sys.exit(f"{len(failed)} records were not acknowledged, first {failed[0]}")
    return elapsed


def consume():
    consumer = Consumer(
        {
            **CLIENT,
            "group.id": "throughput",
            "enable.auto.commit": False,
            "fetch.message.max.bytes": 4194304,
            "queued.min.messages": 200000,
            "check.crcs": False,
        }
    )
    consumer.assign([TopicPartition(TOPIC, partition, 0) for partition in range(PARTITIONS)])
    first = consumer.poll(60)
    if first is None or first.error():
        sys.exit(f"no record came back: {first and first.error()}")
    # The clock starts with the first record: librdkafka looks for leaders before, in its own time.
    start, seen, nothing_since = time.monotonic(), 1, time.monotonic()
    while seen < RECORDS:
        messages = consumer.consume(num_messages=10000, timeout=0.1)
        for message in messages:
            if message.error():
                sys.exit(f"{seen} of {RECORDS} records came back, then: {message.error()}")
        seen += len(messages)
        if messages:
            nothing_since = time.monotonic()
        elif time.monotonic() - nothing_since > 60:
            sys.exit(f"only {seen} of {RECORDS} records came back")
    elapsed = time.monotonic() - start
    consumer.close()
    return elapsed


print(json.dumps({"produce_s": produce(), "consume_s": consume()}))
