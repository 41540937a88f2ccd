"""Clients that work while faults happen to their cluster, and write down what they were told. librdkafka.

usage: nemesis.py produce  BOOTSTRAP CA USER FOLDER           idempotent records to `orders`
       nemesis.py pipeline BOOTSTRAP CA USER FOLDER SEED      copies `orders` to `copies` in transactions, aborts some of them
       nemesis.py group    BOOTSTRAP CA USER FOLDER SEED PROTOCOL    members that come and go read `orders`
       nemesis.py fill     BOOTSTRAP CA USER TOPIC MEGABYTES         records of 100 KB

The first three work until FOLDER has a file `stop`; the pipeline and the groups then go on to the end of `orders`, which is
waited for no longer than a limit. Each writes FOLDER/NAME.progress, a number that grows, and FOLDER/NAME.jsonl, a JSON object a line
in the shapes of the checkers. The password is in KAFKA_PASSWORD.
"""

import ctypes
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from librdkafka import client

ROLE, BOOTSTRAP, CA, USER, *REST = sys.argv[1:]
CLIENT = {
    **client(BOOTSTRAP, CA, USER),
    "topic.metadata.refresh.interval.ms": 1000,
    "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 500,
    "retry.backoff.ms": 50,
    "log_level": 3,
}
# How long a broker that says nothing any more is waited for.
if "KAFKA_SOCKET_TIMEOUT_MS" in os.environ:
    CLIENT["socket.timeout.ms"] = int(os.environ["KAFKA_SOCKET_TIMEOUT_MS"])
READER = {**CLIENT, "auto.offset.reset": "earliest", "isolation.level": "read_committed"}
# A call to the client that takes longer hangs, in seconds.
HANGING_S = 20
# How long the end of `orders` may take to be reached once the faults are over, in seconds.
DRAIN_S = 150


def path(name):
    return os.path.join(REST[0], name)


def stopped():
    return os.path.exists(path("stop"))


class Progress:
    """A number in a file, which whoever watches sees growing."""

    def __init__(self, name, resumed=False):
        self.file, self.number, self.written, self.lock = path(f"{name}.progress"), 0, 0.0, threading.Lock()
        if resumed and os.path.exists(self.file):
            with open(self.file) as file:
                self.number = int(file.read())
        self.add(0)

    def add(self, count):
        with self.lock:
            self.number += count
            now = time.monotonic()
            if now - self.written > 0.1 or not self.written:
                self.written = now
                with open(self.file + ".new", "w") as file:
                    file.write(str(self.number))
                os.replace(self.file + ".new", self.file)


# Errors after which the same may be asked again, but which this client calls no reason to: brokers that have just started say the last three.
AGAIN = (
    KafkaError._TIMED_OUT,
    KafkaError._TRANSPORT,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
)


def beat():
    """The pipeline does not hang."""
    if ROLE.startswith("pipeline"):
        with open(path("pipeline.beat"), "w"):
            pass


def retrying(action, deadline_s=120):
    """Does what a client may do again after a retriable error. What it comes by is on stderr, for whoever asks what it waits for."""
    deadline, last = time.monotonic() + deadline_s, None
    while True:
        beat()
        try:
            return action()
        except KafkaException as error:
            again = error.args[0].retriable() or error.args[0].code() in AGAIN
            if not again or error.args[0].fatal() or time.monotonic() > deadline:
                raise
            if str(error) != last:
                print(f"{time.time():.3f} tried again: {error}", file=sys.stderr, flush=True)
            last = str(error)
            time.sleep(0.1)


def produce():
    run, progress = uuid.uuid4().hex[:8], Progress("produce")
    sent, lock = {}, threading.Lock()

    def delivered(error, message):
        number = int(message.value().decode().rsplit("-", 1)[1])
        if error is None:
            with lock:
                # Without an offset where the answer was lost, and a later record of the partition says that this one is there.
                sent[number] |= {"acknowledged": True, "acknowledged_offset": message.offset()}
            progress.add(1)
        else:
            print(f"{message.value()}: {error}", file=sys.stderr)

    # A record is sent again until it is acknowledged, however long that takes.
    producer = Producer(
        {**CLIENT, "acks": "all", "enable.idempotence": True, "linger.ms": 5, "message.timeout.ms": 0, "retry.backoff.max.ms": 200}
    )
    partitions = sorted(retrying(lambda: producer.list_topics("orders", timeout=10)).topics["orders"].partitions)
    number = 0
    while not stopped():
        if len(producer) < 2000:
            partition, value = partitions[number % len(partitions)], f"{run}-{number}"
            with lock:
                sent[number] = {"partition": partition, "value": value, "acknowledged": False, "acknowledged_offset": None}
            producer.produce("orders", value=value, partition=partition, on_delivery=delivered)
            number += 1
        producer.poll(0)
        time.sleep(0.004)
    left = producer.flush(DRAIN_S)
    with open(path("produce.jsonl"), "w") as file:
        for number in sorted(sent):
            file.write(json.dumps(sent[number]) + "\n")
    if left:
        sys.exit(f"{left} records were never acknowledged")


def ends(consumer, partitions):
    return {it: retrying(lambda it=it: consumer.get_watermark_offsets(TopicPartition("orders", it), timeout=10))[1] for it in partitions}


class Pipeline:
    """One life of the pipeline. The next one goes on from its files."""

    def __init__(self, seed):
        self.progress = Progress("pipeline", resumed=True)
        self.number = 0
        if os.path.exists(path("pipeline.jsonl")):
            with open(path("pipeline.jsonl")) as file:
                self.number = sum(1 for _ in file)
        self.log = open(path("pipeline.jsonl"), "a", buffering=1)
        self.random = random.Random(f"{seed}/{self.number}")
        # Offset of each partition from which on it is read.
        self.begun_at = {}
        if os.path.exists(path("pipeline.open")):
            with open(path("pipeline.open")) as file:
                number, values = json.load(file)
            if number == self.number:
                self.note(values, "unknown")

    def begin(self, values):
        """Written down before anything is sent, for the next life."""
        with open(path("pipeline.new"), "w") as file:
            json.dump([self.number, values], file)
        os.replace(path("pipeline.new"), path("pipeline.open"))

    def note(self, values, outcome):
        self.log.write(json.dumps({"number": self.number, "values": values, "outcome": outcome}) + "\n")
        self.number += 1

    def is_over(self, consumer, partitions):
        if not os.path.exists(path("drain")):
            return False
        positions = {it.partition: it.offset for it in consumer.position(consumer.assignment())}
        # A partition has no position before its first record has come, which it may have no more of.
        reached = {it: max(positions.get(it, 0), self.begun_at[it]) for it in partitions}
        return all(reached[it] >= end for it, end in ends(consumer, partitions).items())

    def run(self):
        while True:
            producer = Producer({**CLIENT, "transactional.id": "pipeline", "transaction.timeout.ms": 20000, "linger.ms": 2})
            consumer = Consumer({**READER, "group.id": "pipeline", "enable.auto.commit": False})
            try:
                retrying(lambda: producer.init_transactions(10))
                if self.work(producer, consumer):
                    # All is written down, and librdkafka may hang in `close`, too.
                    os._exit(0)
            except KafkaException as error:
                print(f"pipeline begins anew: {error}", file=sys.stderr)
                time.sleep(0.2)
            finally:
                consumer.close()

    def rewind(self, consumer, partitions):
        """Back to what is committed. A client that cannot learn that for half a minute gives way to a new one: it tells whether the
        client is stuck, or the offsets."""
        wanted = [TopicPartition("orders", it) for it in partitions]
        found = retrying(lambda: consumer.committed(wanted, timeout=10), deadline_s=30)
        self.begun_at = {it.partition: max(it.offset, 0) for it in found}
        consumer.assign([TopicPartition("orders", it.partition, it.offset if it.offset >= 0 else OFFSET_BEGINNING) for it in found])

    def work(self, producer, consumer):
        """True when all is copied; false when it has to begin anew."""
        partitions = sorted(retrying(lambda: consumer.list_topics("orders", timeout=10)).topics["orders"].partitions)
        self.rewind(consumer, partitions)
        while True:
            beat()
            # Many at once where it is behind: it has to reach the end after hours of faults, too.
            batch = [it for it in consumer.consume(400, timeout=0.3) if it.error() is None]
            if not batch:
                if self.is_over(consumer, partitions):
                    return True
                continue
            values = [{"partition": it.partition(), "value": f"{it.partition()}:{it.offset()}:{self.number}"} for it in batch]
            outcome = "unknown"
            self.begin(values)
            try:
                producer.begin_transaction()
                for copy in values:
                    producer.produce("copies", key=copy["value"], **copy)
                positions = consumer.position(consumer.assignment())
                metadata = consumer.consumer_group_metadata()
                retrying(lambda: producer.send_offsets_to_transaction(positions, metadata, 10))
                if self.random.random() < 0.2:
                    producer.flush(self.random.choice([0, 10]))
                    retrying(lambda: producer.abort_transaction(10))
                    outcome = "aborted"
                else:
                    retrying(lambda: producer.commit_transaction(10))
                    outcome = "committed"
                    self.progress.add(len(batch))
            except KafkaException as error:
                if error.args[0].fatal() or not error.args[0].txn_requires_abort():
                    return False
                retrying(lambda: producer.abort_transaction(10))
                outcome = "aborted"
            finally:
                self.note(values, outcome)
            if outcome == "aborted":
                self.rewind(consumer, partitions)


def keep_pipeline(arguments):
    """librdkafka may hang when brokers die, in calls of its transactional client and in `get_watermark_offsets`, whatever timeout it is
    given. Who hangs is killed and begins anew, as people's pipelines would have to."""
    die_with_parent = ctypes.CDLL(None).prctl
    while True:
        beat()
        child = subprocess.Popen([sys.executable, sys.argv[0], "pipeline-life", *arguments], preexec_fn=lambda: die_with_parent(1, signal.SIGKILL))
        while child.poll() is None and time.time() - os.stat(path("pipeline.beat")).st_mtime < HANGING_S:
            time.sleep(0.2)
            if os.path.exists(path("drain")) and time.time() - os.stat(path("drain")).st_mtime > DRAIN_S:
                child.kill()
                sys.exit("the pipeline did not reach the end of its topic")
        if child.poll() is not None:
            sys.exit(child.returncode)
        print("the client hangs: the pipeline begins anew", file=sys.stderr, flush=True)
        child.kill()
        child.wait()


class Group:
    def __init__(self, seed, protocol):
        self.random, self.name = random.Random(seed), f"group-{protocol}"
        self.progress, self.lock = Progress(self.name), threading.Lock()
        self.log = open(path(f"{self.name}.jsonl"), "w", buffering=1 << 16)
        self.config = {**READER, "group.id": self.name, "group.protocol": protocol, "auto.commit.interval.ms": 300}
        if protocol == "classic":
            self.config.update({"session.timeout.ms": 6000, "heartbeat.interval.ms": 500, "partition.assignment.strategy": "cooperative-sticky"})
        self.over = threading.Event()

    def member(self, number):
        """One member; it leaves now and then, and comes back as another one. The first one stays."""
        life = 0
        while not self.over.is_set():
            with self.lock:
                until, name = time.monotonic() + self.random.uniform(3, 25), f"{number}.{life}"
            life += 1
            session = 0

            def assigned(consumer, partitions):
                nonlocal session
                session += 1

            consumer = Consumer(self.config)
            consumer.subscribe(["orders"], on_assign=assigned)
            while not self.over.is_set() and (number == 0 or time.monotonic() < until):
                messages = [it for it in consumer.consume(100, timeout=0.2) if it.error() is None]
                if messages:
                    with self.lock:
                        for it in messages:
                            seen = {"member": f"{name}.{session}", "partition": it.partition(), "offset": it.offset(), "value": it.value().decode()}
                            self.log.write(json.dumps(seen) + "\n")
                    self.progress.add(len(messages))
            consumer.close()

    def run(self):
        members = [threading.Thread(target=self.member, args=(number,), daemon=True) for number in range(3)]
        for member in members:
            member.start()
        while not os.path.exists(path("drain")):
            time.sleep(0.1)
        watcher = Consumer({**CLIENT, "group.id": self.name, "enable.auto.commit": False})
        partitions = sorted(retrying(lambda: watcher.list_topics("orders", timeout=10)).topics["orders"].partitions)
        wanted, deadline, lag = ends(watcher, partitions), time.monotonic() + DRAIN_S, None
        while time.monotonic() < deadline:
            found = retrying(lambda: watcher.committed([TopicPartition("orders", it) for it in partitions], timeout=10))
            lag = {it.partition: wanted[it.partition] - max(it.offset, 0) for it in found}
            if all(it <= 0 for it in lag.values()):
                break
            time.sleep(0.2)
        self.over.set()
        for member in members:
            member.join(30)
        watcher.close()
        self.log.close()
        if any(it > 0 for it in lag.values()):
            sys.exit(f"the group is stuck: it lags by {lag}")


def fill(topic, megabytes):
    producer = Producer({**CLIENT, "acks": "all"})
    for number in range(int(megabytes) * 10):
        while len(producer) > 200:
            producer.poll(0.05)
        producer.produce(topic, value=os.urandom(100_000), partition=number % 3)
    assert producer.flush(120) == 0


if ROLE == "fill":
    fill(*REST)
elif ROLE == "produce":
    produce()
elif ROLE == "pipeline":
    keep_pipeline(sys.argv[2:])
elif ROLE == "pipeline-life":
    Pipeline(int(REST[1])).run()
else:
    Group(int(REST[1]), REST[2]).run()
