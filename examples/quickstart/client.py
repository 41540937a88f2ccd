"""Writes 1,000 records to a topic and reads them back in a consumer group, over SASL_SSL with SCRAM-SHA-512.

The client is librdkafka (the confluent-kafka package). The password comes from the variable KAFKA_PASSWORD.
"""

import argparse
import os
import sys
import time
import uuid

from confluent_kafka import Consumer, Producer

COUNT = 1_000
DEADLINE_S = 60


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True, help="host:port,host:port")
    parser.add_argument("--topic", required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--ca", required=True, help="file with the cluster's certificate authority, PEM")
    return parser.parse_args()


def main():
    options = arguments()
    client = {
        "bootstrap.servers": options.bootstrap,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": options.user,
        "sasl.password": os.environ["KAFKA_PASSWORD"],
        "ssl.ca.location": options.ca,
    }
    run = uuid.uuid4().hex[:8]
    failures = []
    producer = Producer({**client, "acks": "all", "enable.idempotence": True})
    start = time.monotonic()
    for number in range(COUNT):
        producer.produce(
            options.topic,
            key=str(number),
            value=f"{run}-{number}",
            on_delivery=lambda error, _: failures.append(error) if error else None,
        )
    left = producer.flush(DEADLINE_S)
    if left or failures:
        sys.exit(f"{left} records were not acknowledged, {len(failures)} failed: {failures[:1]}")
    written = time.monotonic() - start

    consumer = Consumer({**client, "group.id": f"quickstart-{run}", "auto.offset.reset": "earliest"})
    consumer.subscribe([options.topic])
    start = time.monotonic()
    seen = set()
    while len(seen) < COUNT and time.monotonic() - start < DEADLINE_S:
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error():
            sys.exit(f"the consumer failed: {message.error()}")
        value = message.value().decode()
        if value.startswith(run):
            seen.add(value)
    consumer.commit(asynchronous=False)
    consumer.close()
    if len(seen) != COUNT:
        sys.exit(f"only {len(seen)} of {COUNT} records came back")
    read = time.monotonic() - start
    print(f"Wrote {COUNT:,} records to {options.topic!r} with acks=all in {written:.2f} s")
    print(f"Read {COUNT:,} records back in a consumer group in {read:.2f} s")


if __name__ == "__main__":
    main()
