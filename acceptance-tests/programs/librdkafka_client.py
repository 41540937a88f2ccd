"""librdkafka: produce with acks=all, consume in a group, commit, and go on after the committed offset.

usage: librdkafka_client.py BOOTSTRAP CA USER MECHANISM TOPIC COUNT    (password in KAFKA_PASSWORD)

With OAUTHBEARER the user is the id of an access key, and the password its secret. With TLS the user is a file with the
client's certificate, and the password one with the key; without a user it shows none.
"""

import os
import sys
import time
import uuid

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource
from iam_token import token

BOOTSTRAP, CA, USER, MECHANISM, TOPIC, COUNT = sys.argv[1:7]
COUNT = int(COUNT)
RUN = uuid.uuid4().hex[:8]
CLIENT = {
    "bootstrap.servers": BOOTSTRAP,
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": MECHANISM,
    "ssl.ca.location": CA,
}


def bearer(_):
    signed, expires_ms = token(USER, os.environ["KAFKA_PASSWORD"])
    return signed, expires_ms / 1000


if MECHANISM == "TLS":
    CLIENT = {"bootstrap.servers": BOOTSTRAP, "security.protocol": "SSL", "ssl.ca.location": CA}
    if USER:
        CLIENT |= {"ssl.certificate.location": USER, "ssl.key.location": os.environ["KAFKA_PASSWORD"]}
elif MECHANISM == "OAUTHBEARER":
    CLIENT["oauth_cb"] = bearer
else:
    CLIENT |= {"sasl.username": USER, "sasl.password": os.environ["KAFKA_PASSWORD"]}


def greet():
    """Ends soon where we are not let in: a producer would try again and again."""
    consumer = Consumer({**CLIENT, "group.id": "greeting"})
    consumer.poll(0.1)
    consumer.list_topics(timeout=10)
    consumer.close()


def produce(compression, count, offset):
    failures = []
    producer = Producer({**CLIENT, "acks": "all", "enable.idempotence": True, "compression.type": compression})
    for number in range(count):
        producer.produce(
            TOPIC,
            key=str(number),
            value=f"{RUN}-{offset + number}" + "x" * 100,
            headers=[("n", str(number)), ("n", "twice")],
            on_delivery=lambda error, _: failures.append(error) if error else None,
        )
        producer.poll(0)
    assert producer.flush(60) == 0, "not everything was acknowledged"
    assert not failures, failures[:3]


def consume(group, count, limit_s=60):
    consumer = Consumer({**CLIENT, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False})
    consumer.subscribe([TOPIC])
    seen, deadline = [], time.monotonic() + limit_s
    while len(seen) < count and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is None:
            continue
        assert message.error() is None, message.error()
        if message.value().decode().startswith(RUN):
            assert message.headers()[1] == ("n", b"twice"), message.headers()
            seen.append(message.value())
    assert len(seen) == count, f"{len(seen)} of {count} records came back"
    assert len(set(seen)) == count, "a record came twice"
    committed = consumer.commit(asynchronous=False)
    assert committed and all(it.error is None for it in committed), committed
    consumer.close()


def describe():
    admin = AdminClient(CLIENT)
    # Its token is asked for when it is polled.
    admin.poll(1)
    resource = ConfigResource(ConfigResource.Type.TOPIC, TOPIC)
    configs = admin.describe_configs([resource])[resource].result(30)
    assert "retention.ms" in configs, sorted(configs)
    metadata = admin.list_topics(TOPIC, timeout=30)
    partitions = metadata.topics[TOPIC].partitions
    assert all(len(it.isrs) == len(it.replicas) for it in partitions.values()), partitions
    groups = admin.list_consumer_groups().result(30)
    assert any(it.group_id == f"rd-{RUN}" for it in groups.valid), [it.group_id for it in groups.valid]
    probe = Consumer({**CLIENT, "group.id": "probe"})
    probe.poll(0.1)
    ends = sum(probe.get_watermark_offsets(TopicPartition(TOPIC, it), timeout=30)[1] for it in partitions)
    probe.close()
    assert ends >= COUNT, ends


greet()
produced = 0
for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
    produce(codec, COUNT, produced)
    produced += COUNT
consume(f"rd-{RUN}", produced)
produce("none", 10, produced)
consume(f"rd-{RUN}", 10)
describe()
print(f"ok: {produced + 10} records")
