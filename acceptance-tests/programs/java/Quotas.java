// Apache Kafka's Java client under client quotas: who has one is slowed down to it and told so, others are not.
// Run as a single file: java -cp 'jars/*' Quotas.java CLIENT_PROPERTIES

import java.io.FileInputStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class Quotas {
    static final String RUN = UUID.randomUUID().toString().substring(0, 8);
    static final String TOPIC = "quotas-" + RUN;
    static final String SLOW = "slow-" + RUN;
    /** Bytes a second; ten seconds' worth is free. */
    static final int RATE = 100_000;
    static final int RECORDS = 1_400;
    static final int RECORD_BYTES = 1_000;
    /** What is beyond ten seconds' worth takes four seconds. */
    static final double SECONDS = 3.0;
    /** Percent: a microsecond in ten seconds, so every request costs the longest wait, which is a second. */
    static final double SHARE = 0.00001;
    static Properties client;

    public static void main(String[] arguments) throws Exception {
        client = new Properties();
        try (FileInputStream file = new FileInputStream(arguments[0])) {
            client.load(file);
        }
        try (Admin admin = Admin.create(client)) {
            admin.createTopics(List.of(new NewTopic(TOPIC, 1, (short) 3))).all().get(30, TimeUnit.SECONDS);
            limit(admin, Map.of("producer_byte_rate", (double) RATE, "consumer_byte_rate", (double) RATE));
            Map<ClientQuotaEntity, Map<String, Double>> described =
                    admin.describeClientQuotas(ClientQuotaFilter.all()).entities().get(30, TimeUnit.SECONDS);
            check(described.get(entity()).get("producer_byte_rate") == RATE, described);

            double free = produce("free-" + RUN, 0, RECORDS);
            double slow = produce(SLOW, 1, RECORDS);
            check(slow >= SECONDS, "produced in " + slow + " s, without a quota in " + free + " s");
            free = consume("free-" + RUN, 0);
            slow = consume(SLOW, 1);
            check(slow >= SECONDS, "consumed in " + slow + " s, without a quota in " + free + " s");

            Map<String, Double> none = new HashMap<>();
            none.put("producer_byte_rate", null);
            none.put("consumer_byte_rate", null);
            limit(admin, none);
            limit(admin, Map.of("request_percentage", SHARE));
            slow = produce(SLOW, 1, RECORDS / 20);
            none.clear();
            none.put("request_percentage", null);
            limit(admin, none);
            check(slow >= 1, "with next to no time for requests, produced in " + slow + " s");
            check(!admin.describeClientQuotas(ClientQuotaFilter.all()).entities().get(30, TimeUnit.SECONDS)
                    .containsKey(entity()), "nothing is left");
        }
        System.out.println("ok: quotas");
    }

    static ClientQuotaEntity entity() {
        return new ClientQuotaEntity(Map.of(ClientQuotaEntity.CLIENT_ID, SLOW));
    }

    static void limit(Admin admin, Map<String, Double> values) throws Exception {
        List<ClientQuotaAlteration.Op> ops =
                values.entrySet().stream().map(it -> new ClientQuotaAlteration.Op(it.getKey(), it.getValue())).toList();
        admin.alterClientQuotas(List.of(new ClientQuotaAlteration(entity(), ops))).all().get(30, TimeUnit.SECONDS);
        // The other brokers hear of it with their next heartbeat.
        Thread.sleep(1_000);
    }

    static Properties of(String id) {
        Properties properties = new Properties();
        properties.putAll(client);
        properties.putAll(Map.of("client.id", id, "auto.offset.reset", "earliest", "compression.type", "none",
                "batch.size", "20000", "linger.ms", "0", "max.partition.fetch.bytes", "50000"));
        return properties;
    }

    static double produce(String id, int throttled, int records) throws Exception {
        byte[] value = new byte[RECORD_BYTES];
        Arrays.fill(value, (byte) 'x');
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(of(id), new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.partitionsFor(TOPIC);
            long begin = System.nanoTime();
            for (int number = 0; number < records; number++) {
                producer.send(new ProducerRecord<>(TOPIC, value));
            }
            producer.flush();
            told(producer.metrics(), "produce-throttle-time-max", throttled);
            return (System.nanoTime() - begin) / 1e9;
        }
    }

    static double consume(String id, int throttled) {
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(of(id), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            TopicPartition partition = new TopicPartition(TOPIC, 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long begin = System.nanoTime();
            int seen = 0;
            while (seen < RECORDS) {
                seen += consumer.poll(Duration.ofSeconds(1)).count();
                check(System.nanoTime() - begin < 60e9, "only " + seen + " records in a minute");
            }
            told(consumer.metrics(), "fetch-throttle-time-max", throttled);
            return (System.nanoTime() - begin) / 1e9;
        }
    }

    /** Whether the client was told that it has to wait. */
    static void told(Map<MetricName, ? extends Metric> metrics, String name, int expected) {
        double most = metrics.entrySet().stream().filter(it -> it.getKey().name().equals(name))
                .mapToDouble(it -> (Double) it.getValue().metricValue()).filter(it -> !Double.isNaN(it)).max().orElse(0);
        check(expected == (most > 0 ? 1 : 0), name + " is " + most);
    }

    static void check(boolean holds, Object what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
