// Asks a broker a second list of requests, right and wrong: about topics, records, transactions and configurations. See
// Answers.java, with which it is compiled: java -cp 'classes:jars/*' Records BOOTSTRAP

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.record.internal.*;
import org.apache.kafka.common.utils.Crc32C;

public class Records extends Answers {
    static final long TIME = 1_700_000_000_000L;
    static final long NOW = System.currentTimeMillis();
    static String host;
    static int port;

    public static void main(String[] arguments) throws Exception {
        String[] address = arguments[0].split(",")[0].split(":");
        host = address[0];
        port = Integer.parseInt(address[1]);
        connect(host, port);
        Uuid topic = createTopic("records", 2);
        Uuid compacted = makeTopic("compacted", "cleanup.policy", "compact");
        Uuid timed = makeTopic("timed", "message.timestamp.before.max.ms", "3600000");
        Uuid small = makeTopic("small", "max.message.bytes", "200");
        Uuid appended = makeTopic("appended", "message.timestamp.type", "LogAppendTime");
        awaitGroups();
        topics();
        batches(topic);
        refusedRecords(compacted, timed, small, appended);
        idempotent(topic);
        reading(topic);
        offsets();
        epochs();
        deletion();
        transactions(topic);
        configurations();
        partitions();
        accessControl();
    }

    /** Asks, and prints the answer, or that the broker has hung up. */
    @SuppressWarnings("unchecked")
    static <T extends ApiMessage> T show(String what, ApiMessage request, int version) throws Exception {
        ApiMessage response = askAgain(what, request, version);
        if (response == null) {
            return null;
        }
        Class<?> converter = Class.forName(response.getClass().getName() + "JsonConverter");
        JsonNode json = (JsonNode) converter.getMethod("write", response.getClass(), short.class)
                .invoke(null, response, (short) version);
        if (response instanceof CreateTopicsResponseData) {
            json.get("topics").forEach(topic -> ((ObjectNode) topic).remove(List.of("topicId", "configs")));
        }
        if (json instanceof ObjectNode object) {
            object.remove(List.of("clusterId", "brokers"));
        }
        System.out.println(what + ": " + plain(json));
        return (T) response;
    }

    static ApiMessage askAgain(String what, ApiMessage request, int version) throws Exception {
        try {
            return ask(request, version);
        } catch (java.io.IOException closed) {
            System.out.println(what + ": closed");
            socket = null;
            connect(host, port);
            return null;
        }
    }

    /** Until a coordinator of groups answers. */
    static void awaitGroups() throws Exception {
        for (int attempt = 0; attempt < 300; attempt++) {
            FindCoordinatorResponseData found = (FindCoordinatorResponseData) ask(
                    new FindCoordinatorRequestData().setKeyType((byte) 0).setCoordinatorKeys(List.of("x")), 4);
            ListGroupsResponseData listed = (ListGroupsResponseData) ask(new ListGroupsRequestData(), 5);
            if (found.coordinators().get(0).errorCode() == 0 && listed.errorCode() == 0) {
                return;
            }
            Thread.sleep(100);
        }
        throw new AssertionError("no coordinator");
    }

    static Uuid makeTopic(String name, String... configs) throws Exception {
        CreateTopicsRequestData request = new CreateTopicsRequestData().setTimeoutMs(30_000);
        CreateTopicsRequestData.CreatableTopic wanted = new CreateTopicsRequestData.CreatableTopic().setName(name)
                .setNumPartitions(1).setReplicationFactor((short) 1);
        for (int at = 0; at < configs.length; at += 2) {
            wanted.configs().add(new CreateTopicsRequestData.CreatableTopicConfig().setName(configs[at]).setValue(configs[at + 1]));
        }
        request.topics().add(wanted);
        ask(request, 7);
        return awaitLeaders(name);
    }

    static CreateTopicsRequestData.CreatableTopic topic(String name, int partitions, int replicas) {
        return new CreateTopicsRequestData.CreatableTopic().setName(name).setNumPartitions(partitions)
                .setReplicationFactor((short) replicas);
    }

    static CreateTopicsRequestData created(CreateTopicsRequestData.CreatableTopic... topics) {
        CreateTopicsRequestData request = new CreateTopicsRequestData().setTimeoutMs(30_000).setValidateOnly(true);
        for (CreateTopicsRequestData.CreatableTopic topic : topics) {
            request.topics().add(topic);
        }
        return request;
    }

    static CreateTopicsRequestData.CreatableTopic with(CreateTopicsRequestData.CreatableTopic topic, String name, String value) {
        topic.configs().add(new CreateTopicsRequestData.CreatableTopicConfig().setName(name).setValue(value));
        return topic;
    }

    static CreateTopicsRequestData.CreatableTopic placed(String name, List<List<Integer>> replicas) {
        CreateTopicsRequestData.CreatableTopic topic = topic(name, -1, -1);
        for (int at = 0; at < replicas.size(); at++) {
            topic.assignments().add(new CreateTopicsRequestData.CreatableReplicaAssignment().setPartitionIndex(at)
                    .setBrokerIds(replicas.get(at)));
        }
        return topic;
    }

    static void topics() throws Exception {
        show("defaults", created(topic("new", -1, -1)), 7);
        show("defaults in an old version", created(topic("new", -1, -1)), 3);
        show("exists", created(topic("records", 1, 1)), 7);
        show("no name", created(topic("", 1, 1)), 7);
        show("a dot", created(topic(".", 1, 1)), 7);
        show("too long", created(topic("x".repeat(250), 1, 1)), 7);
        show("long", created(topic("x".repeat(249), 1, 1)), 7);
        show("collides", created(topic("with.dot", 1, 1)), 7);
        show("no partitions", created(topic("new", 0, 1)), 7);
        show("less than none", created(topic("new", -2, 1)), 7);
        show("no replicas", created(topic("new", 1, 0)), 7);
        show("more replicas than brokers", created(topic("new", 1, 9)), 7);
        show("too many partitions", created(topic("new", 10_001, 1)), 7);
        show("twice", created(topic("new", 1, 1), topic("new", 1, 1)), 7);
        show("one of two", created(topic("new", 1, 1), topic("bad name", 1, 1)), 7);
        show("a setting", created(with(topic("new", 1, 1), "retention.ms", "1000")), 7);
        show("no such setting", created(with(topic("new", 1, 1), "no.such", "1")), 7);
        show("a wrong setting", created(with(topic("new", 1, 1), "retention.ms", "soon")), 7);
        show("an empty setting", created(with(topic("new", 1, 1), "retention.ms", null)), 7);
        show("settings that fight", created(with(with(topic("new", 1, 1), "segment.bytes", "10"), "cleanup.policy", "odd")), 7);
        show("replicas unknown", created(placed("new", List.of(List.of(77)))), 7);
        show("replicas twice", created(placed("new", List.of(List.of(1, 1)))), 7);
        show("no replica", created(placed("new", List.of(List.of()))), 7);
        show("uneven", created(placed("new", List.of(List.of(1), List.of(1, 2)))), 7);
        show("placed", created(placed("new", List.of(List.of(1), List.of(1)))), 7);
        CreateTopicsRequestData.CreatableTopic both = placed("new", List.of(List.of(1)));
        show("placed and counted", created(both.setNumPartitions(1)), 7);
        CreateTopicsRequestData.CreatableTopic gap = topic("new", -1, -1);
        gap.assignments().add(new CreateTopicsRequestData.CreatableReplicaAssignment().setPartitionIndex(1).setBrokerIds(List.of(1)));
        show("a gap", created(gap), 7);
        show("nothing", created(), 7);
        show("internal", created(topic("__consumer_offsets", 1, 1)), 7);
        show("deleted, unknown", new DeleteTopicsRequestData().setTimeoutMs(30_000).setTopics(List.of(
                new DeleteTopicsRequestData.DeleteTopicState().setName("nowhere"))), 6);
        show("deleted, unknown id", new DeleteTopicsRequestData().setTimeoutMs(30_000).setTopics(List.of(
                new DeleteTopicsRequestData.DeleteTopicState().setName(null).setTopicId(new Uuid(1, 2)))), 6);
        show("deleted, neither", new DeleteTopicsRequestData().setTimeoutMs(30_000).setTopics(List.of(
                new DeleteTopicsRequestData.DeleteTopicState().setName(null))), 6);
        show("deleted, both", new DeleteTopicsRequestData().setTimeoutMs(30_000).setTopics(List.of(
                new DeleteTopicsRequestData.DeleteTopicState().setName("records").setTopicId(new Uuid(1, 2)))), 6);
        show("deleted, twice", new DeleteTopicsRequestData().setTimeoutMs(30_000).setTopics(List.of(
                new DeleteTopicsRequestData.DeleteTopicState().setName("nowhere"),
                new DeleteTopicsRequestData.DeleteTopicState().setName("nowhere"))), 6);
        show("metadata of unknown", new MetadataRequestData().setAllowAutoTopicCreation(false).setTopics(List.of(
                new MetadataRequestData.MetadataRequestTopic().setName("nowhere"))), 12);
        show("metadata of bad", new MetadataRequestData().setAllowAutoTopicCreation(false).setTopics(List.of(
                new MetadataRequestData.MetadataRequestTopic().setName("bad name"))), 12);
        show("metadata of bad, to be made", new MetadataRequestData().setAllowAutoTopicCreation(true).setTopics(List.of(
                new MetadataRequestData.MetadataRequestTopic().setName("bad name"))), 12);
        show("metadata of an unknown id", new MetadataRequestData().setTopics(List.of(
                new MetadataRequestData.MetadataRequestTopic().setName(null).setTopicId(new Uuid(1, 2)))), 12);
        show("metadata of none", new MetadataRequestData().setTopics(List.of()), 12);
        show("metadata twice", new MetadataRequestData().setTopics(List.of(
                new MetadataRequestData.MetadataRequestTopic().setName("compacted"),
                new MetadataRequestData.MetadataRequestTopic().setName("compacted"))), 12);
        show("metadata with operations", new MetadataRequestData().setIncludeTopicAuthorizedOperations(true).setTopics(List.of(
                new MetadataRequestData.MetadataRequestTopic().setName("compacted"))), 12);
        show("partitions of a topic", new DescribeTopicPartitionsRequestData().setTopics(List.of(
                new DescribeTopicPartitionsRequestData.TopicRequest().setName("records"),
                new DescribeTopicPartitionsRequestData.TopicRequest().setName("nowhere"))), 0);
        show("one partition of a topic", new DescribeTopicPartitionsRequestData().setResponsePartitionLimit(1).setTopics(List.of(
                new DescribeTopicPartitionsRequestData.TopicRequest().setName("records"))), 0);
        show("from a place on", new DescribeTopicPartitionsRequestData().setTopics(List.of(
                new DescribeTopicPartitionsRequestData.TopicRequest().setName("records")))
                .setCursor(new DescribeTopicPartitionsRequestData.Cursor().setTopicName("records").setPartitionIndex(1)), 0);
        show("from a bad place on", new DescribeTopicPartitionsRequestData().setTopics(List.of(
                new DescribeTopicPartitionsRequestData.TopicRequest().setName("records")))
                .setCursor(new DescribeTopicPartitionsRequestData.Cursor().setTopicName("records").setPartitionIndex(-1)), 0);
    }

    static SimpleRecord record(String key, String value) {
        return new SimpleRecord(TIME, key == null ? null : key.getBytes(), value == null ? null : value.getBytes());
    }

    static SimpleRecord now(String key, String value) {
        return new SimpleRecord(NOW, key.getBytes(), value.getBytes());
    }

    static MemoryRecords plain(SimpleRecord... records) {
        return MemoryRecords.withRecords(Compression.NONE, records);
    }

    static ProduceRequestData produced(String topic, Uuid id, int partition, int acks, BaseRecords records) {
        ProduceRequestData request = new ProduceRequestData().setAcks((short) acks).setTimeoutMs(30_000);
        request.topicData().add(new ProduceRequestData.TopicProduceData().setName(topic).setTopicId(id).setPartitionData(
                List.of(new ProduceRequestData.PartitionProduceData().setIndex(partition).setRecords(records))));
        return request;
    }

    static void batches(Uuid topic) throws Exception {
        show("a record", produced("records", topic, 0, -1, plain(record("a", "1"))), 13);
        show("by name", produced("records", topic, 0, 1, plain(record("b", "2"), record(null, null))), 12);
        show("an old version", produced("records", topic, 0, 1, plain(record("b", "2"))), 3);
        for (Compression compression : List.of(Compression.gzip().build(), Compression.snappy().build(), Compression.lz4().build(),
                Compression.zstd().build())) {
            show("compressed", produced("records", topic, 0, -1, MemoryRecords.withRecords(compression, record("c", "3"))), 11);
        }
        show("zstd in an old version", produced("records", topic, 0, -1,
                MemoryRecords.withRecords(Compression.zstd().build(), record("c", "3"))), 6);
        show("no such partition", produced("records", topic, 7, -1, plain(record("a", "1"))), 13);
        show("no such topic", produced("nowhere", topic, 0, -1, plain(record("a", "1"))), 12);
        show("no such id", produced("nowhere", new Uuid(1, 2), 0, -1, plain(record("a", "1"))), 13);
        show("acks of two", produced("records", topic, 0, 2, plain(record("a", "1"))), 13);
        show("no bytes", produced("records", topic, 0, -1, MemoryRecords.EMPTY), 12);
        ByteBuffer two = ByteBuffer.allocate(4096);
        two.put(plain(record("a", "1")).buffer().duplicate());
        two.put(plain(record("b", "2")).buffer().duplicate());
        two.flip();
        show("two batches", produced("records", topic, 0, -1, MemoryRecords.readableRecords(two)), 12);
        show("flipped", produced("records", topic, 0, -1, broken(buffer -> buffer.put(buffer.limit() - 2, (byte) 99))), 12);
        show("bad magic", produced("records", topic, 0, -1, broken(buffer -> buffer.put(16, (byte) 9))), 12);
        show("cut", produced("records", topic, 0, -1, broken(buffer -> buffer.limit(buffer.limit() - 3))), 12);
        show("old magic", produced("records", topic, 0, -1, MemoryRecords.withRecords((byte) 1, Compression.NONE, record("a", "1"))), 12);
        show("control", produced("records", topic, 0, -1, MemoryRecords.withEndTransactionMarker(5L, (short) 0,
                new EndTransactionMarker(ControlRecordType.COMMIT, 0))), 12);
        show("count is wrong", produced("records", topic, 0, -1, recounted(7)), 12);
        show("base offset", produced("records", topic, 0, -1, MemoryRecords.withRecords(40L, Compression.NONE, record("a", "1"))), 12);
    }

    static MemoryRecords broken(Consumer<ByteBuffer> change) {
        ByteBuffer whole = plain(record("key", "value")).buffer().duplicate();
        ByteBuffer copy = ByteBuffer.allocate(whole.remaining());
        copy.put(whole);
        copy.flip();
        change.accept(copy);
        return MemoryRecords.readableRecords(copy);
    }

    /** A batch whose header says another number of records, with a checksum that is right. */
    static MemoryRecords recounted(int count) {
        return broken(buffer -> {
            buffer.putInt(57, count);
            buffer.putInt(23, count - 1);
            long crc = Crc32C.compute(buffer, 21, buffer.limit() - 21);
            buffer.putInt(17, (int) crc);
        });
    }

    static void refusedRecords(Uuid compacted, Uuid timed, Uuid small, Uuid appended) throws Exception {
        show("keys", produced("compacted", compacted, 0, -1, plain(record("a", "1"), record("b", null))), 12);
        show("some keys", produced("compacted", compacted, 0, -1, plain(record(null, "1"), record("b", "2"), record(null, "3"))), 12);
        show("some keys, compressed", produced("compacted", compacted, 0, -1, MemoryRecords.withRecords(Compression.gzip().build(),
                record(null, "1"), record("b", "2"))), 12);
        show("some keys, an old version", produced("compacted", compacted, 0, -1, plain(record(null, "1"))), 7);
        SimpleRecord early = new SimpleRecord(NOW - 7_200_000, "a".getBytes(), "1".getBytes());
        SimpleRecord late = new SimpleRecord(NOW + 7_200_000, "a".getBytes(), "1".getBytes());
        SimpleRecord never = new SimpleRecord(-1, "a".getBytes(), "1".getBytes());
        times("early", produced("timed", timed, 0, -1, plain(early, now("b", "2"))));
        times("late", produced("timed", timed, 0, -1, plain(now("b", "2"), late)));
        times("without", produced("timed", timed, 0, -1, plain(never)));
        times("late elsewhere", produced("compacted", compacted, 0, -1, plain(record("b", "2"), late, record(null, "c"))));
        show("large", produced("small", small, 0, -1, plain(record("a", "x".repeat(300)))), 12);
        show("not so large", produced("small", small, 0, -1, plain(record("a", "x".repeat(100)))), 12);
        ProduceResponseData answer = (ProduceResponseData) ask(produced("appended", appended, 0, -1, plain(early)), 12);
        long time = answer.responses().iterator().next().partitionResponses().get(0).logAppendTimeMs();
        System.out.println("append time: " + (time >= NOW - 60_000));
    }

    /** Texts with times of now in them. */
    static void times(String what, ProduceRequestData request) throws Exception {
        ProduceResponseData answer = (ProduceResponseData) ask(request, 12);
        ProduceResponseData.PartitionProduceResponse partition = answer.responses().iterator().next().partitionResponses().get(0);
        List<String> errors = new ArrayList<>();
        partition.recordErrors().forEach(it -> errors.add(it.batchIndex() + " "
                + it.batchIndexErrorMessage().replaceAll("[0-9]{6,}", "T")));
        System.out.println(what + ": " + partition.errorCode() + " " + errors + " " + partition.errorMessage());
    }

    static MemoryRecords sequenced(long producer, int epoch, int sequence, int count) {
        SimpleRecord[] records = new SimpleRecord[count];
        for (int at = 0; at < count; at++) {
            records[at] = record("k", "v" + (sequence + at));
        }
        return MemoryRecords.withIdempotentRecords(Compression.NONE, producer, (short) epoch, sequence, records);
    }

    static void idempotent(Uuid topic) throws Exception {
        InitProducerIdResponseData made = null;
        for (int attempt = 0; attempt < 300 && (made == null || made.errorCode() != 0); attempt++) {
            Thread.sleep(made == null ? 0 : 100);
            made = (InitProducerIdResponseData) ask(new InitProducerIdRequestData().setTransactionalId(null)
                    .setTransactionTimeoutMs(60_000), 5);
        }
        long producer = made.producerId();
        System.out.println("made: " + made.errorCode() + " " + made.producerEpoch());
        show("first", produced("records", topic, 1, -1, sequenced(producer, 0, 0, 3)), 13);
        show("next", produced("records", topic, 1, -1, sequenced(producer, 0, 3, 2)), 13);
        show("again", produced("records", topic, 1, -1, sequenced(producer, 0, 3, 2)), 13);
        show("the one before", produced("records", topic, 1, -1, sequenced(producer, 0, 0, 3)), 13);
        show("a part of it", produced("records", topic, 1, -1, sequenced(producer, 0, 0, 2)), 13);
        show("a gap", produced("records", topic, 1, -1, sequenced(producer, 0, 9, 1)), 13);
        for (int at = 5; at < 12; at++) {
            ask(produced("records", topic, 1, -1, sequenced(producer, 0, at, 1)), 13);
        }
        show("too long ago", produced("records", topic, 1, -1, sequenced(producer, 0, 0, 3)), 13);
        show("the next epoch in the middle", produced("records", topic, 1, -1, sequenced(producer, 1, 5, 1)), 13);
        show("the next epoch", produced("records", topic, 1, -1, sequenced(producer, 1, 0, 1)), 13);
        show("the epoch before", produced("records", topic, 1, -1, sequenced(producer, 0, 12, 1)), 13);
        show("an old epoch, old version", produced("records", topic, 1, -1, sequenced(producer, 0, 12, 1)), 8);
        show("unknown producer in the middle", produced("records", topic, 1, -1, sequenced(producer + 4_000, 0, 7, 1)), 13);
        show("an id of its own", produced("records", topic, 1, -1, sequenced(producer + 5_000, 3, 0, 1)), 13);
    }

    static FetchRequestData fetched(Uuid id, String name, int partition, long offset) {
        return new FetchRequestData().setMaxWaitMs(0).setMinBytes(0).setMaxBytes(1 << 20).setSessionId(0).setSessionEpoch(-1)
                .setTopics(List.of(new FetchRequestData.FetchTopic().setTopicId(id).setTopic(name).setPartitions(List.of(
                        new FetchRequestData.FetchPartition().setPartition(partition).setFetchOffset(offset)
                                .setPartitionMaxBytes(1 << 20)))));
    }

    /** What was fetched, without the bytes. */
    static void look(String what, FetchRequestData request, int version) throws Exception {
        FetchResponseData answer = (FetchResponseData) askAgain(what, request, version);
        if (answer == null) {
            return;
        }
        StringBuilder line = new StringBuilder(what + ": " + answer.errorCode() + (answer.sessionId() == 0 ? "" : " session"));
        answer.responses().forEach(topic -> topic.partitions().forEach(it -> {
            line.append(" [").append(it.partitionIndex()).append(" error ").append(it.errorCode()).append(" high ")
                    .append(it.highWatermark()).append(" stable ").append(it.lastStableOffset()).append(" start ")
                    .append(it.logStartOffset()).append(" aborted ").append(it.abortedTransactions() == null ? "null"
                            : String.valueOf(it.abortedTransactions().size()))
                    .append(" diverging ").append(it.divergingEpoch().endOffset()).append(" leader ").append(it.currentLeader().leaderId());
            if (it.records() == null) {
                line.append(" null");
            } else {
                for (RecordBatch batch : ((MemoryRecords) it.records()).batches()) {
                    line.append(" ").append(batch.baseOffset()).append("-").append(batch.lastOffset()).append("@")
                            .append(batch.partitionLeaderEpoch()).append(batch.isControlBatch() ? "c" : "")
                            .append(batch.isTransactional() ? "t" : "");
                }
            }
            line.append("]");
        }));
        System.out.println(line);
    }

    static void reading(Uuid topic) throws Exception {
        look("all", fetched(topic, "records", 0, 0), 13);
        look("by name", fetched(topic, "records", 0, 3), 12);
        look("newest version", fetched(topic, "records", 0, 3), 17);
        look("old version", fetched(topic, "records", 0, 3), 4);
        look("the end", fetched(topic, "records", 1, 13), 13);
        look("past the end", fetched(topic, "records", 0, 99), 13);
        look("before the start", fetched(topic, "records", 0, -2), 13);
        look("no such partition", fetched(topic, "records", 9, 0), 13);
        look("no such topic", fetched(topic, "nowhere", 0, 0), 12);
        look("no such id", fetched(new Uuid(1, 2), "", 0, 0), 13);
        look("little", small(topic, 1), 13);
        look("little in all", fetched(topic, "records", 0, 0).setMaxBytes(1), 13);
        look("zero in all", fetched(topic, "records", 0, 0).setMaxBytes(0), 13);
        look("committed", fetched(topic, "records", 1, 0).setIsolationLevel((byte) 1), 13);
        FetchRequestData epochs = fetched(topic, "records", 0, 1);
        epochs.topics().get(0).partitions().get(0).setCurrentLeaderEpoch(0);
        look("epoch", epochs, 13);
        epochs.topics().get(0).partitions().get(0).setCurrentLeaderEpoch(9);
        look("epoch ahead", epochs, 13);
        epochs.topics().get(0).partitions().get(0).setCurrentLeaderEpoch(0).setLastFetchedEpoch(0);
        look("fetched epoch", epochs, 13);
        epochs.topics().get(0).partitions().get(0).setLastFetchedEpoch(7);
        look("fetched epoch ahead", epochs, 13);
        look("session unknown", fetched(topic, "records", 0, 0).setSessionId(77).setSessionEpoch(3), 13);
        look("session to be closed", fetched(topic, "records", 0, 0).setSessionId(77).setSessionEpoch(-1), 13);
        look("session of odd epoch", fetched(topic, "records", 0, 0).setSessionId(0).setSessionEpoch(5), 13);
        FetchResponseData opened = (FetchResponseData) ask(fetched(topic, "records", 0, 0).setSessionEpoch(0), 13);
        System.out.println("opened: " + opened.errorCode() + " " + (opened.sessionId() != 0));
        FetchRequestData more = fetched(topic, "records", 0, 1_000).setSessionId(opened.sessionId()).setSessionEpoch(1).setTopics(List.of());
        look("the same again", more, 13);
        look("epoch again", more, 13);
        look("epoch skipped", more.setSessionEpoch(5), 13);
        look("another partition", fetched(topic, "records", 1, 12).setSessionId(opened.sessionId()).setSessionEpoch(2), 13);
        look("forgotten", more.setSessionEpoch(3).setForgottenTopicsData(List.of(new FetchRequestData.ForgottenTopic().setTopicId(topic)
                .setPartitions(List.of(0)))), 13);
        look("none left of it", more.setSessionEpoch(4).setForgottenTopicsData(List.of()), 13);
        FetchRequestData closing = fetched(topic, "records", 0, 1).setSessionId(opened.sessionId()).setSessionEpoch(-1);
        look("closed", closing, 13);
        look("closed already", more.setSessionEpoch(5), 13);
        FetchRequestData debug = fetched(topic, "records", 0, 1).setReplicaState(new FetchRequestData.ReplicaState().setReplicaId(-2));
        look("who debugs", debug, 17);
    }

    static FetchRequestData small(Uuid topic, int bytes) {
        FetchRequestData request = fetched(topic, "records", 0, 0);
        request.topics().get(0).partitions().get(0).setPartitionMaxBytes(bytes);
        return request;
    }

    static ListOffsetsRequestData listed(String topic, int partition, long timestamp) {
        return new ListOffsetsRequestData().setReplicaId(-1).setTopics(List.of(new ListOffsetsRequestData.ListOffsetsTopic()
                .setName(topic).setPartitions(List.of(new ListOffsetsRequestData.ListOffsetsPartition().setPartitionIndex(partition)
                        .setTimestamp(timestamp)))));
    }

    static void offsets() throws Exception {
        for (long timestamp : List.of(-1L, -2L, -4L, -5L, -6L, -7L)) {
            for (int version : List.of(1, 7, 8, 9, 10)) {
                show("offset " + timestamp + " in " + version, listed("records", 0, timestamp), version);
            }
        }
        ListOffsetsResponseData newest = (ListOffsetsResponseData) ask(listed("records", 0, -3), 7);
        System.out.println("newest time: " + newest.topics().get(0).partitions().get(0).errorCode() + " "
                + newest.topics().get(0).partitions().get(0).offset() + " "
                + (newest.topics().get(0).partitions().get(0).timestamp() == TIME));
        show("time to have been", listed("records", 0, TIME - 1), 10);
        show("time to come", listed("records", 0, NOW + 99_000_000), 7);
        show("no such partition", listed("records", 9, -1), 7);
        show("no such topic", listed("nowhere", 0, -1), 7);
        show("committed", listed("records", 0, -1).setIsolationLevel((byte) 1), 7);
        show("of an empty one", listed("small", 0, -2), 7);
        ListOffsetsRequestData epoch = listed("records", 0, -1);
        epoch.topics().get(0).partitions().get(0).setCurrentLeaderEpoch(9);
        show("epoch ahead", epoch, 7);
        ListOffsetsRequestData twice = listed("records", 0, -1);
        twice.topics().get(0).setPartitions(List.of(twice.topics().get(0).partitions().get(0).duplicate(),
                twice.topics().get(0).partitions().get(0).duplicate().setTimestamp(-2)));
        show("twice", twice, 7);
    }

    static OffsetForLeaderEpochRequestData epochOf(String topic, int partition, int current, int wanted) {
        OffsetForLeaderEpochRequestData request = new OffsetForLeaderEpochRequestData().setReplicaId(-1);
        request.topics().add(new OffsetForLeaderEpochRequestData.OffsetForLeaderTopic().setTopic(topic).setPartitions(List.of(
                new OffsetForLeaderEpochRequestData.OffsetForLeaderPartition().setPartition(partition).setCurrentLeaderEpoch(current)
                        .setLeaderEpoch(wanted))));
        return request;
    }

    static void epochs() throws Exception {
        show("epoch", epochOf("records", 0, -1, 0), 4);
        show("epoch before", epochOf("records", 0, -1, -1), 4);
        show("epoch to come", epochOf("records", 0, -1, 5), 4);
        show("current ahead", epochOf("records", 0, 3, 0), 4);
        show("no such partition", epochOf("records", 8, -1, 0), 4);
        show("no such topic", epochOf("nowhere", 0, -1, 0), 4);
        show("old version", epochOf("records", 0, -1, 0), 2);
    }

    static DeleteRecordsRequestData deleted(String topic, int partition, long offset) {
        return new DeleteRecordsRequestData().setTimeoutMs(30_000).setTopics(List.of(new DeleteRecordsRequestData.DeleteRecordsTopic()
                .setName(topic).setPartitions(List.of(new DeleteRecordsRequestData.DeleteRecordsPartition().setPartitionIndex(partition)
                        .setOffset(offset)))));
    }

    static void deletion() throws Exception {
        show("deleted up to", deleted("records", 0, 2), 2);
        show("deleted before", deleted("records", 0, 1), 2);
        show("deleted too much", deleted("records", 0, 999), 2);
        show("deleted oddly", deleted("records", 0, -2), 2);
        show("deleted from no partition", deleted("records", 9, 1), 2);
        show("deleted from nowhere", deleted("nowhere", 0, 1), 2);
        show("deleted where it is compacted", deleted("compacted", 0, 1), 2);
        show("deleted all", deleted("records", 1, -1), 2);
        show("deleted by the brokers' own", deleted("__consumer_offsets", 0, 0), 2);
        show("first then", listed("records", 0, -2), 7);
        show("first of the other", listed("records", 1, -2), 7);
    }

    static AddPartitionsToTxnRequestData added(String id, long producer, int epoch, int... partitions) {
        AddPartitionsToTxnRequestData request = new AddPartitionsToTxnRequestData().setV3AndBelowTransactionalId(id)
                .setV3AndBelowProducerId(producer).setV3AndBelowProducerEpoch((short) epoch);
        List<Integer> wanted = new ArrayList<>();
        for (int partition : partitions) {
            wanted.add(partition);
        }
        request.v3AndBelowTopics().add(new AddPartitionsToTxnRequestData.AddPartitionsToTxnTopic().setName("records")
                .setPartitions(wanted));
        return request;
    }

    static EndTxnRequestData ended(String id, long producer, int epoch, boolean committed) {
        return new EndTxnRequestData().setTransactionalId(id).setProducerId(producer).setProducerEpoch((short) epoch)
                .setCommitted(committed);
    }

    static MemoryRecords transactional(long producer, int epoch, int sequence) {
        return MemoryRecords.withTransactionalRecords(Compression.NONE, producer, (short) epoch, sequence, record("t", "v"));
    }

    static InitProducerIdRequestData initialised(String id, int timeout, long producer, int epoch) {
        return new InitProducerIdRequestData().setTransactionalId(id).setTransactionTimeoutMs(timeout).setProducerId(producer)
                .setProducerEpoch((short) epoch);
    }

    static void code(String what, short code, Object... more) {
        System.out.println(what + ": " + code + " " + List.of(more));
    }

    static InitProducerIdResponseData init(String what, InitProducerIdRequestData request, int version) throws Exception {
        InitProducerIdResponseData answer = (InitProducerIdResponseData) ask(request, version);
        // The coordinator may be loading still, or be writing what it was asked before.
        for (int attempt = 0; attempt < 300 && List.of(14, 15, 16, 51).contains((int) answer.errorCode()); attempt++) {
            Thread.sleep(50);
            answer = (InitProducerIdResponseData) ask(request, version);
        }
        code(what, answer.errorCode(), answer.producerEpoch(), answer.producerId() >= 0);
        return answer;
    }

    static void transactions(Uuid topic) throws Exception {
        init("no time", initialised("t", 0, -1, -1), 5);
        init("too much time", initialised("t", 900_001, -1, -1), 5);
        init("no id", initialised("", 60_000, -1, -1), 5);
        init("epoch without id", initialised("t", 60_000, -1, 3), 5);
        for (int attempt = 0; attempt < 300; attempt++) {
            ask(new FindCoordinatorRequestData().setKeyType((byte) 1).setCoordinatorKeys(List.of("t")), 4);
            if (((InitProducerIdResponseData) ask(initialised("t", 60_000, -1, -1), 5)).errorCode() == 0) {
                break;
            }
            Thread.sleep(100);
        }
        InitProducerIdResponseData one = init("a producer", initialised("u", 60_000, -1, -1), 5);
        long producer = one.producerId();
        NAMES.put(String.valueOf(producer), "producer");
        init("its next epoch", initialised("u", 60_000, producer, 0), 5);
        init("an old epoch", initialised("u", 60_000, producer, 0), 5);
        init("another producer's", initialised("u", 60_000, producer + 1, 0), 5);
        int epoch = 2;
        InitProducerIdResponseData again = init("anew", initialised("u", 60_000, -1, -1), 5);
        epoch = again.producerEpoch();
        show("added", added("u", producer, epoch, 0), 3);
        show("added again", added("u", producer, epoch, 0, 1), 3);
        show("added, no such partition", added("u", producer, epoch, 9), 3);
        show("added by an old epoch", added("u", producer, epoch - 1, 0), 3);
        show("added by an old epoch, old version", added("u", producer, epoch - 1, 0), 1);
        show("added by another", added("u", producer + 1, epoch, 0), 3);
        show("added by nobody", added("nobody", producer, epoch, 0), 3);
        show("written", produced("records", topic, 0, -1, transactional(producer, epoch, 0)).setTransactionalId("u"), 11);
        show("written without", produced("records", topic, 0, -1, transactional(producer, epoch, 1)), 11);
        show("written by an old epoch", produced("records", topic, 0, -1, transactional(producer, epoch - 1, 1)).setTransactionalId("u"), 11);
        show("not of it", produced("records", topic, 0, -1, sequenced(producer, epoch, 1, 1)), 11);
        look("uncommitted", fetched(topic, "records", 0, 15), 13);
        look("committed", fetched(topic, "records", 0, 15).setIsolationLevel((byte) 1), 13);
        show("stable offset", listed("records", 0, -1).setIsolationLevel((byte) 1), 7);
        show("described", new DescribeTransactionsRequestData().setTransactionalIds(List.of("nobody", "")), 0);
        transactionOf("u");
        show("offsets of a group", new AddOffsetsToTxnRequestData().setTransactionalId("u").setProducerId(producer)
                .setProducerEpoch((short) epoch).setGroupId("in-transaction"), 3);
        show("offsets by an old epoch", new AddOffsetsToTxnRequestData().setTransactionalId("u").setProducerId(producer)
                .setProducerEpoch((short) (epoch - 1)).setGroupId("in-transaction"), 3);
        show("committed by an unknown member", offsetsIn("u", producer, epoch, "m", 3), 3);
        show("committed in it", offsetsIn("u", producer, epoch, "", -1), 3);
        show("committed by an unknown member of a group that waits", offsetsIn("u", producer, epoch, "m", 3), 3);
        show("committed in a generation of one", offsetsIn("u", producer, epoch, "", 3), 3);
        show("committed by a member in no generation", offsetsIn("u", producer, epoch, "m", -1), 3);
        DescribeGroupsRequestData waiting = new DescribeGroupsRequestData().setGroups(List.of("in-transaction"));
        show("a group with pending offsets", waiting, 5);
        show("a group with pending offsets, newest version", waiting, 6);
        show("committed by an old epoch", offsetsIn("u", producer, epoch - 1, "", -1), 3);
        show("written to the brokers' own", produced("__consumer_offsets", topic, 0, -1, plain(record("a", "1"))), 12);
        show("pending", fetch("in-transaction", null, -1), 8);
        OffsetFetchRequestData stable = fetch("in-transaction", null, -1).setRequireStable(true);
        show("pending, stable", stable, 8);
        show("ended by an old epoch", ended("u", producer, epoch - 1, true), 3);
        show("ended by another", ended("u", producer + 1, epoch, true), 3);
        show("ended by nobody", ended("nobody", producer, epoch, true), 3);
        show("ended", ended("u", producer, epoch, true), 3);
        settled("u");
        show("ended again", ended("u", producer, epoch, true), 3);
        show("ended otherwise", ended("u", producer, epoch, false), 3);
        show("stable then", stable, 8);
        look("after it", fetched(topic, "records", 0, 15).setIsolationLevel((byte) 1), 13);
        transactionOf("u");
        show("nothing begun", ended("u", producer, epoch, false), 3);
        show("written without having begun", produced("records", topic, 0, -1, transactional(producer, epoch, 1)).setTransactionalId("u"), 11);
        show("begun by writing", produced("records", topic, 0, -1, transactional(producer, epoch, 1)).setTransactionalId("u"), 12);
        show("offsets that are given up", offsetsIn("u", producer, epoch, "", -1).setGroupId("given-up"), 5);
        show("by an unknown member", offsetsIn("u", producer, epoch, "m", 3).setGroupId("given-up"), 5);
        EndTxnResponseData second = (EndTxnResponseData) ask(ended("u", producer, epoch, false), 5);
        code("aborted, second version", second.errorCode(), second.producerEpoch() - epoch, second.producerId() == producer);
        settled("u");
        EndTxnResponseData retried = (EndTxnResponseData) ask(ended("u", producer, epoch, false), 5);
        code("aborted again", retried.errorCode(), retried.producerEpoch() - epoch);
        DescribeGroupsRequestData givenUp = new DescribeGroupsRequestData().setGroups(List.of("given-up"));
        show("a group whose offsets were given up", givenUp, 6);
        show("offsets that were given up", fetch("given-up", null, -1), 8);
        look("aborted", fetched(topic, "records", 0, 17).setIsolationLevel((byte) 1), 13);
        EndTxnResponseData empty = (EndTxnResponseData) ask(ended("u", producer, epoch + 1, false), 5);
        code("an empty one aborted", empty.errorCode(), empty.producerEpoch() - epoch);
        settled("u");
        EndTxnResponseData none = (EndTxnResponseData) ask(ended("u", producer, epoch + 2, true), 5);
        code("an empty one committed", none.errorCode(), none.producerEpoch() - epoch);
        transactionOf("u");
        ListTransactionsResponseData list = (ListTransactionsResponseData) ask(new ListTransactionsRequestData(), 1);
        List<String> states = new ArrayList<>();
        list.transactionStates().forEach(it -> states.add(it.transactionalId() + " " + it.transactionState()));
        states.sort(null);
        System.out.println("listed: " + states);
        show("no such state", new ListTransactionsRequestData().setStateFilters(List.of("Odd")), 1);
        for (String pattern : List.of("u|nothing", "(")) {
            ListTransactionsResponseData found = (ListTransactionsResponseData) ask(
                    new ListTransactionsRequestData().setTransactionalIdPattern(pattern), 2);
            code("pattern " + pattern, found.errorCode(), found.transactionStates().size());
        }
        show("producers of no topic", new DescribeProducersRequestData().setTopics(List.of(
                new DescribeProducersRequestData.TopicRequest().setName("nowhere").setPartitionIndexes(List.of(0)))), 0);
        show("producers of no partition", new DescribeProducersRequestData().setTopics(List.of(
                new DescribeProducersRequestData.TopicRequest().setName("records").setPartitionIndexes(List.of(9)))), 0);
    }

    static TxnOffsetCommitRequestData offsetsIn(String id, long producer, int epoch, String member, int generation) {
        return new TxnOffsetCommitRequestData().setTransactionalId(id).setGroupId("in-transaction").setProducerId(producer)
                .setProducerEpoch((short) epoch).setMemberId(member).setGenerationId(generation).setTopics(List.of(
                        new TxnOffsetCommitRequestData.TxnOffsetCommitRequestTopic().setName("answers").setPartitions(List.of(
                                new TxnOffsetCommitRequestData.TxnOffsetCommitRequestPartition().setPartitionIndex(0)
                                        .setCommittedOffset(3)))));
    }

    static void transactionOf(String id) throws Exception {
        DescribeTransactionsResponseData answer = (DescribeTransactionsResponseData) ask(
                new DescribeTransactionsRequestData().setTransactionalIds(List.of(id)), 0);
        DescribeTransactionsResponseData.TransactionState state = answer.transactionStates().get(0);
        List<String> topics = new ArrayList<>();
        state.topics().forEach(it -> topics.add(it.topic() + " " + new java.util.TreeSet<>(it.partitions())));
        topics.removeIf(it -> it.startsWith("__"));
        code("described", state.errorCode(), state.transactionState(), state.transactionTimeoutMs(), topics);
    }

    /** Until its markers are written. */
    static void settled(String id) throws Exception {
        for (int attempt = 0; attempt < 300; attempt++) {
            DescribeTransactionsResponseData answer = (DescribeTransactionsResponseData) ask(
                    new DescribeTransactionsRequestData().setTransactionalIds(List.of(id)), 0);
            if (answer.transactionStates().get(0).transactionState().startsWith("Complete")) {
                return;
            }
            Thread.sleep(20);
        }
        throw new AssertionError("never settled");
    }

    static IncrementalAlterConfigsRequestData set(int type, String name, String property, String value, int operation) {
        IncrementalAlterConfigsRequestData.AlterConfigsResource resource =
                new IncrementalAlterConfigsRequestData.AlterConfigsResource().setResourceType((byte) type).setResourceName(name);
        resource.configs().add(new IncrementalAlterConfigsRequestData.AlterableConfig().setName(property).setValue(value)
                .setConfigOperation((byte) operation));
        IncrementalAlterConfigsRequestData request = new IncrementalAlterConfigsRequestData().setValidateOnly(true);
        request.resources().add(resource);
        return request;
    }

    static DescribeConfigsRequestData described(int type, String name, String... keys) {
        return new DescribeConfigsRequestData().setIncludeSynonyms(true).setResources(List.of(
                new DescribeConfigsRequestData.DescribeConfigsResource().setResourceType((byte) type).setResourceName(name)
                        .setConfigurationKeys(keys.length == 0 ? null : List.of(keys))));
    }

    static void configurations() throws Exception {
        show("set", set(2, "records", "retention.ms", "1000", 0), 1);
        show("set to a wrong value", set(2, "records", "retention.ms", "x", 0), 1);
        show("set to nothing", set(2, "records", "retention.ms", null, 0), 1);
        show("set, no such topic", set(2, "nowhere", "retention.ms", "1000", 0), 1);
        show("set, no such property", set(2, "records", "no.such", "1000", 0), 1);
        show("removed", set(2, "records", "retention.ms", null, 1), 1);
        show("added to a list", set(2, "records", "cleanup.policy", "compact", 2), 1);
        show("added to no list", set(2, "records", "retention.ms", "1", 2), 1);
        show("taken from a list", set(2, "records", "cleanup.policy", "delete", 3), 1);
        show("odd kind", set(99, "records", "retention.ms", "1", 0), 1);
        show("no topic", set(2, "", "retention.ms", "1", 0), 1);
        show("bad topic", set(2, "bad name", "retention.ms", "1", 0), 1);
        show("of a broker", set(4, "1", "log.retention.ms", "1000", 0), 1);
        show("of all brokers", set(4, "", "log.retention.ms", "1000", 0), 1);
        show("of no broker", set(4, "77", "log.retention.ms", "1000", 0), 1);
        show("of a broker that is no number", set(4, "x", "log.retention.ms", "1000", 0), 1);
        show("read-only of a broker", set(4, "1", "broker.id", "9", 0), 1);
        show("only of one broker", set(4, "", "listeners", "PLAINTEXT://:9", 0), 1);
        IncrementalAlterConfigsRequestData twice = set(2, "records", "retention.ms", "1000", 0);
        twice.resources().add(set(2, "records", "retention.ms", "2000", 0).resources().iterator().next().duplicate());
        show("the topic twice", twice, 1);
        AlterConfigsRequestData old = new AlterConfigsRequestData().setValidateOnly(true);
        AlterConfigsRequestData.AlterConfigsResource whole = new AlterConfigsRequestData.AlterConfigsResource().setResourceType((byte) 2)
                .setResourceName("records");
        whole.configs().add(new AlterConfigsRequestData.AlterableConfig().setName("retention.ms").setValue("5000"));
        old.resources().add(whole);
        show("the old way", old, 2);
        whole.configs().add(new AlterConfigsRequestData.AlterableConfig().setName("no.such").setValue("5000"));
        show("the old way, wrong", old, 2);
        String[] some = {"cleanup.policy", "compression.type", "max.message.bytes", "message.timestamp.before.max.ms",
            "retention.ms", "flush.ms", "leader.replication.throttled.replicas", "retention.bytes", "segment.bytes"};
        show("a topic's", described(2, "timed", some), 4);
        show("a topic's, old version", described(2, "timed", some), 1);
        show("some of a topic's", described(2, "timed", "max.message.bytes", "no.such"), 4);
        show("no topic's", described(2, "nowhere"), 4);
        show("a bad topic's", described(2, "bad name"), 4);
        show("no broker's", described(4, "77", "log.retention.ms"), 4);
        show("a broker's that is no number", described(4, "x", "log.retention.ms"), 4);
        show("all brokers'", described(4, "", "log.retention.ms"), 4);
        show("some of a broker's", described(4, "1", "log.retention.hours", "log.cleanup.policy", "num.partitions", "compression.type",
                "message.max.bytes", "ssl.keystore.password"), 4);
        show("odd kind's", described(99, "x"), 4);
    }

    static CreatePartitionsRequestData grown(String topic, int total, List<List<Integer>> placed) {
        CreatePartitionsRequestData request = new CreatePartitionsRequestData().setTimeoutMs(30_000).setValidateOnly(true);
        List<CreatePartitionsRequestData.CreatePartitionsAssignment> assignments = null;
        if (placed != null) {
            assignments = new ArrayList<>();
            for (List<Integer> brokers : placed) {
                assignments.add(new CreatePartitionsRequestData.CreatePartitionsAssignment().setBrokerIds(brokers));
            }
        }
        request.topics().add(new CreatePartitionsRequestData.CreatePartitionsTopic().setName(topic).setCount(total)
                .setAssignments(assignments));
        return request;
    }

    static void partitions() throws Exception {
        show("grown", grown("records", 3, null), 3);
        show("as many", grown("records", 2, null), 3);
        show("fewer", grown("records", 1, null), 3);
        show("none", grown("records", 0, null), 3);
        show("of nowhere", grown("nowhere", 3, null), 3);
        show("placed", grown("records", 3, List.of(List.of(1))), 3);
        show("placed on nobody", grown("records", 3, List.of(List.of(77))), 3);
        show("placed too often", grown("records", 3, List.of(List.of(1), List.of(1))), 3);
        show("placed nowhere", grown("records", 3, List.of(List.of())), 3);
        show("placed nowhere at all", grown("records", 3, List.of()), 3);
        CreatePartitionsRequestData twice = grown("records", 3, null);
        twice.topics().add(new CreatePartitionsRequestData.CreatePartitionsTopic().setName("records").setCount(4).setAssignments(null));
        show("twice", twice, 3);
        AlterPartitionReassignmentsRequestData moved = new AlterPartitionReassignmentsRequestData().setTimeoutMs(30_000).setTopics(List.of(
                new AlterPartitionReassignmentsRequestData.ReassignableTopic().setName("records").setPartitions(List.of(
                        new AlterPartitionReassignmentsRequestData.ReassignablePartition().setPartitionIndex(0).setReplicas(List.of(77)),
                        new AlterPartitionReassignmentsRequestData.ReassignablePartition().setPartitionIndex(1).setReplicas(List.of()),
                        new AlterPartitionReassignmentsRequestData.ReassignablePartition().setPartitionIndex(9).setReplicas(List.of(1)))),
                new AlterPartitionReassignmentsRequestData.ReassignableTopic().setName("nowhere").setPartitions(List.of(
                        new AlterPartitionReassignmentsRequestData.ReassignablePartition().setPartitionIndex(0).setReplicas(null)))));
        show("moved", moved, 0);
        moved.setTopics(List.of(new AlterPartitionReassignmentsRequestData.ReassignableTopic().setName("records").setPartitions(List.of(
                new AlterPartitionReassignmentsRequestData.ReassignablePartition().setPartitionIndex(0).setReplicas(null),
                new AlterPartitionReassignmentsRequestData.ReassignablePartition().setPartitionIndex(1).setReplicas(List.of(1, 1))))));
        show("not moved any more", moved, 0);
        ElectLeadersRequestData elected = new ElectLeadersRequestData().setElectionType((byte) 0).setTimeoutMs(30_000);
        elected.setTopicPartitions(new ElectLeadersRequestData.TopicPartitionsCollection());
        elected.topicPartitions().add(new ElectLeadersRequestData.TopicPartitions().setTopic("records").setPartitions(List.of(0, 9)));
        elected.topicPartitions().add(new ElectLeadersRequestData.TopicPartitions().setTopic("nowhere").setPartitions(List.of(0)));
        show("elected", elected, 2);
        show("elected in an unclean way", elected.setElectionType((byte) 1), 2);
        show("elected in an odd way", elected.setElectionType((byte) 7), 2);
        show("elected everywhere", new ElectLeadersRequestData().setTopicPartitions(null).setTimeoutMs(30_000), 2);
    }

    static void accessControl() throws Exception {
        show("coordinator of nothing", new FindCoordinatorRequestData().setKeyType((byte) 0).setCoordinatorKeys(List.of()), 4);
        show("coordinator of an odd kind", new FindCoordinatorRequestData().setKeyType((byte) 9).setCoordinatorKeys(List.of("x")), 4);
        show("coordinator of an empty transaction", new FindCoordinatorRequestData().setKeyType((byte) 1).setCoordinatorKeys(List.of("")), 4);
        show("coordinator of an empty group", new FindCoordinatorRequestData().setKeyType((byte) 0).setCoordinatorKeys(List.of("")), 4);
        show("old coordinator", new FindCoordinatorRequestData().setKeyType((byte) 0).setKey("x"), 3);
        show("versions", new ApiVersionsRequestData().setClientSoftwareName("").setClientSoftwareVersion(""), 3);
        show("versions of a bad name", new ApiVersionsRequestData().setClientSoftwareName("a b").setClientSoftwareVersion("1"), 3);
        show("cluster", new DescribeClusterRequestData().setEndpointType((byte) 9), 1);
        show("mechanism", new SaslHandshakeRequestData().setMechanism("PLAIN"), 1);
        show("authenticated", new SaslAuthenticateRequestData().setAuthBytes(new byte[0]), 2);
    }
}
