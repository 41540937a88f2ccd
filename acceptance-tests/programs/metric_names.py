"""Compares the page of metrics of our broker with the one that Prometheus' JMX exporter makes of Apache Kafka, after the same
work on both.

usage: metric_names.py KAFKA_BOOTSTRAP KAFKA_PAGE OUR_BOOTSTRAP OUR_PAGE
"""

import sys
import time
import urllib.request

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from prometheus_client.parser import text_string_to_metric_families

START_S = 90
# What Amazon MSK adds to Kafka's.
MSKS_OWN = "kafka_consumer_group_ConsumerLagMetrics_Value"
# There is nothing of them on a page that shows hardly anything.
EXPECTED = {
    ("kafka_server_BrokerTopicMetrics_Count", "MessagesInPerSec"),
    ("kafka_server_ReplicaManager_Value", "UnderReplicatedPartitions"),
    ("kafka_controller_KafkaController_Value", "ActiveControllerCount"),
    ("kafka_network_RequestMetrics_99thPercentile", "TotalTimeMs"),
    ("kafka_log_Log_Value", "Size"),
    ("kafka_coordinator_group_GroupMetadataManager_Value", "NumGroups"),
    ("kafka_server_socket_server_metrics_connection_count", None),
    ("process_resident_memory_bytes", None),
}


def wait_for_a_broker(admin):
    """Apache Kafka takes a while."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            if admin.list_topics(timeout=2).brokers:
                return
        except KafkaException:
            pass
        time.sleep(0.1)
    sys.exit("no broker serves")


def work(bootstrap):
    """Something of everything: a topic, records, a group and its offsets."""
    servers = {"bootstrap.servers": bootstrap, "log_level": 0}
    admin = AdminClient(servers)
    wait_for_a_broker(admin)
    admin.create_topics([NewTopic("orders", 2, 1)])["orders"].result(30)
    producer = Producer(servers)
    for number in range(100):
        producer.produce("orders", str(number))
    assert producer.flush(30) == 0
    consumer = Consumer({**servers, "group.id": "readers", "auto.offset.reset": "earliest"})
    consumer.subscribe(["orders"])
    deadline, read = time.monotonic() + 60, 0
    while read < 100:
        assert time.monotonic() < deadline, f"{read} records were read"
        message = consumer.poll(1)
        read += message is not None and message.error() is None
    consumer.commit(asynchronous=False)
    consumer.close()


def shape(page):
    """For each metric and value of the label `name`: its type, and the sets of labels it comes with."""
    found = {}
    with urllib.request.urlopen(page, timeout=30) as answer:
        for family in text_string_to_metric_families(answer.read().decode()):
            for sample in family.samples:
                key = (sample.name, sample.labels.get("name"))
                found.setdefault(key, (family.type, set()))[1].add(tuple(sorted(sample.labels)))
    return found


kafka_bootstrap, kafka_page, our_bootstrap, our_page = sys.argv[1:]
work(kafka_bootstrap)
work(our_bootstrap)
# Groups are measured every five seconds.
time.sleep(6)
theirs, ours = shape(kafka_page), shape(our_page)
ours = {key: value for key, value in ours.items() if key[0] != MSKS_OWN}
unknown = sorted(f"{name} {of}" for name, of in ours if (name, of) not in theirs)
different = [
    f"{key}: ours {ours[key]}, Kafka's {theirs[key]}"
    for key in ours
    if key in theirs and (ours[key][0] != theirs[key][0] or not ours[key][1] <= theirs[key][1])
]
missing = sorted(str(key) for key in EXPECTED - set(ours))
if unknown or different or missing:
    sys.exit(f"Kafka does not have {unknown}\ndifferent: {different}\nmissing: {missing}")
print(f"ok: {len(ours)} of Kafka's {len(theirs)} metrics")
