// Apache Kafka's Java client, before and after another kind of broker has taken over the log directories. `write` makes topics,
// records of all kinds, transactions and groups; `read` prints all that there is, in a form that can be compared: what every
// partition holds, with checksums, what groups have committed, and how topics are configured.
// Run as a single file: java -cp 'jars/*' TakenOver.java write|read CLIENT_PROPERTIES

import java.io.FileInputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class TakenOver {
    static final List<String> COMPRESSIONS = List.of("none", "gzip", "snappy", "lz4", "zstd");
    static Properties client;

    public static void main(String[] arguments) throws Exception {
        client = new Properties();
        try (FileInputStream file = new FileInputStream(arguments[1])) {
            client.load(file);
        }
        try (Admin admin = Admin.create(client)) {
            if (arguments[0].equals("write")) {
                write(admin);
            } else {
                read(admin);
            }
        }
    }

    static void write(Admin admin) throws Exception {
        admin.createTopics(List.of(
                new NewTopic("plain", 6, (short) 3).configs(Map.of("segment.bytes", "1048576", "retention.ms", "-1")),
                new NewTopic("compacted", 2, (short) 3).configs(Map.of("cleanup.policy", "compact", "retention.ms", "-1",
                        "max.message.bytes", "2000000")))).all().get(30, TimeUnit.SECONDS);
        for (String compression : COMPRESSIONS) {
            try (KafkaProducer<String, String> producer = producer(Map.of("compression.type", compression))) {
                for (int number = 0; number < 8_000; number++) {
                    ProducerRecord<String, String> it = new ProducerRecord<>(number % 5 == 0 ? "compacted" : "plain",
                            "key" + number % 300, compression + "-" + number + "-" + "x".repeat(number % 1_000));
                    it.headers().add("header", compression.getBytes(StandardCharsets.UTF_8));
                    producer.send(it);
                }
            }
        }
        try (KafkaProducer<String, String> producer = producer(Map.of("transactional.id", "taken-over"))) {
            producer.initTransactions();
            for (int transaction = 0; transaction < 20; transaction++) {
                producer.beginTransaction();
                for (int number = 0; number < 50; number++) {
                    producer.send(new ProducerRecord<>("plain", "transaction" + transaction, "record" + number));
                }
                if (transaction % 3 == 0) {
                    producer.flush();
                    producer.abortTransaction();
                } else {
                    producer.commitTransaction();
                }
            }
        }
        commit("of-classic", "classic");
        commit("of-consumers", "consumer");
    }

    static KafkaProducer<String, String> producer(Map<String, String> more) {
        Properties properties = new Properties();
        properties.putAll(client);
        properties.putAll(Map.of("acks", "all", "linger.ms", "5"));
        properties.putAll(more);
        return new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
    }

    /** Reads a part of a topic in a group, and commits where it is. */
    static void commit(String group, String protocol) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(Map.of("group.id", group, "group.protocol", protocol,
                "max.poll.records", "100"))) {
            consumer.subscribe(List.of("plain"));
            int seen = 0;
            while (seen < 9_000) {
                seen += consumer.poll(Duration.ofSeconds(1)).count();
            }
            consumer.commitSync();
        }
    }

    static KafkaConsumer<byte[], byte[]> consumer(Map<String, String> more) {
        Properties properties = new Properties();
        properties.putAll(client);
        properties.putAll(Map.of("auto.offset.reset", "earliest", "enable.auto.commit", "false"));
        properties.putAll(more);
        return new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    /** A broker that has just started may not have all access control lists yet. */
    static Map<String, TopicDescription> describe(Admin admin, List<String> topics) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (true) {
            try {
                return admin.describeTopics(topics).allTopicNames().get(60, TimeUnit.SECONDS);
            } catch (ExecutionException error) {
                boolean isSettled = !(error.getCause() instanceof TopicAuthorizationException);
                if (isSettled || System.nanoTime() > deadline) {
                    throw error;
                }
                Thread.sleep(200);
            }
        }
    }

    static void read(Admin admin) throws Exception {
        List<String> topics = List.of("compacted", "plain");
        Map<String, TopicDescription> described = new TreeMap<>(describe(admin, topics));
        described.forEach((name, topic) -> System.out.println(name + " " + topic.topicId() + " " + topic.partitions().size()));
        for (String topic : topics) {
            ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
            Collection<ConfigEntry> entries = admin.describeConfigs(List.of(resource)).all().get(60, TimeUnit.SECONDS)
                    .get(resource).entries();
            entries.stream().filter(it -> it.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG).sorted(
                    (left, right) -> left.name().compareTo(right.name()))
                    .forEach(it -> System.out.println(topic + " " + it.name() + "=" + it.value()));
        }
        for (String isolation : List.of("read_uncommitted", "read_committed")) {
            checksums(described, isolation);
        }
        for (String group : List.of("of-classic", "of-consumers")) {
            Map<String, Object> offsets = new TreeMap<>();
            admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get(60, TimeUnit.SECONDS)
                    .forEach((partition, offset) -> offsets.put(partition.toString(), offset.offset()));
            System.out.println(group + " " + admin.describeConsumerGroups(List.of(group)).all().get(60, TimeUnit.SECONDS)
                    .get(group).type() + " " + offsets);
        }
    }

    static void checksums(Map<String, TopicDescription> topics, String isolation) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(Map.of("isolation.level", isolation))) {
            List<TopicPartition> partitions = new ArrayList<>();
            topics.forEach((name, topic) -> topic.partitions()
                    .forEach(it -> partitions.add(new TopicPartition(name, it.partition()))));
            consumer.assign(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            Map<String, CRC32> sums = new TreeMap<>();
            Map<String, Integer> counts = new TreeMap<>();
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(90);
            while (partitions.stream().anyMatch(it -> consumer.position(it) < ends.get(it))) {
                if (System.nanoTime() > deadline) {
                    throw new AssertionError("not all was read");
                }
                for (ConsumerRecord<byte[], byte[]> it : consumer.poll(Duration.ofMillis(500))) {
                    String partition = it.topic() + "-" + it.partition();
                    CRC32 sum = sums.computeIfAbsent(partition, none -> new CRC32());
                    sum.update((it.offset() + " " + it.timestamp() + " " + it.leaderEpoch().orElse(-1)).getBytes());
                    sum.update(it.key());
                    sum.update(it.value());
                    for (Header header : it.headers()) {
                        sum.update(header.key().getBytes());
                        sum.update(header.value());
                    }
                    counts.merge(partition, 1, Integer::sum);
                }
            }
            sums.forEach((partition, sum) -> System.out.println(isolation + " " + partition + " " + counts.get(partition)
                    + " records, checksum " + sum.getValue()));
        }
    }
}
