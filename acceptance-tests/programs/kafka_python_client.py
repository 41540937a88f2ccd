"""kafka-python: produce with acks=all, consume in a group, commit, and go on after the committed offset.

usage: kafka_python_client.py BOOTSTRAP CA USER MECHANISM TOPIC COUNT    (password in KAFKA_PASSWORD)

With OAUTHBEARER the user is the id of an access key, and the password its secret.
"""

import os
import sys
import time
import uuid

from iam_token import token
from kafka import KafkaConsumer, KafkaProducer
from kafka.net.sasl.oauth import AbstractTokenProvider

BOOTSTRAP, CA, USER, MECHANISM, TOPIC, COUNT = sys.argv[1:7]
COUNT = int(COUNT)
RUN = uuid.uuid4().hex[:8]
CLIENT = {
    "bootstrap_servers": BOOTSTRAP.split(","),
    "security_protocol": "SASL_SSL",
    "sasl_mechanism": MECHANISM,
    "ssl_cafile": CA,
}


class Bearer(AbstractTokenProvider):
    def token(self):
        return token(USER, os.environ["KAFKA_PASSWORD"])[0]


if MECHANISM == "OAUTHBEARER":
    CLIENT["sasl_oauth_token_provider"] = Bearer()
else:
    CLIENT |= {"sasl_plain_username": USER, "sasl_plain_password": os.environ["KAFKA_PASSWORD"]}


def produce(first, count):
    producer = KafkaProducer(acks="all", **CLIENT)
    sent = [producer.send(TOPIC, key=str(n).encode(), value=f"{RUN}-{n}".encode()) for n in range(first, first + count)]
    producer.flush(60)
    offsets = [(it.get(60).partition, it.get(60).offset) for it in sent]
    assert len(set(offsets)) == count, "two records share an offset"
    producer.close()


def consume(count):
    consumer = KafkaConsumer(
        TOPIC, group_id=f"py-{RUN}", auto_offset_reset="earliest", enable_auto_commit=False, **CLIENT
    )
    seen, deadline = [], time.monotonic() + 60
    while len(seen) < count and time.monotonic() < deadline:
        for records in consumer.poll(timeout_ms=500).values():
            seen += [it.value for it in records if it.value.decode().startswith(RUN)]
    assert len(seen) == count and len(set(seen)) == count, f"{len(seen)} of {count} records came back"
    consumer.commit()
    consumer.close()


produce(0, COUNT)
consume(COUNT)
produce(COUNT, 10)
consume(10)
print(f"ok: {COUNT + 10} records")
