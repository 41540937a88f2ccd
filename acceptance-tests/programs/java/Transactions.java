// Apache Kafka's Java client: transactions that are committed and aborted, what readers of committed records see of them, offsets
// that are committed with them, fencing, time-outs, and the questions an operator asks, of users too.
// Run as a single file: java -cp 'jars/*' Transactions.java CLIENT_PROPERTIES

import java.io.FileInputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.AbortTransactionSpec;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.ProducerState;
import org.apache.kafka.clients.admin.TransactionDescription;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class Transactions {
    static final String RUN = UUID.randomUUID().toString().substring(0, 8);
    static final String TOPIC = "transactions-" + RUN;
    static final TopicPartition FIRST = new TopicPartition(TOPIC, 0);
    static Properties client;

    public static void main(String[] arguments) throws Exception {
        client = new Properties();
        try (FileInputStream file = new FileInputStream(arguments[0])) {
            client.load(file);
        }
        try (Admin admin = Admin.create(client)) {
            admin.createTopics(List.of(new NewTopic(TOPIC, 3, (short) 3))).all().get(30, TimeUnit.SECONDS);
            committedAndAborted(admin);
            openOnesAreSeen(admin);
            newcomersFence(admin);
            longOnesAreAborted(admin);
            hangingOnesAreAborted(admin);
            usersAreDescribed(admin);
        }
        System.out.println("ok: transactions");
    }

    static Properties with(Map<String, String> more) {
        Properties all = new Properties();
        all.putAll(client);
        all.putAll(more);
        return all;
    }

    static KafkaProducer<String, String> producer(String id, int timeoutMs) {
        Properties properties = with(Map.of("transactional.id", id + "-" + RUN,
                "transaction.timeout.ms", Integer.toString(timeoutMs)));
        KafkaProducer<String, String> producer =
                new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
        producer.initTransactions();
        return producer;
    }

    static List<String> read(String isolation, int atLeast) {
        List<String> seen = new ArrayList<>();
        Properties properties = with(Map.of("isolation.level", isolation, "auto.offset.reset", "earliest"));
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer())) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (int partition = 0; partition < 3; partition++) {
                partitions.add(new TopicPartition(TOPIC, partition));
            }
            consumer.assign(partitions);
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
            int quiet = 0;
            while (System.nanoTime() < deadline && (seen.size() < atLeast || quiet < 3)) {
                quiet++;
                for (ConsumerRecord<String, String> it : consumer.poll(Duration.ofMillis(200))) {
                    seen.add(it.value());
                    quiet = 0;
                }
            }
        }
        return seen;
    }

    static void committedAndAborted(Admin admin) throws Exception {
        try (KafkaProducer<String, String> producer = producer("mixed", 60_000)) {
            for (int round = 0; round < 12; round++) {
                boolean commit = round % 3 != 2;
                producer.beginTransaction();
                for (int n = 0; n < 9; n++) {
                    producer.send(new ProducerRecord<>(TOPIC, n % 3, null, (commit ? "good-" : "bad-") + round + "-" + n));
                }
                producer.sendOffsetsToTransaction(
                        Map.of(FIRST, new OffsetAndMetadata(commit ? round : 1000)),
                        new ConsumerGroupMetadata("group-" + RUN));
                if (commit) {
                    producer.commitTransaction();
                } else {
                    producer.flush();
                    producer.abortTransaction();
                }
            }
        }
        List<String> committed = read("read_committed", 72);
        require(committed.size() == 72 && committed.stream().allMatch(it -> it.startsWith("good-")), "" + committed);
        require(read("read_uncommitted", 108).size() == 108, "all records are there");
        OffsetAndMetadata offset = admin.listConsumerGroupOffsets("group-" + RUN)
                .partitionsToOffsetAndMetadata().get(30, TimeUnit.SECONDS).get(FIRST);
        require(offset != null && offset.offset() == 10, "the group is at " + offset);
    }

    static long end(Admin admin, IsolationLevel level) throws Exception {
        return admin.listOffsets(Map.of(FIRST, OffsetSpec.latest()), new ListOffsetsOptions(level))
                .partitionResult(FIRST).get(30, TimeUnit.SECONDS).offset();
    }

    static void openOnesAreSeen(Admin admin) throws Exception {
        try (KafkaProducer<String, String> producer = producer("open", 60_000)) {
            producer.beginTransaction();
            long start = producer.send(new ProducerRecord<>(TOPIC, 0, null, "good-open")).get(30, TimeUnit.SECONDS).offset();
            require(end(admin, IsolationLevel.READ_COMMITTED) == start, "committed records end before it");
            require(end(admin, IsolationLevel.READ_UNCOMMITTED) == start + 1, "all records end after it");
            String id = "open-" + RUN;
            TransactionDescription described =
                    admin.describeTransactions(List.of(id)).description(id).get(30, TimeUnit.SECONDS);
            require(described.state() == TransactionState.ONGOING && described.topicPartitions().contains(FIRST)
                    && described.transactionTimeoutMs() == 60_000, "" + described);
            require(admin.listTransactions(new ListTransactionsOptions().filterStates(List.of(TransactionState.ONGOING)))
                    .all().get(30, TimeUnit.SECONDS).stream().anyMatch(it -> it.transactionalId().equals(id)), "listed");
            require(admin.listTransactions(new ListTransactionsOptions().filterOnDuration(600_000)
                    .filterOnTransactionalIdPattern("open-.*")).all().get(30, TimeUnit.SECONDS).isEmpty(), "not that old");
            List<ProducerState> producers = admin.describeProducers(List.of(FIRST)).partitionResult(FIRST)
                    .get(30, TimeUnit.SECONDS).activeProducers();
            require(producers.stream().anyMatch(it -> it.producerId() == described.producerId()
                    && it.currentTransactionStartOffset().equals(OptionalLong.of(start))), "" + producers);
            producer.commitTransaction();
            until("the transaction to be stable", () -> end(admin, IsolationLevel.READ_COMMITTED) == start + 2);
        }
    }

    static void newcomersFence(Admin admin) throws Exception {
        try (KafkaProducer<String, String> old = producer("fenced", 60_000)) {
            old.beginTransaction();
            old.send(new ProducerRecord<>(TOPIC, 1, null, "bad-fenced")).get(30, TimeUnit.SECONDS);
            try (KafkaProducer<String, String> young = producer("fenced", 60_000)) {
                young.beginTransaction();
                young.send(new ProducerRecord<>(TOPIC, 1, null, "good-young"));
                young.commitTransaction();
            }
            require(fails(() -> {
                old.send(new ProducerRecord<>(TOPIC, 1, null, "bad-zombie")).get(30, TimeUnit.SECONDS);
                old.commitTransaction();
            }), "the old producer is fenced");
        }
        List<String> committed = read("read_committed", 74);
        require(committed.contains("good-young") && committed.stream().allMatch(it -> it.startsWith("good-")), "" + committed);
        String id = "fenced-" + RUN;
        admin.fenceProducers(List.of(id)).all().get(30, TimeUnit.SECONDS);
    }

    static void longOnesAreAborted(Admin admin) throws Exception {
        try (KafkaProducer<String, String> producer = producer("long", 1_000)) {
            producer.beginTransaction();
            long start = producer.send(new ProducerRecord<>(TOPIC, 0, null, "bad-long")).get(30, TimeUnit.SECONDS).offset();
            until("the transaction to be aborted", () -> end(admin, IsolationLevel.READ_COMMITTED) > start);
            require(fails(producer::commitTransaction), "what was aborted cannot be committed");
        }
    }

    // An operator's way out: markers that no coordinator has sent.
    static void hangingOnesAreAborted(Admin admin) throws Exception {
        try (KafkaProducer<String, String> producer = producer("hanging", 600_000)) {
            producer.beginTransaction();
            long start = producer.send(new ProducerRecord<>(TOPIC, 0, null, "bad-hanging")).get(30, TimeUnit.SECONDS).offset();
            ProducerState state = admin.describeProducers(List.of(FIRST)).partitionResult(FIRST)
                    .get(30, TimeUnit.SECONDS).activeProducers().stream()
                    .filter(it -> it.currentTransactionStartOffset().isPresent()).findFirst().orElseThrow();
            admin.abortTransaction(new AbortTransactionSpec(FIRST, state.producerId(), (short) state.producerEpoch(),
                    state.coordinatorEpoch().orElse(0))).all().get(30, TimeUnit.SECONDS);
            until("the partition to be stable", () -> end(admin, IsolationLevel.READ_COMMITTED) == start + 2);
        }
    }

    static void usersAreDescribed(Admin admin) throws Exception {
        require(admin.describeUserScramCredentials().all().get(30, TimeUnit.SECONDS).values().stream()
                .anyMatch(it -> it.credentialInfos().size() == 2), "a user with both mechanisms");
        String nobody = "nobody-" + RUN;
        require(fails(() -> admin.describeUserScramCredentials(List.of(nobody)).description(nobody)
                .get(30, TimeUnit.SECONDS)), "nobody is no user");
    }

    interface Attempt {
        void run() throws Exception;
    }

    static boolean fails(Attempt attempt) throws Exception {
        try {
            attempt.run();
            return false;
        } catch (KafkaException | ExecutionException error) {
            return true;
        }
    }

    interface Condition {
        boolean holds() throws Exception;
    }

    static void until(String what, Condition condition) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!condition.holds()) {
            require(System.nanoTime() < deadline, "waited in vain for " + what);
            Thread.sleep(50);
        }
    }

    static void require(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
