"""Waits until every replica of a topic is in sync.

usage: full_isr.py BOOTSTRAP CA USER TOPIC    (password in KAFKA_PASSWORD)
"""

import sys
import time

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from librdkafka import client

BOOTSTRAP, CA, USER, TOPIC = sys.argv[1:]
ADMIN = AdminClient({**client(BOOTSTRAP, CA, USER), "reconnect.backoff.max.ms": 200})
DEADLINE = time.monotonic() + 50
seen = None
while time.monotonic() < DEADLINE:
    try:
        partitions = ADMIN.list_topics(TOPIC, timeout=5).topics[TOPIC].partitions
        seen = {it.id: (it.leader, it.replicas, it.isrs) for it in partitions.values()}
        if partitions and all(set(it.isrs) == set(it.replicas) and it.leader >= 0 for it in partitions.values()):
            sys.exit(0)
    except KafkaException as error:
        seen = error
    time.sleep(0.05)
sys.exit(f"not every replica is in sync: {seen}")
