// Apache Kafka's Java client in groups of the consumer protocol (KIP-848): members that come, go and come back, expressions,
// topics that grow, offsets, the questions an operator asks, and groups that change their protocol, empty or not.
// Run as a single file: java -cp 'jars/*' ConsumerGroups.java CLIENT_PROPERTIES

import java.io.FileInputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.UnknownMemberIdException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class ConsumerGroups {
    static final String RUN = UUID.randomUUID().toString().substring(0, 8);
    static Properties client;

    public static void main(String[] arguments) throws Exception {
        client = new Properties();
        try (FileInputStream file = new FileInputStream(arguments[0])) {
            client.load(file);
        }
        try (Admin admin = Admin.create(client)) {
            membersShare(admin);
            staticMembersComeBack(admin);
            expressionsFollowTopics(admin);
            protocolsChange(admin);
            membersChangeProtocols(admin, "org.apache.kafka.clients.consumer.RangeAssignor");
            membersChangeProtocols(admin, "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");
        }
        System.out.println("ok: consumer groups");
    }

    /** A consumer that polls in a thread of its own, as applications do. */
    static class Member implements AutoCloseable {
        final KafkaConsumer<String, String> consumer;
        final Thread thread;
        final Set<String> seen = java.util.concurrent.ConcurrentHashMap.newKeySet();
        volatile Set<TopicPartition> assigned = Set.of();
        volatile boolean stopped;
        volatile Exception failure;

        /** Members whose failure nobody has been told of. */
        static final Set<Member> running = java.util.concurrent.ConcurrentHashMap.newKeySet();

        Member(String group, Map<String, String> more, java.util.function.Consumer<KafkaConsumer<String, String>> subscribe) {
            Properties properties = new Properties();
            properties.putAll(client);
            properties.putAll(Map.of("group.id", group, "group.protocol", "consumer", "auto.offset.reset", "earliest",
                    "enable.auto.commit", "false"));
            properties.putAll(more);
            consumer = new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
            subscribe.accept(consumer);
            thread = new Thread(this::poll);
            // Whatever else fails, the program ends.
            thread.setDaemon(true);
            running.add(this);
            thread.start();
        }

        void poll() {
            try {
                boolean isDirty = false;
                while (!stopped || isDirty) {
                    for (ConsumerRecord<String, String> it : consumer.poll(Duration.ofMillis(100))) {
                        seen.add(it.topic() + "-" + it.partition() + "@" + it.offset());
                        isDirty = true;
                    }
                    assigned = Set.copyOf(consumer.assignment());
                    try {
                        if (isDirty) {
                            consumer.commitSync();
                        }
                        isDirty = false;
                    } catch (RebalanceInProgressException | CommitFailedException again) {
                        // Members of the classic protocol commit after the rebalance, which goes on in the next poll. Apache Kafka
                        // refuses commits of the generation before, too.
                    }
                }
            } catch (Exception error) {
                failure = error;
            } finally {
                consumer.close();
            }
        }

        @Override
        public void close() throws Exception {
            stopped = true;
            thread.join();
            running.remove(this);
            if (failure != null) {
                throw failure;
            }
        }
    }

    static void membersShare(Admin admin) throws Exception {
        String topic = "shared-" + RUN, group = "sharing-" + RUN;
        create(admin, topic, 4);
        Member first = new Member(group, Map.of(), consumer -> consumer.subscribe(List.of(topic)));
        await("the first member to have all", () -> first.assigned.size() == 4);
        Member second = new Member(group, Map.of(), consumer -> consumer.subscribe(List.of(topic)));
        await("both to have two", () -> first.assigned.size() == 2 && second.assigned.size() == 2);
        produce(topic, 100);
        await("all records", () -> first.seen.size() + second.seen.size() >= 100);
        awaitState(admin, group, GroupState.STABLE);

        ConsumerGroupDescription described = describe(admin, group);
        check(described.type() == GroupType.CONSUMER && described.partitionAssignor().equals("uniform"), described);
        check(described.members().size() == 2 && described.groupEpoch().equals(described.targetAssignmentEpoch()), described);
        described.members().forEach(member -> {
            check(member.memberEpoch().equals(described.groupEpoch()), member);
            check(member.targetAssignment().equals(Optional.of(member.assignment())), member);
        });
        GroupListing listed = admin.listGroups(new ListGroupsOptions().withTypes(Set.of(GroupType.CONSUMER))).all()
                .get(30, TimeUnit.SECONDS).stream().filter(it -> it.groupId().equals(group)).findFirst().orElseThrow();
        check(listed.protocol().equals("consumer") && listed.groupState().equals(Optional.of(GroupState.STABLE)), listed);
        refused(GroupNotEmptyException.class, () -> admin.deleteConsumerGroups(List.of(group)).all().get());
        refused(UnknownMemberIdException.class, () -> admin.alterConsumerGroupOffsets(group,
                Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(0))).all().get());

        admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(6))).all().get(30, TimeUnit.SECONDS);
        await("three each", () -> first.assigned.size() == 3 && second.assigned.size() == 3);
        second.close();
        await("the one that is left to have all", () -> first.assigned.size() == 6);
        first.close();
        awaitState(admin, group, GroupState.EMPTY);

        Map<TopicPartition, OffsetAndMetadata> committed =
                admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get(30, TimeUnit.SECONDS);
        long sum = committed.values().stream().mapToLong(OffsetAndMetadata::offset).sum();
        check(sum == 100, committed);
        admin.alterConsumerGroupOffsets(group, Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(0))).all()
                .get(30, TimeUnit.SECONDS);
        admin.deleteConsumerGroupOffsets(group, Set.of(new TopicPartition(topic, 1))).all().get(30, TimeUnit.SECONDS);
        admin.deleteConsumerGroups(List.of(group)).all().get(30, TimeUnit.SECONDS);
        refused(GroupIdNotFoundException.class, () -> describe(admin, group));
    }

    static void staticMembersComeBack(Admin admin) throws Exception {
        String topic = "kept-" + RUN, group = "keeping-" + RUN;
        create(admin, topic, 4);
        Map<String, String> one = Map.of("group.instance.id", "one"), two = Map.of("group.instance.id", "two");
        Member first = new Member(group, one, consumer -> consumer.subscribe(List.of(topic)));
        Member second = new Member(group, two, consumer -> consumer.subscribe(List.of(topic)));
        await("both to have two", () -> first.assigned.size() == 2 && second.assigned.size() == 2);
        awaitState(admin, group, GroupState.STABLE);
        int epoch = describe(admin, group).groupEpoch().orElseThrow();
        Set<TopicPartition> had = first.assigned;
        first.close();
        Member again = new Member(group, one, consumer -> consumer.subscribe(List.of(topic)));
        await("what it had", () -> again.assigned.equals(had));
        check(describe(admin, group).groupEpoch().orElseThrow() == epoch, "nobody else was disturbed");
        again.close();
        second.close();
    }

    static void expressionsFollowTopics(Admin admin) throws Exception {
        String prefix = "matched-" + RUN + "-", group = "matching-" + RUN;
        create(admin, prefix + "a", 1);
        create(admin, "other-" + RUN, 1);
        SubscriptionPattern pattern = new SubscriptionPattern(Pattern.quote(prefix) + ".*");
        Member member = new Member(group, Map.of("group.remote.assignor", "range"), consumer -> consumer.subscribe(pattern));
        await("the topic that matches", () -> member.assigned.equals(Set.of(new TopicPartition(prefix + "a", 0))));
        create(admin, prefix + "b", 2);
        await("the new topic", () -> member.assigned.size() == 3);
        produce(prefix + "b", 10);
        await("its records", () -> member.seen.size() == 10);
        check(describe(admin, group).partitionAssignor().equals("range"), "the assignor that it asked for");
        admin.deleteTopics(List.of(prefix + "a")).all().get(30, TimeUnit.SECONDS);
        await("the deleted topic to go", () -> member.assigned.size() == 2);
        member.close();
    }

    static void protocolsChange(Admin admin) throws Exception {
        String topic = "both-" + RUN, group = "changing-" + RUN;
        create(admin, topic, 2);
        produce(topic, 10);
        Map<String, String> classic = Map.of("group.protocol", "classic");
        Member old = new Member(group, classic, consumer -> consumer.subscribe(List.of(topic)));
        await("records the classic way", () -> old.seen.size() == 10);
        check(describe(admin, group).type() == GroupType.CLASSIC, "a classic group");
        old.close();
        Member renewed = new Member(group, Map.of(), consumer -> consumer.subscribe(List.of(topic)));
        await("all partitions", () -> renewed.assigned.size() == 2);
        produce(topic, 10);
        await("new records only", () -> !renewed.seen.isEmpty());
        Thread.sleep(300);
        check(describe(admin, group).type() == GroupType.CONSUMER, "a consumer group");
        renewed.close();
        long sum = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get(30, TimeUnit.SECONDS).values()
                .stream().mapToLong(OffsetAndMetadata::offset).sum();
        check(sum == 20, "offsets go on where they were: " + sum);
        Member back = new Member(group, classic, consumer -> consumer.subscribe(List.of(topic)));
        await("all partitions the classic way", () -> back.assigned.size() == 2);
        check(describe(admin, group).type() == GroupType.CLASSIC, "a classic group again");
        back.close();
    }

    /** Who has which partition; nobody may have what another has. */
    static class Owners {
        final Map<TopicPartition, String> owners = new HashMap<>();
        final List<String> wrong = new ArrayList<>();
        synchronized void has(String member, java.util.Collection<TopicPartition> partitions) {
            for (TopicPartition partition : partitions) {
                String before = owners.put(partition, member);
                if (before != null) {
                    wrong.add(partition + " of " + before + " is given to " + member);
                }
            }
        }

        synchronized void gaveUp(String member, java.util.Collection<TopicPartition> partitions) {
            partitions.forEach(partition -> owners.remove(partition, member));
        }

        ConsumerRebalanceListener of(String member) {
            return new ConsumerRebalanceListener() {
                @Override
                public void onPartitionsAssigned(java.util.Collection<TopicPartition> partitions) {
                    has(member, partitions);
                }

                @Override
                public void onPartitionsRevoked(java.util.Collection<TopicPartition> partitions) {
                    gaveUp(member, partitions);
                }

                // Of a member whose commit came in the generation before. It joins again; so it is with Apache Kafka.
                @Override
                public void onPartitionsLost(java.util.Collection<TopicPartition> partitions) {
                    gaveUp(member, partitions);
                }
            };
        }
    }

    /** One member after the other goes to the consumer protocol and back, while records flow. */
    static void membersChangeProtocols(Admin admin, String assignor) throws Exception {
        String name = assignor.substring(assignor.lastIndexOf('.') + 1);
        String topic = "rolling-" + name + RUN, group = topic;
        create(admin, topic, 6);
        Map<String, String> modern = Map.of();
        Map<String, String> classic = Map.of("group.protocol", "classic", "partition.assignment.strategy", assignor,
                "heartbeat.interval.ms", "500");
        Owners owners = new Owners();
        List<Member> members = new ArrayList<>(), all = new ArrayList<>();
        int number = 0;
        for (int index = 0; index < 3; index++) {
            members.add(rolled(group, classic, topic, owners, "member " + number++));
        }
        all.addAll(members);
        int produced = 0;
        balanced(members, 6);
        check(describe(admin, group).type() == GroupType.CLASSIC, "a classic group");
        for (Map<String, String> protocol : List.of(modern, classic)) {
            for (int index = 0; index < 3; index++) {
                // The new one joins before the old one goes, so that both protocols meet.
                Member next = rolled(group, protocol, topic, owners, "member " + number++);
                all.add(next);
                members.add(next);
                produce(topic, 60);
                produced += 60;
                balanced(members, 6);
                members.remove(0).close();
                produce(topic, 60);
                produced += 60;
                balanced(members, 6);
                boolean isClassic = index == 2 && protocol == classic;
                check(describe(admin, group).type() == (isClassic ? GroupType.CLASSIC : GroupType.CONSUMER),
                        name + " " + index + " " + describe(admin, group));
            }
        }
        int expected = produced;
        await("all records of " + topic, () -> all.stream().mapToInt(member -> member.seen.size()).sum() >= expected);
        Set<String> seen = new HashSet<>();
        all.forEach(member -> seen.addAll(member.seen));
        for (Member member : members) {
            member.close();
        }
        check(seen.size() == expected, seen.size() + " records of " + expected);
        check(owners.wrong.isEmpty(), owners.wrong);
        long committed = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get(30, TimeUnit.SECONDS)
                .values().stream().mapToLong(OffsetAndMetadata::offset).sum();
        check(committed == expected, "committed " + committed);
    }

    static Member rolled(String group, Map<String, String> more, String topic, Owners owners, String name) {
        return new Member(group, more, consumer -> consumer.subscribe(List.of(topic), owners.of(name)));
    }

    static void balanced(List<Member> members, int partitions) {
        await("even shares of " + members.size(), () -> members.stream().mapToInt(it -> it.assigned.size()).sum() == partitions
                && members.stream().allMatch(it -> it.assigned.size() <= partitions / members.size() + 1
                        && it.assigned.size() >= partitions / members.size()));
    }

    static void create(Admin admin, String topic, int partitions) throws Exception {
        admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 3))).all().get(30, TimeUnit.SECONDS);
    }

    static void produce(String topic, int records) {
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(client, new StringSerializer(), new StringSerializer())) {
            for (int number = 0; number < records; number++) {
                producer.send(new ProducerRecord<>(topic, "k" + number, Integer.toString(number)));
            }
        }
    }

    static ConsumerGroupDescription describe(Admin admin, String group) throws Exception {
        return admin.describeConsumerGroups(List.of(group)).all().get(30, TimeUnit.SECONDS).get(group);
    }

    static void awaitState(Admin admin, String group, GroupState state) {
        await("the group to be " + state, () -> {
            try {
                return describe(admin, group).groupState() == state;
            } catch (Exception error) {
                return false;
            }
        });
    }

    static void await(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("waited in vain for " + what);
            }
            Member.running.stream().filter(it -> it.failure != null).findFirst().ifPresent(it -> {
                throw new AssertionError("a member failed before " + what, it.failure);
            });
            try {
                Thread.sleep(50);
            } catch (InterruptedException interrupted) {
                throw new AssertionError(interrupted);
            }
        }
    }

    interface Action {
        void run() throws Exception;
    }

    static void refused(Class<? extends Exception> expected, Action action) throws Exception {
        try {
            action.run();
        } catch (ExecutionException failed) {
            check(expected.isInstance(failed.getCause()), failed.getCause());
            return;
        }
        throw new AssertionError("expected " + expected.getSimpleName());
    }

    static void check(boolean holds, Object what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
