// Apache Kafka's Java client reads from the replica in its zone (KIP-392): the leader sends it there, it sees every record, committed
// ones only if it wants, soon, and it is back with the leader when it says nothing of a zone.
// Run as a single file: java -cp 'jars/*' Closest.java CLIENT_PROPERTIES

import java.io.FileInputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class Closest {
    static final String TOPIC = "closest-" + UUID.randomUUID().toString().substring(0, 8);
    static final TopicPartition PARTITION = new TopicPartition(TOPIC, 0);
    static final int RECORDS = 100;
    static Properties client;

    public static void main(String[] arguments) throws Exception {
        client = new Properties();
        try (FileInputStream file = new FileInputStream(arguments[0])) {
            client.load(file);
        }
        TopicPartitionInfo partition;
        try (Admin admin = Admin.create(client)) {
            admin.createTopics(List.of(new NewTopic(TOPIC, 1, (short) 3))).all().get(30, TimeUnit.SECONDS);
            partition = admin.describeTopics(List.of(TOPIC)).allTopicNames().get(30, TimeUnit.SECONDS).get(TOPIC)
                    .partitions().get(0);
        }
        produce(RECORDS, true);
        produce(RECORDS, false);
        Node follower = partition.replicas().stream().filter(it -> it.id() != partition.leader().id()).findFirst().orElseThrow();
        check(follower.rack() != null && !follower.rack().equals(partition.leader().rack()), "zones differ");
        read(follower.rack(), "read_uncommitted", 2 * RECORDS, follower.id());
        read(follower.rack(), "read_committed", RECORDS, follower.id());
        read(partition.leader().rack(), "read_committed", RECORDS, -1);
        read("nowhere", "read_committed", RECORDS, -1);
        soon(follower);
        System.out.println("ok: closest replica");
    }

    static KafkaConsumer<String, String> consumer(String rack, String isolation) {
        Properties properties = new Properties();
        properties.putAll(client);
        properties.putAll(Map.of("client.rack", rack, "isolation.level", isolation, "auto.offset.reset", "earliest"));
        KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
        consumer.assign(List.of(PARTITION));
        return consumer;
    }

    static void produce(int records, boolean commit) {
        Properties properties = new Properties();
        properties.putAll(client);
        properties.put("transactional.id", UUID.randomUUID().toString());
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer())) {
            producer.initTransactions();
            producer.beginTransaction();
            for (int number = 0; number < records; number++) {
                producer.send(new ProducerRecord<>(TOPIC, (commit ? "kept-" : "aborted-") + number));
            }
            if (commit) {
                producer.commitTransaction();
            } else {
                producer.flush();
                producer.abortTransaction();
            }
        }
    }

    static void read(String rack, String isolation, int expected, int replica) {
        try (KafkaConsumer<String, String> consumer = consumer(rack, isolation)) {
            List<String> seen = new ArrayList<>();
            double preferred = -1;
            for (int quiet = 0; quiet < 3 || seen.size() < expected; quiet++) {
                check(quiet < 100, "saw " + seen.size() + " of " + expected + " in " + rack);
                for (ConsumerRecord<String, String> it : consumer.poll(Duration.ofMillis(200))) {
                    seen.add(it.value());
                    quiet = 0;
                }
                preferred = Math.max(preferred, preferredReplica(consumer));
            }
            check(seen.size() == expected, "saw " + seen.size() + " of " + expected + " in " + rack);
            check(preferred == replica, "read from " + preferred + ", not from " + replica + ", in " + rack);
        }
    }

    /** A record that is written while the consumer waits at the follower comes at once, not with the follower's next turn,
     * which the cluster of the test has every five seconds only. */
    static void soon(Node follower) {
        try (KafkaConsumer<String, String> consumer = consumer(follower.rack(), "read_uncommitted");
                KafkaProducer<String, String> producer =
                        new KafkaProducer<>(client, new StringSerializer(), new StringSerializer())) {
            consumer.seekToEnd(List.of(PARTITION));
            consumer.position(PARTITION);
            for (int attempt = 0; preferredReplica(consumer) != follower.id(); attempt++) {
                check(attempt < 100, "the follower is not read from");
                consumer.poll(Duration.ofMillis(100));
            }
            producer.send(new ProducerRecord<>(TOPIC, "first"));
            while (consumer.poll(Duration.ofSeconds(10)).isEmpty()) {
                continue;
            }
            long slow = 0;
            for (int number = 0; number < 10; number++) {
                long begin = System.nanoTime();
                producer.send(new ProducerRecord<>(TOPIC, "soon"));
                check(!consumer.poll(Duration.ofSeconds(10)).isEmpty(), "no record in ten seconds");
                slow += System.nanoTime() - begin > TimeUnit.SECONDS.toNanos(2) ? 1 : 0;
            }
            check(slow < 5, slow + " of ten records came late");
        }
    }

    static double preferredReplica(KafkaConsumer<String, String> consumer) {
        for (Map.Entry<MetricName, ? extends Metric> it : consumer.metrics().entrySet()) {
            if (it.getKey().name().equals("preferred-read-replica")) {
                return ((Number) it.getValue().metricValue()).doubleValue();
            }
        }
        return -1;
    }

    static void check(boolean holds, Object what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
