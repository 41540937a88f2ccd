// Apache Kafka's Java client, exactly once: two workers copy records from one topic to another in transactions, with the offsets
// of their group, abort now and then, and begin anew when they are fenced. Whatever happens meanwhile, a consumer that reads
// committed records sees each record once, in the order of its partition.
// Run as a single file: java -cp 'jars/*' Pipeline.java ...
// usage: Pipeline.java CLIENT_PROPERTIES RECORDS SECONDS

import java.io.FileInputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class Pipeline {
    static final String RUN = UUID.randomUUID().toString().substring(0, 8);
    static final String IN = "pipeline-in-" + RUN;
    static final String OUT = "pipeline-out-" + RUN;
    static final int PARTITIONS = 4;
    static final int ABORT_EVERY = 7;
    static final AtomicBoolean done = new AtomicBoolean();
    static final AtomicInteger committed = new AtomicInteger();
    static final AtomicInteger aborted = new AtomicInteger();
    static final AtomicInteger restarts = new AtomicInteger();
    static Properties client;

    public static void main(String[] arguments) throws Exception {
        client = new Properties();
        try (FileInputStream file = new FileInputStream(arguments[0])) {
            client.load(file);
        }
        int records = Integer.parseInt(arguments[1]);
        long seconds = Long.parseLong(arguments[2]);
        try (Admin admin = Admin.create(client)) {
            List<NewTopic> topics = new ArrayList<>();
            for (String name : List.of(IN, OUT)) {
                topics.add(new NewTopic(name, PARTITIONS, (short) 3));
            }
            admin.createTopics(topics).all().get(30, TimeUnit.SECONDS);
        }
        List<Thread> workers = new ArrayList<>();
        for (int number = 0; number < 2; number++) {
            String name = "worker-" + number + "-" + RUN;
            Thread worker = new Thread(() -> work(name));
            worker.start();
            workers.add(worker);
        }
        try {
            feed(records, seconds);
            check(records, seconds);
        } finally {
            done.set(true);
        }
        for (Thread worker : workers) {
            worker.join();
        }
        System.out.printf("ok: %d records, %d transactions committed, %d aborted, %d restarts%n",
                records, committed.get(), aborted.get(), restarts.get());
    }

    static Properties with(Map<String, String> more) {
        Properties all = new Properties();
        all.putAll(client);
        all.putAll(Map.of("reconnect.backoff.max.ms", "200", "retry.backoff.max.ms", "200"));
        all.putAll(more);
        return all;
    }

    static void feed(int records, long seconds) throws Exception {
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(
                with(Map.of("acks", "all")), new StringSerializer(), new StringSerializer())) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int n = 0; n < records; n++) {
                sent.add(producer.send(new ProducerRecord<>(IN, n % PARTITIONS, null, Integer.toString(n))));
                TimeUnit.MICROSECONDS.sleep(seconds * 1_000_000 / records);
            }
            for (Future<RecordMetadata> it : sent) {
                it.get(120, TimeUnit.SECONDS);
            }
        }
    }

    static void work(String name) {
        while (!done.get()) {
            try (KafkaProducer<String, String> producer = new KafkaProducer<>(
                            with(Map.of("transactional.id", name, "transaction.timeout.ms", "10000")),
                            new StringSerializer(), new StringSerializer());
                    KafkaConsumer<String, String> consumer = new KafkaConsumer<>(
                            with(Map.of("group.id", "copy-" + RUN, "isolation.level", "read_committed",
                                    "enable.auto.commit", "false", "auto.offset.reset", "earliest",
                                    "max.poll.records", "40", "session.timeout.ms", "6000")),
                            new StringDeserializer(), new StringDeserializer())) {
                producer.initTransactions();
                consumer.subscribe(List.of(IN));
                while (!done.get()) {
                    ConsumerRecords<String, String> batch = consumer.poll(Duration.ofMillis(100));
                    if (!batch.isEmpty()) {
                        copy(producer, consumer, batch);
                    }
                }
            } catch (KafkaException error) {
                restarts.incrementAndGet();
                System.err.println(name + " begins anew: " + error);
            }
        }
    }

    static void copy(KafkaProducer<String, String> producer, KafkaConsumer<String, String> consumer,
            ConsumerRecords<String, String> batch) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        producer.beginTransaction();
        for (ConsumerRecord<String, String> it : batch) {
            producer.send(new ProducerRecord<>(OUT, it.partition(), null, it.value()));
            offsets.put(new TopicPartition(IN, it.partition()), new OffsetAndMetadata(it.offset() + 1));
        }
        producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
        if ((committed.get() + aborted.get()) % ABORT_EVERY == ABORT_EVERY - 1) {
            producer.flush();
            producer.abortTransaction();
            aborted.incrementAndGet();
            // What was read was not copied: it is read again.
            for (TopicPartition partition : batch.partitions()) {
                consumer.seek(partition, batch.records(partition).get(0).offset());
            }
        } else {
            producer.commitTransaction();
            committed.incrementAndGet();
        }
    }

    static void check(int records, long seconds) {
        Set<Integer> seen = new HashSet<>();
        int[] last = new int[PARTITIONS];
        java.util.Arrays.fill(last, -1);
        long patience = TimeUnit.SECONDS.toNanos(60 + seconds);
        long deadline = System.nanoTime() + patience;
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(
                with(Map.of("isolation.level", "read_committed", "auto.offset.reset", "earliest")),
                new StringDeserializer(), new StringDeserializer())) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (int partition = 0; partition < PARTITIONS; partition++) {
                partitions.add(new TopicPartition(OUT, partition));
            }
            consumer.assign(partitions);
            long quiet = 0;
            while (System.nanoTime() < deadline && (seen.size() < records || quiet < 5)) {
                ConsumerRecords<String, String> batch = consumer.poll(Duration.ofMillis(200));
                quiet = batch.isEmpty() ? quiet + 1 : 0;
                deadline = batch.isEmpty() ? deadline : System.nanoTime() + patience;
                for (ConsumerRecord<String, String> it : batch) {
                    int number = Integer.parseInt(it.value());
                    require(seen.add(number), number + " was seen twice, at last in " + it.partition() + "@" + it.offset());
                    require(number > last[it.partition()], number + " came after " + last[it.partition()]);
                    last[it.partition()] = number;
                }
            }
        }
        require(seen.size() == records, seen.size() + " of " + records + " records were copied");
    }

    static void require(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
