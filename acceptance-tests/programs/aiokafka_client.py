"""aiokafka: what an application does with asyncio. Topics made by the administration, an idempotent producer with every
compression, a group whose second member takes over some of the partitions, offsets by time, transactions of which some are aborted.

usage: aiokafka_client.py BOOTSTRAP CA USER    (password in KAFKA_PASSWORD)
"""

import asyncio
import os
import ssl
import sys
import uuid
from collections import Counter

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

BOOTSTRAP, CA, USER = sys.argv[1:4]
RUN = uuid.uuid4().hex[:8]
CLIENT = {
    "bootstrap_servers": BOOTSTRAP,
    "security_protocol": "SASL_SSL",
    "ssl_context": ssl.create_default_context(cafile=CA),
    "sasl_mechanism": "SCRAM-SHA-512",
    "sasl_plain_username": USER,
    "sasl_plain_password": os.environ["KAFKA_PASSWORD"],
}
TOPIC, COPIES, GROUP = f"aiokafka-{RUN}", f"aiokafka-copies-{RUN}", f"aiokafka-{RUN}"
CODECS = [None, "gzip", "snappy", "lz4", "zstd"]
PARTITIONS, PER_CODEC, PATIENCE = 4, 50, 60
START_MS, STEP_MS = 1_700_000_000_000, 1000


async def until(what, condition):
    """Waits for a condition, with a deadline."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not await condition():
                await asyncio.sleep(0.02)
    except TimeoutError as error:
        raise AssertionError(f"waited in vain for {what}") from error


async def create_topics(admin):
    topics = [
        NewTopic(TOPIC, PARTITIONS, 3, topic_configs={"retention.ms": "-1"}),
        NewTopic(COPIES, 1, 3),
    ]
    for expected in (0, 36):  # none, then TOPIC_ALREADY_EXISTS
        answer = await admin.create_topics(topics)
        assert [it[1] for it in answer.topic_errors] == [expected] * 2, answer


async def produce():
    """Record `n` has its time in second `n`."""
    number = 0
    for codec in CODECS:
        async with AIOKafkaProducer(enable_idempotence=True, acks="all", compression_type=codec, **CLIENT) as producer:
            sent = []
            for _ in range(PER_CODEC):
                sent.append(
                    await producer.send(
                        TOPIC,
                        f"{RUN}-{number}".encode(),
                        key=str(number).encode(),
                        partition=number % PARTITIONS,
                        timestamp_ms=START_MS + number * STEP_MS,
                        headers=[("codec", str(codec).encode())],
                    )
                )
                number += 1
            places = {(it.partition, it.offset) for it in await asyncio.gather(*sent)}
            assert len(places) == PER_CODEC, "two records share an offset"
    return number


class Member:
    """One of a group: it reads with `getmany` and commits what it has read."""

    def __init__(self):
        self.seen, self.ending = Counter(), False
        self.consumer = AIOKafkaConsumer(
            TOPIC,
            group_id=GROUP,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            heartbeat_interval_ms=500,
            metadata_max_age_ms=1000,
            **CLIENT,
        )

    async def start(self):
        await self.consumer.start()
        self.task = asyncio.create_task(self.read())
        return self

    async def read(self):
        while not self.ending:
            batches = await self.consumer.getmany(timeout_ms=100, max_records=20)
            for records in batches.values():
                assert all(len(it.headers) == 1 for it in records), "a header is missing"
                self.seen.update(it.value for it in records)
            if batches:
                await self.consumer.commit()

    async def stop(self):
        self.ending = True
        await self.task
        await self.consumer.stop()

    def partitions(self):
        return len(self.consumer.assignment())


async def consume_together(written):
    """All at one member, then half of the partitions at each of two, then all at one again; every record once."""
    first = await Member().start()

    async def all_at_one():
        assert not first.task.done(), first.task.exception()
        return len(first.seen) == written

    await until("all records at one member", all_at_one)
    second = await Member().start()

    async def half_each():
        return first.partitions() == second.partitions() == PARTITIONS // 2

    await until("half of the partitions each", half_each)
    async with AIOKafkaProducer(**CLIENT) as producer:
        for number in range(PARTITIONS):
            await producer.send_and_wait(
                TOPIC,
                f"more-{number}".encode(),
                partition=number,
                timestamp_ms=START_MS + (written + number) * STEP_MS,
                headers=[("codec", b"")],
            )

    async def more():
        return len(first.seen) + len(second.seen) == written + PARTITIONS

    await until("new records at both", more)
    await second.stop()

    async def all_again():
        return first.partitions() == PARTITIONS

    await until("all partitions again", all_again)
    await first.stop()
    assert len(second.seen) == PARTITIONS // 2, second.seen
    twice = [value for value, times in (first.seen + second.seen).items() if times != 1]
    assert not twice, twice
    return written + PARTITIONS


async def ask_by_time(written):
    """Seeks to a time, and reads on from there."""
    async with AIOKafkaConsumer(**CLIENT) as consumer:
        partition = TopicPartition(TOPIC, 1)
        consumer.assign([partition])
        found = (await consumer.offsets_for_times({partition: START_MS + 50 * STEP_MS}))[partition]
        # The first record of partition 1 at or after second 50 is that of second 53, which is the fourteenth.
        assert (found.offset, found.timestamp) == (13, START_MS + 53 * STEP_MS), found
        consumer.seek(partition, found.offset)
        record = await asyncio.wait_for(consumer.getone(), PATIENCE)
        assert record.value == f"{RUN}-53".encode(), record
        late = await consumer.offsets_for_times({partition: START_MS + (written + 100) * STEP_MS})
        assert late[partition] is None, late
        ends = await consumer.end_offsets([TopicPartition(TOPIC, number) for number in range(PARTITIONS)])
        assert sum(ends.values()) == written, ends


async def copy():
    """Copies partition 0 in transactions with its offsets; every third is aborted, and its records are read again."""
    source, group, copied, rounds = TopicPartition(TOPIC, 0), f"copy-{RUN}", 0, 0
    producer = AIOKafkaProducer(transactional_id=f"copy-{RUN}", transaction_timeout_ms=20000, **CLIENT)
    await producer.start()
    async with AIOKafkaConsumer(
        group_id=group, enable_auto_commit=False, isolation_level="read_committed", **CLIENT
    ) as consumer:
        consumer.assign([source])
        end = (await consumer.end_offsets([source]))[source]
        while copied < end:
            consumer.seek(source, copied)
            batch = (await consumer.getmany(source, timeout_ms=1000, max_records=10)).get(source, [])
            if not batch:
                continue
            rounds += 1
            await producer.begin_transaction()
            for record in batch:
                await producer.send(COPIES, record.value, partition=0)
            await producer.send_offsets_to_transaction({source: batch[-1].offset + 1}, group)
            if rounds % 3 == 0:
                await producer.abort_transaction()
            else:
                await producer.commit_transaction()
                copied = batch[-1].offset + 1
    await producer.stop()
    assert rounds >= 3, "no transaction was aborted"
    committed, everything = await read(COPIES, "read_committed"), await read(COPIES, "read_uncommitted")
    assert len(committed) == len(set(committed)) == end, f"{len(committed)} copies of {end}"
    assert len(everything) > end, "aborted records are not there for those who read all"
    return group, end


async def read(topic, isolation):
    """All that a reader sees up to the end: markers have offsets too, so it counts by its position."""
    partition, values = TopicPartition(topic, 0), []
    async with AIOKafkaConsumer(isolation_level=isolation, **CLIENT) as consumer:
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        async with asyncio.timeout(PATIENCE):
            while await consumer.position(partition) < end:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    values += [it.value for it in records]
    return values


async def administer(admin, copier, copied, written):
    cluster = await admin.describe_cluster()
    assert len(cluster["brokers"]) == 3, cluster
    assert {TOPIC, COPIES} <= set(await admin.list_topics())
    resource = ConfigResource(ConfigResourceType.TOPIC, TOPIC)
    entries = (await admin.describe_configs([resource]))[0].resources[0][4]
    assert {it[0]: it[1] for it in entries}["retention.ms"] == "-1", entries
    assert (GROUP, "consumer") in [tuple(it[:2]) for it in await admin.list_consumer_groups()]
    described = (await admin.describe_consumer_groups([GROUP]))[0].groups[0]
    assert (described[1], described[2]) == (GROUP, "Empty"), described
    offsets = await admin.list_consumer_group_offsets(GROUP)
    assert sum(it.offset for it in offsets.values()) == written, offsets
    offsets = await admin.list_consumer_group_offsets(copier)
    assert [it.offset for it in offsets.values()] == [copied], offsets
    first = await admin.delete_records({TopicPartition(TOPIC, 0): RecordsToDelete(5)})
    assert first == {TopicPartition(TOPIC, 0): 5}, first
    await admin.create_partitions({TOPIC: NewPartitions(PARTITIONS + 1)})
    answer = await admin.delete_topics([TOPIC, COPIES])
    assert [it[1] for it in answer.topic_error_codes] == [0, 0], answer

    async def are_gone():
        return not {TOPIC, COPIES} & set(await admin.list_topics())

    await until("the end of the topics", are_gone)


async def main():
    admin = AIOKafkaAdminClient(**CLIENT)
    await admin.start()
    await create_topics(admin)
    written = await consume_together(await produce())
    await ask_by_time(written)
    copier, copied = await copy()
    await administer(admin, copier, copied, written)
    await admin.close()
    print(f"ok: {written} records")


asyncio.run(main())
