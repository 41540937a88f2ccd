// Apache Kafka's Java client: produce with acks=all, consume in a group, commit, go on after the committed offset,
// and the questions an administrator asks. Run as a single file: java -cp 'jars/*' Clients.java ...
// usage: Clients.java CLIENT_PROPERTIES TOPIC COUNT

import java.io.FileInputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class Clients {
    static final String RUN = UUID.randomUUID().toString().substring(0, 8);
    static Properties client;
    static String topic;

    public static void main(String[] arguments) throws Exception {
        client = new Properties();
        try (FileInputStream file = new FileInputStream(arguments[0])) {
            client.load(file);
        }
        topic = arguments[1];
        int count = Integer.parseInt(arguments[2]);
        produce(0, count);
        consume(count);
        produce(count, 10);
        consume(10);
        administer();
        System.out.println("ok: " + (count + 10) + " records");
    }

    static Properties with(Map<String, String> more) {
        Properties all = new Properties();
        all.putAll(client);
        all.putAll(more);
        return all;
    }

    static void produce(int first, int count) throws Exception {
        Properties properties = with(Map.of("acks", "all", "enable.idempotence", "true"));
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer())) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int n = first; n < first + count; n++) {
                sent.add(producer.send(new ProducerRecord<>(topic, "k" + n, RUN + "-" + n)));
            }
            Set<String> places = new HashSet<>();
            for (Future<RecordMetadata> it : sent) {
                RecordMetadata place = it.get(60, TimeUnit.SECONDS);
                places.add(place.partition() + "@" + place.offset());
            }
            require(places.size() == count, "two records share an offset");
        }
    }

    static void consume(int count) {
        Properties properties = with(Map.of(
                "group.id", "java-" + RUN, "auto.offset.reset", "earliest", "enable.auto.commit", "false"));
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(topic));
            List<String> seen = new ArrayList<>();
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (seen.size() < count && System.nanoTime() < deadline) {
                for (ConsumerRecord<String, String> it : consumer.poll(Duration.ofMillis(500))) {
                    if (it.value().startsWith(RUN)) {
                        seen.add(it.value());
                    }
                }
            }
            require(seen.size() == count && new HashSet<>(seen).size() == count,
                    seen.size() + " of " + count + " records came back");
            consumer.commitSync(Duration.ofSeconds(30));
        }
    }

    static void administer() throws Exception {
        try (Admin admin = Admin.create(client)) {
            require(admin.describeCluster().nodes().get(30, TimeUnit.SECONDS).size() >= 3, "three brokers");
            String name = "java-admin-" + RUN;
            admin.createTopics(List.of(new NewTopic(name, 2, (short) 3).configs(Map.of("retention.ms", "60000"))))
                    .all().get(30, TimeUnit.SECONDS);
            admin.createPartitions(Map.of(name, NewPartitions.increaseTo(4))).all().get(30, TimeUnit.SECONDS);
            require(admin.describeTopics(List.of(name)).allTopicNames().get(30, TimeUnit.SECONDS)
                    .get(name).partitions().size() == 4, "four partitions");
            ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, name);
            String retention = admin.describeConfigs(List.of(resource)).all().get(30, TimeUnit.SECONDS)
                    .get(resource).get("retention.ms").value();
            require("60000".equals(retention), "retention.ms is " + retention);
            require(admin.listConsumerGroups().all().get(30, TimeUnit.SECONDS).stream()
                    .anyMatch(it -> it.groupId().equals("java-" + RUN)), "the group is listed");
            loggers(admin);
            admin.deleteTopics(List.of(name)).all().get(30, TimeUnit.SECONDS);
        }
    }

    /** Levels of one broker's loggers change while it runs. */
    static void loggers(Admin admin) throws Exception {
        ConfigResource first = new ConfigResource(ConfigResource.Type.BROKER_LOGGER, "1");
        require("INFO".equals(level(admin, first, "kafka_broker.groups")), "the level at first");
        alter(admin, first, "kafka_broker.groups", "DEBUG", AlterConfigOp.OpType.SET);
        require("DEBUG".equals(level(admin, first, "kafka_broker.groups.shard")), "a level that is set");
        ConfigResource second = new ConfigResource(ConfigResource.Type.BROKER_LOGGER, "2");
        require("INFO".equals(level(admin, second, "kafka_broker.groups")), "the level of another broker");
        try {
            alter(admin, first, "kafka_broker.groups", "LOUD", AlterConfigOp.OpType.SET);
            throw new AssertionError("there is no such level");
        } catch (ExecutionException refused) {
            require(refused.getCause() instanceof InvalidConfigurationException, "refused with " + refused.getCause());
        }
        alter(admin, first, "kafka_broker.groups", null, AlterConfigOp.OpType.DELETE);
        require("INFO".equals(level(admin, first, "kafka_broker.groups.shard")), "the level at last");
    }

    static String level(Admin admin, ConfigResource broker, String logger) throws Exception {
        ConfigEntry entry = admin.describeConfigs(List.of(broker)).all().get(30, TimeUnit.SECONDS).get(broker).get(logger);
        require(entry.source() == ConfigEntry.ConfigSource.DYNAMIC_BROKER_LOGGER_CONFIG, "source " + entry.source());
        return entry.value();
    }

    static void alter(Admin admin, ConfigResource broker, String logger, String level, AlterConfigOp.OpType operation)
            throws Exception {
        Collection<AlterConfigOp> changes = List.of(new AlterConfigOp(new ConfigEntry(logger, level), operation));
        admin.incrementalAlterConfigs(Map.of(broker, changes)).all().get(30, TimeUnit.SECONDS);
    }

    static void require(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
