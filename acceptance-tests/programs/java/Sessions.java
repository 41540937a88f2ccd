// Apache Kafka's Java client on a cluster whose sessions are short (connections.max.reauth.ms): it authenticates again and
// again, and no request fails, though none is tried twice.
// Run as a single file: java -cp 'jars/*' Sessions.java CLIENT_PROPERTIES TOPIC SESSIONS

import java.io.FileInputStream;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class Sessions {
    static final String RUN = UUID.randomUUID().toString().substring(0, 8);

    public static void main(String[] arguments) throws Exception {
        Properties client = new Properties();
        try (FileInputStream file = new FileInputStream(arguments[0])) {
            client.load(file);
        }
        client.putAll(Map.of(
                "acks", "all", "retries", "0", "enable.idempotence", "false", "linger.ms", "0",
                "group.id", "sessions-" + RUN, "auto.offset.reset", "earliest"));
        String topic = arguments[1];
        int sessions = Integer.parseInt(arguments[2]);
        Set<String> sent = new HashSet<>();
        Set<String> seen = new HashSet<>();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(90);
        try (KafkaProducer<String, String> producer =
                        new KafkaProducer<>(client, new StringSerializer(), new StringSerializer());
                KafkaConsumer<String, String> consumer =
                        new KafkaConsumer<>(client, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(topic));
            while (renewed(producer.metrics()) < sessions || renewed(consumer.metrics()) < sessions) {
                require(System.nanoTime() < deadline, "sessions are not renewed");
                String value = RUN + "-" + sent.size();
                producer.send(new ProducerRecord<>(topic, value, value)).get(30, TimeUnit.SECONDS);
                sent.add(value);
                take(consumer, seen);
            }
            while (!seen.containsAll(sent)) {
                require(System.nanoTime() < deadline, "records are missing");
                take(consumer, seen);
            }
            for (var metrics : List.of(producer.metrics(), consumer.metrics())) {
                require(value(metrics, "failed-reauthentication-total") == 0, "an authentication failed");
            }
            require(value(producer.metrics(), "record-error-total") == 0, "a record was refused");
            System.out.println("ok: " + sent.size() + " records in " + renewed(producer.metrics()) + " and "
                    + renewed(consumer.metrics()) + " sessions more");
        }
    }

    static void take(KafkaConsumer<String, String> consumer, Set<String> seen) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(20))) {
            seen.add(record.value());
        }
    }

    static double renewed(Map<MetricName, ? extends Metric> metrics) {
        return value(metrics, "successful-reauthentication-total");
    }

    static double value(Map<MetricName, ? extends Metric> metrics, String name) {
        return metrics.entrySet().stream()
                .filter(it -> it.getKey().name().equals(name) && it.getKey().group().endsWith("r-metrics"))
                .mapToDouble(it -> (Double) it.getValue().metricValue())
                .sum();
    }

    static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }
}
