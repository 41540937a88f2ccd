"""Kafka Connect: lines of a file go through a topic into another file. Standalone, stopped and killed, and as a distributed worker
whose source writes exactly once.

usage: connect.py JAVA JARS CLIENT_PROPERTIES BOOTSTRAP CA USER    (password in KAFKA_PASSWORD)
"""

import json
import os
import socket
import sys
import tempfile
import urllib.error
import urllib.request
import uuid

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from librdkafka import client
from processes import running, until

JAVA, JARS, PROPERTIES, BOOTSTRAP, CA, USER = sys.argv[1:7]
CLIENT = client(BOOTSTRAP, CA, USER)
RUN = uuid.uuid4().hex[:8]
LINES = 200


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def write_properties(path, properties):
    with open(path, "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in properties.items())
    return path


def worker_properties(port):
    """Of every worker: how it and its producers, consumers and administration reach the cluster."""
    with open(PROPERTIES) as file:
        settings = dict(line.strip().split("=", 1) for line in file if "=" in line)
    properties = {f"{prefix}{name}": value for prefix in ("", "producer.", "consumer.", "admin.") for name, value in settings.items()}
    return properties | {
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.storage.StringConverter",
        "offset.flush.interval.ms": 500,
        "listeners": f"http://127.0.0.1:{port}",
        "plugin.discovery": "service_load",
        "plugin.path": JARS,
        # The shortest that brokers allow: a sink that comes again waits this long for the one that was killed.
        "consumer.session.timeout.ms": 6000,
        "consumer.heartbeat.interval.ms": 500,
        "connector.client.config.override.policy": "All",
    }


def command(kind, *arguments):
    java = [JAVA, "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", os.path.join(JARS, "*")]
    return [*java, f"org.apache.kafka.connect.cli.Connect{kind}", *arguments]


def append(path, first, count=LINES):
    with open(path, "a") as file:
        file.writelines(f"line {number}\n" for number in range(first, first + count))


def lines(path):
    try:
        with open(path) as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def wanted(count):
    return [f"line {number}" for number in range(count)]


def records(topic, isolation="read_committed"):
    """All values of partition 0 up to its end."""
    consumer = Consumer({**CLIENT, "group.id": RUN, "isolation.level": isolation, "enable.auto.commit": False})
    partition, values = TopicPartition(topic, 0, 0), []
    consumer.assign([partition])
    end = consumer.get_watermark_offsets(partition, timeout=30)[1]

    def is_read():
        values.extend(it.value().decode() for it in consumer.consume(1000, timeout=0.1))
        position = consumer.position([partition])[0].offset
        return position >= end or end == 0

    until(f"the end of {topic}", is_read)
    consumer.close()
    return values


def topic_configs(admin, topic):
    resource = ConfigResource(ResourceType.TOPIC, topic)
    return {name: it.value for name, it in admin.describe_configs([resource])[resource].result(timeout=30).items()}


def connectors(folder, topic, more):
    """A source and a sink, the properties of each."""
    source = {
        "name": f"source-{topic}",
        "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector",
        "tasks.max": 1,
        "file": os.path.join(folder, "in.txt"),
        "topic": topic,
        "topic.creation.default.replication.factor": 3,
        "topic.creation.default.partitions": 1,
        "topic.creation.default.retention.ms": 86400000,
    }
    sink = {
        "name": f"sink-{topic}",
        "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
        "tasks.max": 1,
        "file": os.path.join(folder, "out.txt"),
        "topics": topic,
    }
    return source | more, sink


def standalone(folder):
    """Stopped, it goes on exactly where it was; killed, it loses nothing."""
    topic = f"connect-{RUN}"
    properties = worker_properties(free_port()) | {"offset.storage.file.filename": os.path.join(folder, "offsets")}
    files = [write_properties(os.path.join(folder, "worker.properties"), properties)]
    for connector in connectors(folder, topic, {}):
        files.append(write_properties(os.path.join(folder, connector["name"]), connector))
    read, written, log = (os.path.join(folder, name) for name in ("in.txt", "out.txt", "log"))

    def arrived(count):
        return lambda: set(wanted(count)) <= set(lines(written))

    append(read, 0)
    with running(command("Standalone", *files), log) as program:
        until("the first lines", arrived(LINES), program)
        program.terminate()
        program.wait(60)
    assert lines(written) == wanted(LINES), lines(written)
    append(read, LINES)
    with running(command("Standalone", *files), log) as program:
        until("lines after a stop", arrived(2 * LINES), program)
        assert lines(written) == wanted(2 * LINES), "a stop loses or repeats lines"
        assert records(topic) == wanted(2 * LINES)
        append(read, 2 * LINES)
        until("a line more", lambda: len(lines(written)) > 2 * LINES, program)
        program.kill()
    with running(command("Standalone", *files), log) as program:
        append(read, 3 * LINES)
        until("lines after a kill", arrived(4 * LINES), program)
    admin = AdminClient(CLIENT)
    assert topic_configs(admin, topic)["retention.ms"] == "86400000"
    replicas = [len(it.replicas) for it in admin.list_topics(topic, timeout=30).topics[topic].partitions.values()]
    assert replicas == [3], replicas


def call(port, method, path, body=None):
    """The answer of the worker, or `None` while it cannot give one."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, None if body is None else json.dumps(body).encode(), timeout=30) as answer:
            return json.loads(answer.read() or b"{}")
    except (OSError, urllib.error.URLError):
        return None


def distributed(folder):
    """One worker, killed in the middle: its source writes every line once, its internal topics are compacted."""
    topic, port = f"connect-exactly-once-{RUN}", free_port()
    internal = {kind: f"connect-{kind}-{RUN}" for kind in ("offset", "config", "status")}
    properties = worker_properties(port) | {
        "group.id": f"connect-{RUN}",
        "exactly.once.source.support": "enabled",
        "session.timeout.ms": 6000,
        "heartbeat.interval.ms": 500,
        "scheduled.rebalance.max.delay.ms": 0,
        "offset.storage.partitions": 3,
        "status.storage.partitions": 1,
    }
    for kind, name in internal.items():
        properties |= {f"{kind}.storage.topic": name, f"{kind}.storage.replication.factor": 3}
    worker = write_properties(os.path.join(folder, "worker.properties"), properties)
    read, written, log = (os.path.join(folder, name) for name in ("in.txt", "out.txt", "log"))
    source, sink = connectors(folder, topic, {"transaction.boundary": "interval", "transaction.boundary.interval.ms": 300})
    sink["consumer.override.isolation.level"] = "read_committed"

    def is_running(name):
        status = call(port, "GET", f"/connectors/{name}/status")
        return status and [it["state"] for it in status["tasks"]] == ["RUNNING"]

    append(read, 0)
    with running(command("Distributed", worker), log) as program:
        for connector in (source, sink):
            path = f"/connectors/{connector['name']}/config"
            until("a connector", lambda: call(port, "PUT", path, connector) is not None, program)
        until("lines of a worker", lambda: set(wanted(LINES)) <= set(lines(written)), program)
        append(read, LINES)
        until("a record that may not be committed", lambda: len(records(topic, "read_uncommitted")) > LINES, program)
        program.kill()
    append(read, 2 * LINES)
    with running(command("Distributed", worker), log) as program:
        until("the source again", lambda: is_running(source["name"]), program)
        until("lines after a kill", lambda: set(wanted(3 * LINES)) <= set(lines(written)), program)
        assert records(topic) == wanted(3 * LINES), "the source did not write every line once"
        offsets = call(port, "GET", f"/connectors/{source['name']}/offsets")["offsets"]
        assert offsets[0]["offset"]["position"] == os.path.getsize(read), offsets
        admin = AdminClient(CLIENT)
        groups = {it.group_id for it in admin.list_consumer_groups().result(timeout=30).valid}
        assert f"connect-{sink['name']}" in groups, groups
    for name in internal.values():
        assert topic_configs(admin, name)["cleanup.policy"] == "compact", name


with tempfile.TemporaryDirectory(prefix="openmsk-connect-") as folder:
    for mode in (standalone, distributed):
        place = os.path.join(folder, mode.__name__)
        os.mkdir(place)
        mode(place)
print(f"ok: {4 * LINES} lines standalone, {3 * LINES} distributed")
