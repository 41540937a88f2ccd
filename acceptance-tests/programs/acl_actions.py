"""Does the same things under the same access control lists, and prints what came of each: so two brokers can be compared.
Everything is done as User:ANONYMOUS; a resource without any list is open.

usage: acl_actions.py BOOTSTRAP
"""

import json
import sys
import time

from confluent_kafka import Consumer, ElectionType, KafkaException, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourcePatternType,
    ResourceType,
)

LIMIT_S = 30
START_S = 90
UNSETTLED = ("NOT_COORDINATOR", "COORDINATOR_NOT_AVAILABLE", "COORDINATOR_LOAD_IN_PROGRESS")
ME = "User:ANONYMOUS"
SERVERS = {"bootstrap.servers": sys.argv[1], "log_level": 0}
# Clients try for as long as a session lasts where the coordinator is not told to them.
MEMBER = {**SERVERS, "session.timeout.ms": 6000, "auto.offset.reset": "earliest"}
# Short, so that what is refused for ever is not tried for long.
ADMIN = AdminClient({**SERVERS, "socket.timeout.ms": 10_000})
TOPIC, GROUP, CLUSTER = ResourceType.TOPIC, ResourceType.GROUP, ResourceType.BROKER
LITERAL, PREFIXED = ResourcePatternType.LITERAL, ResourcePatternType.PREFIXED
ALLOW, DENY = AclPermissionType.ALLOW, AclPermissionType.DENY


def acl(kind, name, operation, permission=ALLOW, principal=ME, pattern=LITERAL, host="*"):
    return AclBinding(kind, name, pattern, principal, host, getattr(AclOperation, operation), permission)


ALL_FILTER = AclBindingFilter(
    ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY
)


def outcome(action):
    """The name of the error, or what was given."""
    try:
        given = action()
        return "ok" if given is None else given
    except KafkaException as error:
        return error.args[0].name()


def each(futures):
    return {str(key): outcome(lambda f=future: f.result(LIMIT_S) and None) for key, future in futures.items()}


def metadata():
    topics = ADMIN.list_topics(timeout=LIMIT_S).topics
    return sorted(name for name in topics if not name.startswith("__"))


def named(topic):
    found = ADMIN.list_topics(topic, timeout=LIMIT_S).topics[topic]
    return found.error.name() if found.error else "ok"


def produce(topic):
    said = []
    producer = Producer({**SERVERS, "message.timeout.ms": 5000})
    producer.produce(topic, b"x", on_delivery=lambda error, _: said.append(error.name() if error else "ok"))
    producer.flush(LIMIT_S)
    return said[0] if said else "nothing"


def produce_idempotently(topic):
    said = []
    settings = {**SERVERS, "enable.idempotence": True, "message.timeout.ms": 4000}
    producer = Producer({**settings, "error_cb": lambda error: said.append(error.name())})
    producer.produce(topic, b"x", on_delivery=lambda error, _: said.append(error.name() if error else "ok"))
    producer.flush(LIMIT_S)
    return sorted(set(said))


def consume(topic, group):
    """Reads the first record of a partition that is assigned, not subscribed to."""
    consumer = Consumer({**MEMBER, "group.id": group})
    consumer.assign([TopicPartition(topic, 0, 0)])
    deadline = time.monotonic() + 5
    try:
        while time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is not None:
                return message.error().name() if message.error() else "ok"
        return "nothing"
    finally:
        consumer.close()


def commit(topic, group):
    """Tries again while the coordinator is still to be found or to load: the first commit of a cluster makes its topic."""
    consumer = Consumer({**MEMBER, "group.id": group})
    deadline = time.monotonic() + LIMIT_S
    try:
        while True:
            try:
                done = consumer.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False)
                return [it.error.name() if it.error else "ok" for it in done]
            except KafkaException as error:
                name = error.args[0].name()
                if name not in UNSETTLED or time.monotonic() > deadline:
                    return name
                time.sleep(0.2)
    finally:
        consumer.close()


def committed(topic, group):
    consumer = Consumer({**MEMBER, "group.id": group})
    try:
        found = consumer.committed([TopicPartition(topic, 0)], timeout=4)
        return [it.error.name() if it.error else it.offset for it in found]
    except KafkaException as error:
        return error.args[0].name()
    finally:
        consumer.close()


def subscribe(topic, group):
    """Joins the group."""
    consumer = Consumer({**MEMBER, "group.id": group})
    consumer.subscribe([topic])
    deadline = time.monotonic() + 8
    try:
        while time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is not None:
                return message.error().name() if message.error() else "ok"
        return "nothing"
    finally:
        consumer.close()


def groups():
    listed = ADMIN.list_consumer_groups(request_timeout=LIMIT_S).result(LIMIT_S)
    return sorted(it.group_id for it in listed.valid)


def operations(found):
    return sorted(it.name for it in found.authorized_operations or [])


def describe_topic(name):
    futures = ADMIN.describe_topics(TopicCollection([name]), include_authorized_operations=True, request_timeout=LIMIT_S)
    return outcome(lambda: operations(futures[name].result(LIMIT_S)))


def describe_group(name):
    futures = ADMIN.describe_consumer_groups([name], include_authorized_operations=True, request_timeout=LIMIT_S)
    return outcome(lambda: operations(futures[name].result(LIMIT_S)))


def describe_cluster():
    future = ADMIN.describe_cluster(include_authorized_operations=True, request_timeout=LIMIT_S)
    return outcome(lambda: operations(future.result(LIMIT_S)))


def incremental(kind, name, key, value):
    entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
    return each(ADMIN.incremental_alter_configs([ConfigResource(kind, name, incremental_configs=[entry])]))


def list_acls():
    found = ADMIN.describe_acls(ALL_FILTER).result(LIMIT_S)
    parts = ("restype", "name", "resource_pattern_type", "principal", "host", "operation", "permission_type")
    return sorted([str(getattr(it, part)) for part in parts] for it in found)


def elect():
    future = ADMIN.elect_leaders(ElectionType.PREFERRED, [TopicPartition("open", 0)])
    result = future.result(LIMIT_S)
    return sorted(str(error.name() if error else "ok") for error in result.values())


def offsets(topic):
    return each(ADMIN.list_offsets({TopicPartition(topic, 0): OffsetSpec.latest()}))


def actions(stage):
    """Everything that can be refused, by name."""
    fresh = f"made-{stage}"
    topic = ConfigResource(TOPIC, "orders")
    broker = ConfigResource(CLUSTER, "1")
    done = {"metadata": outcome(metadata), "cluster": describe_cluster(), "groups": outcome(groups)}
    for name in ("open", "orders", "secret", "missing"):
        done[f"metadata of {name}"] = outcome(lambda n=name: named(n))
        done[f"produce to {name}"] = outcome(lambda n=name: produce(n)) if name != "missing" else "-"
    for name in ("open", "orders", "secret"):
        done[f"describe {name}"] = describe_topic(name)
        done[f"offsets of {name}"] = offsets(name)
        done[f"consume {name}"] = outcome(lambda n=name: consume(n, "readers"))
        done[f"commit {name}"] = commit(name, "readers")
        done[f"committed {name}"] = committed(name, "readers")
        done[f"delete records of {name}"] = each(ADMIN.delete_records([TopicPartition(name, 0, 0)]))
    done["commit in another group"] = commit("open", "others")
    done["join readers"] = subscribe("open", "readers")
    done["join others"] = subscribe("open", "others")
    done["group readers"] = describe_group("readers")
    done["group others"] = describe_group("others")
    done["idempotent"] = produce_idempotently("open")
    done["create"] = each(ADMIN.create_topics([NewTopic(fresh, 1, 1), NewTopic(f"or-{stage}", 1, 1)]))
    done["grow"] = each(ADMIN.create_partitions([NewPartitions("open", 2 + stage), NewPartitions("orders", 2 + stage)]))
    done["configuration of orders"] = each(ADMIN.describe_configs([topic]))
    done["configuration of a broker"] = each(ADMIN.describe_configs([broker]))
    done["change orders"] = incremental(TOPIC, "orders", "retention.ms", str(10_000_000 + stage))
    done["change a broker"] = incremental(CLUSTER, "1", "log.retention.ms", str(10_000_000 + stage))
    done["elect"] = outcome(elect)
    done["delete"] = each(ADMIN.delete_topics([fresh, f"or-{stage}"], operation_timeout=LIMIT_S))
    done["delete a group"] = each(ADMIN.delete_consumer_groups(["others"], request_timeout=LIMIT_S))
    done["lists"] = outcome(list_acls)
    return done


STAGES = [
    [],
    [
        acl(TOPIC, "orders", "READ"),
        acl(TOPIC, "secret", "ALL", principal="User:other"),
        acl(CLUSTER, "kafka-cluster", "ALL"),
    ],
    [
        acl(TOPIC, "or", "WRITE", pattern=PREFIXED),
        acl(TOPIC, "or", "CREATE", pattern=PREFIXED),
        acl(GROUP, "readers", "READ", principal="User:*"),
        acl(GROUP, "others", "DESCRIBE"),
        acl(CLUSTER, "kafka-cluster", "CREATE", DENY),
        acl(TOPIC, "secret", "DESCRIBE", host="192.0.2.1"),
    ],
    [
        acl(TOPIC, "*", "ALTER_CONFIGS"),
        acl(TOPIC, "orders", "WRITE", DENY),
        acl(TOPIC, "secret", "DELETE", principal="User:*"),
        acl(GROUP, "*", "DELETE", principal="User:*"),
        acl(CLUSTER, "kafka-cluster", "IDEMPOTENT_WRITE", DENY),
        acl(CLUSTER, "kafka-cluster", "DESCRIBE_CONFIGS", DENY),
    ],
    [acl(TOPIC, "*", "ALL", DENY), acl(GROUP, "*", "ALL", DENY), acl(CLUSTER, "kafka-cluster", "DESCRIBE", DENY)],
]


def wait_for_a_broker():
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            if ADMIN.list_topics(timeout=2).brokers:
                return
        except KafkaException:
            pass
        time.sleep(0.1)
    sys.exit("no broker serves")


wait_for_a_broker()
made = each(ADMIN.create_topics([NewTopic(name, 1, 1) for name in ("open", "orders", "secret")]))
assert set(made.values()) == {"ok"}, made
for name in ("open", "orders", "secret"):
    assert produce(name) == "ok"
results = []
for stage, acls in enumerate(STAGES):
    created = each(ADMIN.create_acls(acls)) if acls else {}
    time.sleep(1)
    results.append({"created": created, **actions(stage)})
wrong = AclBinding(CLUSTER, "another", LITERAL, ME, "*", AclOperation.ALL, ALLOW)
results.append({"wrong": sorted(each(ADMIN.create_acls([wrong])).values())})
found = AclBindingFilter(TOPIC, "orders", ResourcePatternType.MATCH, None, None, AclOperation.ANY, AclPermissionType.ANY)
deleted = ADMIN.delete_acls([found, ALL_FILTER])
results.append({"deleted": sorted(len(future.result(LIMIT_S)) for future in deleted.values())})
time.sleep(1)
results.append({"left": list_acls(), "produce": produce("secret")})
print(json.dumps(results, indent=1))
