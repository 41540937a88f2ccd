// Asks a broker a list of requests, right and wrong, and prints what it answers, a line for each. Two brokers that behave alike
// print the same: what differs from run to run (ids, times, addresses) and texts for people are left out.
// Compiled, then run: java -cp 'classes:jars/*' Answers BOOTSTRAP

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.io.DataInputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.requests.RequestUtils;

public class Answers {
    static final Set<String> LEFT_OUT = Set.of("throttleTimeMs", "message", "host", "port", "nodeId",
            "clientHost", "memberMetadata", "memberAssignment", "metadata", "assignmentTimestamp");
    static final Map<String, String> NAMES = new HashMap<>();
    static Socket socket;
    static DataInputStream input;
    static int correlation;

    public static void main(String[] arguments) throws Exception {
        String[] address = arguments[0].split(",")[0].split(":");
        connect(address[0], Integer.parseInt(address[1]));
        Uuid topic = createTopic("answers", 4);
        createTopic("answers-more", 1);
        awaitCoordinator();
        flawedHeartbeats();
        membersOfAGroup(topic);
        staticMembers();
        offsetsOfMembers(topic);
        classicAndConsumer();
        membersOfBothProtocols(topic);
        questionsOfOperators();
        clientQuotas();
        quotasOfOtherKinds();
        addressesConnect(address[0], Integer.parseInt(address[1]));
        changesAreCounted(address[0], Integer.parseInt(address[1]));
        timeIsCounted(address[0], Integer.parseInt(address[1]));
        scramUsers();
        logDirectories();
        levelsOfFeatures();
        quorum();
        configurationsOfGroups();
        levelsOfLoggers();
    }

    /** The broker may still be starting. */
    static void connect(String host, int port) throws Exception {
        for (int attempt = 0; attempt < 900 && socket == null; attempt++) {
            try {
                socket = new Socket(host, port);
            } catch (java.net.ConnectException refused) {
                Thread.sleep(100);
            }
        }
        socket.setSoTimeout(60_000);
        input = new DataInputStream(socket.getInputStream());
    }

    static ApiMessage ask(ApiMessage request, int version) throws Exception {
        ApiKeys api = ApiKeys.forId(request.apiKey());
        RequestHeaderData header = new RequestHeaderData().setRequestApiKey(api.id).setRequestApiVersion((short) version)
                .setClientId("answers").setCorrelationId(++correlation);
        ByteBuffer bytes = RequestUtils.serialize(header, api.requestHeaderVersion((short) version), request, (short) version);
        OutputStream output = socket.getOutputStream();
        byte[] framed = new byte[bytes.remaining() + 4];
        ByteBuffer.wrap(framed).putInt(bytes.remaining()).put(bytes);
        output.write(framed);
        byte[] answer = new byte[input.readInt()];
        input.readFully(answer);
        ByteBufferAccessor readable = new ByteBufferAccessor(ByteBuffer.wrap(answer));
        new ResponseHeaderData(readable, api.responseHeaderVersion((short) version));
        ApiMessage response = api.messageType.newResponse();
        response.read(readable, (short) version);
        return response;
    }

    /** Asks, and prints the answer. */
    static <T extends ApiMessage> T show(String what, ApiMessage request, int version) throws Exception {
        @SuppressWarnings("unchecked")
        T response = (T) ask(request, version);
        Class<?> converter = Class.forName(response.getClass().getName() + "JsonConverter");
        JsonNode json = (JsonNode) converter.getMethod("write", response.getClass(), short.class)
                .invoke(null, response, (short) version);
        System.out.println(what + ": " + plain(json));
        return response;
    }

    /** Without what differs from run to run. */
    static JsonNode plain(JsonNode node) {
        if (node instanceof ObjectNode object) {
            object.remove(LEFT_OUT);
            List<String> fields = new ArrayList<>();
            JsonNode code = object.get("errorCode");
            if (object.has("errorMessage") && (code == null || code.intValue() != 0)) {
                object.remove("errorMessage");
            } else if (object.has("errorMessage")) {
                // No text, as opposed to an empty one, is what programs look for where all is well.
                object.put("errorMessage", !object.get("errorMessage").isNull());
            }
            object.fieldNames().forEachRemaining(fields::add);
            fields.forEach(field -> object.set(field, plain(object.get(field))));
            return object;
        }
        if (node instanceof ArrayNode array) {
            TreeSet<String> sorted = new TreeSet<>();
            List<JsonNode> elements = new ArrayList<>();
            array.forEach(element -> elements.add(plain(element)));
            elements.sort((left, right) -> left.toString().compareTo(right.toString()));
            ArrayNode result = array.arrayNode();
            elements.forEach(result::add);
            return result;
        }
        if (node instanceof TextNode text) {
            return new TextNode(NAMES.getOrDefault(text.textValue(), text.textValue()));
        }
        return node;
    }

    static Uuid createTopic(String name, int partitions) throws Exception {
        CreateTopicsRequestData request = new CreateTopicsRequestData().setTimeoutMs(30_000);
        request.topics().add(new CreateTopicsRequestData.CreatableTopic().setName(name).setNumPartitions(partitions)
                .setReplicationFactor((short) 1));
        short code = -1;
        for (int attempt = 0; attempt < 600 && code != 0; attempt++) {
            code = ((CreateTopicsResponseData) ask(request, 7)).topics().find(name).errorCode();
            Thread.sleep(code == 0 ? 0 : 100);
        }
        return awaitLeaders(name);
    }

    /** Until all partitions of a topic have one; its id. */
    static Uuid awaitLeaders(String name) throws Exception {
        MetadataRequestData wanted = new MetadataRequestData()
                .setTopics(List.of(new MetadataRequestData.MetadataRequestTopic().setName(name)));
        for (int attempt = 0; attempt < 300; attempt++) {
            MetadataResponseData found = (MetadataResponseData) ask(wanted, 12);
            MetadataResponseData.MetadataResponseTopic topic = found.topics().find(name);
            if (topic.errorCode() == 0 && topic.partitions().stream().allMatch(it -> it.errorCode() == 0)) {
                NAMES.put(topic.topicId().toString(), "id of " + name);
                return topic.topicId();
            }
            Thread.sleep(100);
        }
        throw new AssertionError(name + " has no leader");
    }

    /** Until all groups are loaded, and their coordinator knows of the topics: it may hear of them after those who ask. */
    static void awaitCoordinator() throws Exception {
        for (int attempt = 0; attempt < 300; attempt++) {
            String group = "probe-" + attempt;
            ask(new FindCoordinatorRequestData().setKeyType((byte) 0).setCoordinatorKeys(List.of(group)), 4);
            ConsumerGroupHeartbeatResponseData joined = (ConsumerGroupHeartbeatResponseData) ask(
                    join(group, "m").setSubscribedTopicNames(List.of("answers", "answers-more")), 1);
            boolean knows = joined.assignment() != null && joined.assignment().topicPartitions().size() == 2;
            ask(heartbeat(group, "m", -1), 1);
            ask(new DeleteGroupsRequestData().setGroupsNames(List.of(group)), 2);
            ListGroupsResponseData listed = (ListGroupsResponseData) ask(new ListGroupsRequestData(), 5);
            if (knows && listed.errorCode() == 0 && listed.groups().isEmpty()) {
                return;
            }
            Thread.sleep(100);
        }
        throw new AssertionError("no coordinator");
    }

    static ConsumerGroupHeartbeatRequestData heartbeat(String group, String member, int epoch) {
        return new ConsumerGroupHeartbeatRequestData().setGroupId(group).setMemberId(member).setMemberEpoch(epoch);
    }

    static ConsumerGroupHeartbeatRequestData join(String group, String member) {
        return heartbeat(group, member, 0).setRebalanceTimeoutMs(30_000).setSubscribedTopicNames(List.of("answers"))
                .setTopicPartitions(List.of());
    }

    static List<ConsumerGroupHeartbeatRequestData.TopicPartitions> owned(Uuid topic, Integer... partitions) {
        return List.of(new ConsumerGroupHeartbeatRequestData.TopicPartitions().setTopicId(topic)
                .setPartitions(List.of(partitions)));
    }

    static void flawedHeartbeats() throws Exception {
        show("no group", join("", "m"), 1);
        show("no member id", join("flaws", ""), 1);
        show("empty instance", join("flaws", "m").setInstanceId(""), 1);
        show("empty rack", join("flaws", "m").setRackId(""), 1);
        show("no time-out", join("flaws", "m").setRebalanceTimeoutMs(-1), 1);
        show("owns something", join("flaws", "m").setTopicPartitions(owned(Uuid.randomUuid(), 1)), 1);
        show("owned is null", join("flaws", "m").setTopicPartitions(null), 1);
        show("no subscription", join("flaws", "m").setSubscribedTopicNames(null), 1);
        show("odd epoch", heartbeat("flaws", "m", -3), 1);
        show("static without instance", heartbeat("flaws", "m", -2), 1);
        show("no such assignor", join("flaws", "m").setServerAssignor("sticky"), 1);
        show("empty assignor", join("flaws", "m").setServerAssignor(""), 1);
        show("no such group", heartbeat("flaws", "m", 1), 1);
        show("leaves no such group", heartbeat("flaws", "m", -1), 1);
        show("bad expression", join("flaws", "m").setSubscribedTopicNames(null).setSubscribedTopicRegex("("), 1);
        show("what is left", new ConsumerGroupDescribeRequestData().setGroupIds(List.of("flaws")), 1);
    }

    static void membersOfAGroup(Uuid topic) throws Exception {
        show("first", join("members", "a"), 1);
        show("first again", heartbeat("members", "a", 2), 1);
        show("first tells all", join("members", "a").setMemberEpoch(2).setTopicPartitions(owned(topic, 0, 1, 2, 3)), 1);
        show("ahead", heartbeat("members", "a", 3), 1);
        show("unknown", heartbeat("members", "x", 2), 1);
        show("second", join("members", "b"), 1);
        ConsumerGroupHeartbeatResponseData told = show("first is to give up", heartbeat("members", "a", 2), 1);
        Integer[] kept = told.assignment().topicPartitions().get(0).partitions().toArray(new Integer[0]);
        show("second waits", heartbeat("members", "b", 3), 1);
        show("first still owns all", heartbeat("members", "a", 2).setTopicPartitions(owned(topic, 0, 1, 2, 3)), 1);
        show("reconciling", new ConsumerGroupDescribeRequestData().setGroupIds(List.of("members")), 1);
        show("first has given up", heartbeat("members", "a", 2).setTopicPartitions(owned(topic, kept)), 1);
        show("second gets", heartbeat("members", "b", 3), 1);
        show("behind, with what it owns", heartbeat("members", "a", 2).setTopicPartitions(owned(topic, kept[0])), 1);
        show("behind, with what it does not", heartbeat("members", "a", 2).setTopicPartitions(owned(topic, 9)), 1);
        show("behind, silent", heartbeat("members", "a", 2), 1);
        show("stable", new ConsumerGroupDescribeRequestData().setGroupIds(List.of("members")), 1);
        show("joins again", join("members", "a"), 1);
        show("one more topic", heartbeat("members", "b", 3).setSubscribedTopicNames(List.of("answers", "answers-more")), 1);
        show("no such topic", heartbeat("members", "b", 4).setSubscribedTopicNames(List.of("answers", "nowhere")), 1);
        show("leaves", heartbeat("members", "a", -1), 1);
        show("leaves again", heartbeat("members", "a", -1), 1);
        show("is gone", heartbeat("members", "a", 3), 1);
        show("the last leaves", heartbeat("members", "b", -1), 1);
        show("empty", new ConsumerGroupDescribeRequestData().setGroupIds(List.of("members")), 1);
    }

    static void staticMembers() throws Exception {
        show("static", join("static", "a").setInstanceId("one"), 1);
        show("taken", join("static", "b").setInstanceId("one"), 1);
        show("taken by itself", join("static", "a").setInstanceId("one"), 1);
        show("goes for a while", heartbeat("static", "a", -2).setInstanceId("one"), 1);
        show("away", new ConsumerGroupDescribeRequestData().setGroupIds(List.of("static")), 1);
        show("is back", join("static", "b").setInstanceId("one"), 1);
        show("fenced", heartbeat("static", "a", 2).setInstanceId("one"), 1);
        show("no such instance", heartbeat("static", "b", 2).setInstanceId("two"), 1);
        show("fenced goes", heartbeat("static", "a", -1).setInstanceId("one"), 1);
        show("goes", heartbeat("static", "b", -1).setInstanceId("one"), 1);
    }

    static OffsetCommitRequestData commit(String group, String member, int epoch) {
        return new OffsetCommitRequestData().setGroupId(group).setMemberId(member).setGenerationIdOrMemberEpoch(epoch)
                .setTopics(List.of(new OffsetCommitRequestData.OffsetCommitRequestTopic().setName("answers").setPartitions(
                        List.of(new OffsetCommitRequestData.OffsetCommitRequestPartition().setPartitionIndex(0)
                                .setCommittedOffset(5)))));
    }

    static OffsetFetchRequestData fetch(String group, String member, int epoch) {
        OffsetFetchRequestData.OffsetFetchRequestGroup wanted = new OffsetFetchRequestData.OffsetFetchRequestGroup()
                .setGroupId(group).setMemberId(member).setMemberEpoch(epoch)
                .setTopics(List.of(new OffsetFetchRequestData.OffsetFetchRequestTopics().setName("answers")
                        .setPartitionIndexes(List.of(0, 1))));
        return new OffsetFetchRequestData().setGroups(List.of(wanted));
    }

    static void offsetsOfMembers(Uuid topic) throws Exception {
        show("nobody's commit", commit("offsets", "", -1), 9);
        show("turns consumer", join("offsets", "a"), 1);
        show("member's commit", commit("offsets", "a", 2), 9);
        show("an old version", commit("offsets", "a", 2), 8);
        show("ahead", commit("offsets", "a", 3), 9);
        show("behind", commit("offsets", "a", 0), 9);
        show("negative", commit("offsets", "a", -1), 9);
        show("unknown member", commit("offsets", "x", 2), 9);
        show("nobody, with members", commit("offsets", "", -1), 9);
        show("nobody's old version", commit("offsets", "", -1), 7);
        show("member fetches", fetch("offsets", "a", 2), 9);
        show("stale fetch", fetch("offsets", "a", 3), 9);
        show("unknown fetch", fetch("offsets", "x", 2), 9);
        show("nobody fetches", fetch("offsets", null, -1), 9);
        show("old fetch", fetch("offsets", null, -1), 8);
        show("grows", heartbeat("offsets", "a", 2).setSubscribedTopicNames(List.of("answers", "answers-more")), 1);
        show("late, but its own", commit("offsets", "a", 2), 9);
        show("read topics stay", new OffsetDeleteRequestData().setGroupId("offsets").setTopics(
                new OffsetDeleteRequestData.OffsetDeleteRequestTopicCollection(List.of(
                        new OffsetDeleteRequestData.OffsetDeleteRequestTopic().setName("answers").setPartitions(List.of(
                                new OffsetDeleteRequestData.OffsetDeleteRequestPartition().setPartitionIndex(0)))).iterator())), 0);
        show("not while it has members", new DeleteGroupsRequestData().setGroupsNames(List.of("offsets")), 2);
        show("goes", heartbeat("offsets", "a", -1), 1);
        show("nobody, while empty", commit("offsets", "", -1), 9);
        show("epoch, while empty", commit("offsets", "a", 3), 9);
        show("deleted", new DeleteGroupsRequestData().setGroupsNames(List.of("offsets")), 2);
        show("deleted twice", new DeleteGroupsRequestData().setGroupsNames(List.of("offsets")), 2);
    }

    static JoinGroupRequestData classicJoin(String group, String member) {
        JoinGroupRequestData request = new JoinGroupRequestData().setGroupId(group).setMemberId(member)
                .setSessionTimeoutMs(30_000).setRebalanceTimeoutMs(30_000).setProtocolType("consumer");
        request.protocols().add(new JoinGroupRequestData.JoinGroupRequestProtocol().setName("range")
                .setMetadata(new byte[] {0, 1, 0, 0, 0, 1, 0, 7, 'a', 'n', 's', 'w', 'e', 'r', 's', -1, -1, -1, -1, 0, 0, 0, 0}));
        return request;
    }

    static void classicAndConsumer() throws Exception {
        show("consumer", join("both", "a"), 1);
        show("classic heartbeat", new HeartbeatRequestData().setGroupId("both").setMemberId("x").setGenerationId(1), 4);
        show("classic sync", new SyncGroupRequestData().setGroupId("both").setMemberId("x").setGenerationId(1)
                .setProtocolType("consumer").setProtocolName("range"), 5);
        show("classic leave", new LeaveGroupRequestData().setGroupId("both").setMembers(
                List.of(new LeaveGroupRequestData.MemberIdentity().setMemberId("x"))), 5);
        show("described the classic way", new DescribeGroupsRequestData().setGroups(List.of("both")), 6);
        show("and before", new DescribeGroupsRequestData().setGroups(List.of("both")), 5);
        show("goes", heartbeat("both", "a", -1), 1);
        show("empty, described the classic way", new DescribeGroupsRequestData().setGroups(List.of("both")), 6);
        JoinGroupResponseData first = (JoinGroupResponseData) ask(classicJoin("both", ""), 5);
        NAMES.put(first.memberId(), "classic member");
        show("classic", classicJoin("both", first.memberId()), 5);
        // Who gets which of the partitions that nobody had is for assignors to say.
        ask(join("both", "a"), 1);
        show("classic goes", new LeaveGroupRequestData().setGroupId("both").setMembers(
                List.of(new LeaveGroupRequestData.MemberIdentity().setMemberId(first.memberId()))), 5);
        show("consumer again", join("both", "a"), 1);
    }

    static HeartbeatRequestData beat(String group, String member, int generation) {
        return new HeartbeatRequestData().setGroupId(group).setMemberId(member).setGenerationId(generation);
    }

    static SyncGroupRequestData sync(String group, String member, int generation, byte... assignment) {
        SyncGroupRequestData request = new SyncGroupRequestData().setGroupId(group).setMemberId(member)
                .setGenerationId(generation).setProtocolType("consumer").setProtocolName("range");
        if (assignment.length > 0) {
            request.setAssignments(List.of(new SyncGroupRequestData.SyncGroupRequestAssignment().setMemberId(member)
                    .setAssignment(assignment)));
        }
        return request;
    }

    static LeaveGroupRequestData leave(String group, String member) {
        return new LeaveGroupRequestData().setGroupId(group)
                .setMembers(List.of(new LeaveGroupRequestData.MemberIdentity().setMemberId(member)));
    }

    /** A group with a member of the classic protocol, one of the other beside it for a while, and both alone again. */
    static void membersOfBothProtocols(Uuid topic) throws Exception {
        String group = "mixed", id = ((JoinGroupResponseData) ask(classicJoin(group, ""), 5)).memberId();
        NAMES.put(id, "first classic member");
        show("classic in mixed", classicJoin(group, id), 5);
        show("classic has all", sync(group, id, 1, new byte[] {0, 1, 0, 0, 0, 1, 0, 7, 'a', 'n', 's', 'w', 'e', 'r', 's',
            0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, -1, -1, -1, -1}), 5);
        show("consumer beside it", join(group, "a"), 1);
        ConsumerGroupDescribeRequestData described = new ConsumerGroupDescribeRequestData().setGroupIds(List.of(group));
        show("both", described, 1);
        show("both, of an older version", described, 0);
        show("described as a classic one", new DescribeGroupsRequestData().setGroups(List.of(group)), 5);
        show("classic is called", beat(group, id, 1), 4);
        show("classic synchronises first", sync(group, id, 1), 5);
        show("classic commits", commit(group, id, 1), 8);
        show("classic commits in no generation", commit(group, id, 3), 8);
        show("classic joins", classicJoin(group, id), 5);
        show("classic commits in the one before", commit(group, id, 1), 8);
        show("classic has its share", sync(group, id, 2), 5);
        show("classic says another protocol", sync(group, id, 2).setProtocolName("sticky"), 5);
        show("classic in another generation", beat(group, id, 7), 4);
        show("classic goes on", beat(group, id, 2), 4);
        show("consumer gets", heartbeat(group, "a", 2), 1);
        show("both have their share", described, 1);
        show("somebody else", beat(group, "x", 2), 4);
        show("consumer the classic way", beat(group, "a", 2), 4);
        show("consumer synchronises", sync(group, "a", 2), 5);
        show("consumer leaves the classic way", leave(group, "a"), 5);
        show("somebody leaves", leave(group, "x"), 5);
        JoinGroupRequestData other = classicJoin(group, "y");
        other.protocols().forEach(protocol -> protocol.setName("sticky"));
        show("another assignor", other, 5);
        show("no consumer", classicJoin(group, "y").setProtocolType("connect"), 5);
        JoinGroupResponseData fresh = (JoinGroupResponseData) ask(classicJoin(group, ""), 5);
        System.out.println("a new one has to know its id: " + fresh.errorCode() + " " + fresh.memberId().isEmpty());
        show("consumer goes", heartbeat(group, "a", -1), 1);
        show("a consumer group no more", described, 1);
        show("classic is called again", beat(group, id, 2), 4);
        show("classic synchronises again", sync(group, id, 2), 5);
        show("classic joins again", classicJoin(group, id), 5);
        show("classic leaves", leave(group, id), 5);
    }

    static void questionsOfOperators() throws Exception {
        show("all groups", new ListGroupsRequestData(), 5);
        show("consumer groups", new ListGroupsRequestData().setTypesFilter(List.of("consumer")), 5);
        show("CLASSIC groups", new ListGroupsRequestData().setTypesFilter(List.of("CLASSIC")), 5);
        show("stable groups", new ListGroupsRequestData().setStatesFilter(List.of("Stable", "Reconciling")), 5);
        show("old version", new ListGroupsRequestData(), 3);
        show("several", new ConsumerGroupDescribeRequestData().setGroupIds(List.of("nowhere", "members", "")), 0);
    }

    static AlterClientQuotasRequestData.EntityData part(String type, String name) {
        return new AlterClientQuotasRequestData.EntityData().setEntityType(type).setEntityName(name);
    }

    static AlterClientQuotasRequestData alter(String key, Double value, AlterClientQuotasRequestData.EntityData... parts) {
        AlterClientQuotasRequestData.OpData op = new AlterClientQuotasRequestData.OpData().setKey(key)
                .setValue(value == null ? 0 : value).setRemove(value == null);
        return new AlterClientQuotasRequestData().setEntries(List.of(
                new AlterClientQuotasRequestData.EntryData().setEntity(List.of(parts)).setOps(List.of(op))));
    }

    static DescribeClientQuotasRequestData quotas(boolean strict, DescribeClientQuotasRequestData.ComponentData... wanted) {
        return new DescribeClientQuotasRequestData().setStrict(strict).setComponents(List.of(wanted));
    }

    static DescribeClientQuotasRequestData.ComponentData component(String type, int match, String name) {
        return new DescribeClientQuotasRequestData.ComponentData().setEntityType(type).setMatchType((byte) match).setMatch(name);
    }

    /** Until the broker knows what the controller was told: changes are known in their order, so a last one shows it. */
    static void awaitQuotas(double step) throws Exception {
        ask(alter("consumer_byte_rate", step, part("user", "last")), 1);
        for (int attempt = 0; attempt < 300; attempt++) {
            DescribeClientQuotasResponseData found = (DescribeClientQuotasResponseData) ask(
                    quotas(true, component("user", 0, "last")), 1);
            if (found.entries().size() == 1 && found.entries().get(0).values().get(0).value() == step) {
                return;
            }
            Thread.sleep(100);
        }
        throw new AssertionError("a quota is not known");
    }

    static void clientQuotas() throws Exception {
        show("of a user", alter("producer_byte_rate", 1e6, part("user", "alice")), 1);
        show("of a user's client", alter("consumer_byte_rate", 2e6, part("user", "alice"), part("client-id", "x")), 1);
        show("of all users", alter("request_percentage", 12.5, part("user", null)), 1);
        show("of all clients", alter("producer_byte_rate", 3e6, part("client-id", null)), 0);
        show("of nobody", alter("producer_byte_rate", 1.0), 1);
        show("of something else", alter("producer_byte_rate", 1.0, part("group", "g")), 1);
        show("no such key", alter("bytes", 1.0, part("user", "alice")), 1);
        show("nothing", alter("producer_byte_rate", 0.0, part("user", "alice")), 1);
        show("less than nothing", alter("producer_byte_rate", -1.0, part("user", "alice")), 1);
        show("a fraction", alter("producer_byte_rate", 1.5, part("user", "alice")), 1);
        show("only asked", alter("producer_byte_rate", 9e6, part("user", "alice")).setValidateOnly(true), 1);
        show("removed, though it is not there", alter("consumer_byte_rate", null, part("user", "nobody")), 1);
        awaitQuotas(1);
        show("all", quotas(false), 1);
        show("alice's", quotas(false, component("user", 0, "alice")), 1);
        show("alice's own", quotas(true, component("user", 0, "alice")), 1);
        show("the users' default", quotas(false, component("user", 1, null)), 1);
        show("all users'", quotas(true, component("user", 2, null)), 1);
        show("both", quotas(true, component("user", 2, null), component("client-id", 2, null)), 0);
        show("nobody's", quotas(false, component("user", 0, "nobody")), 1);
        show("wanted twice", quotas(false, component("user", 0, "a"), component("user", 0, "b")), 1);
        show("of a kind that is none", quotas(false, component("group", 0, "g")), 1);
        show("of no kind", quotas(false, component("", 0, "g")), 1);
        show("an address and a user", quotas(false, component("ip", 2, null), component("user", 2, null)), 1);
        show("an odd match", quotas(false, component("user", 7, null)), 1);
        show("exactly nothing", quotas(false, component("user", 0, null)), 1);
        show("removed", alter("producer_byte_rate", null, part("user", "alice")), 1);
        awaitQuotas(2);
        show("what is left of alice's", quotas(false, component("user", 0, "alice")), 1);
        show("and of the others", alter("request_percentage", null, part("user", null)), 1);
        show("the clients' default", alter("producer_byte_rate", null, part("client-id", null)), 1);
        show("the client", alter("consumer_byte_rate", null, part("user", "alice"), part("client-id", "x")), 1);
        awaitQuotas(3);
        show("the last is left", quotas(false), 1);
    }

    static AlterUserScramCredentialsRequestData.ScramCredentialUpsertion password(String user, int mechanism, int iterations) {
        byte[] salt = {1, 2, 3, 4, 5, 6, 7, 8};
        return new AlterUserScramCredentialsRequestData.ScramCredentialUpsertion().setName(user).setMechanism((byte) mechanism)
                .setIterations(iterations).setSalt(salt).setSaltedPassword(new byte[32]);
    }

    static AlterUserScramCredentialsRequestData.ScramCredentialDeletion noMore(String user, int mechanism) {
        return new AlterUserScramCredentialsRequestData.ScramCredentialDeletion().setName(user).setMechanism((byte) mechanism);
    }

    static AlterUserScramCredentialsRequestData passwords(AlterUserScramCredentialsRequestData.ScramCredentialUpsertion... all) {
        return new AlterUserScramCredentialsRequestData().setUpsertions(List.of(all));
    }

    static AlterUserScramCredentialsRequestData removals(AlterUserScramCredentialsRequestData.ScramCredentialDeletion... all) {
        return new AlterUserScramCredentialsRequestData().setDeletions(List.of(all));
    }

    /** Until the broker knows of a user, or knows of it no more. */
    static void awaitUser(String user, boolean there) throws Exception {
        DescribeUserScramCredentialsRequestData wanted = new DescribeUserScramCredentialsRequestData()
                .setUsers(List.of(new DescribeUserScramCredentialsRequestData.UserName().setName(user)));
        for (int attempt = 0; attempt < 300; attempt++) {
            DescribeUserScramCredentialsResponseData found = (DescribeUserScramCredentialsResponseData) ask(wanted, 0);
            if ((found.results().get(0).errorCode() == 0) == there) {
                return;
            }
            Thread.sleep(100);
        }
        throw new AssertionError(user + (there ? " is not known" : " is still known"));
    }

    static void scramUsers() throws Exception {
        show("two users", passwords(password("alice", 1, 4096), password("alice", 2, 8192), password("bob", 2, 16384)), 0);
        awaitUser("bob", true);
        show("all users", new DescribeUserScramCredentialsRequestData(), 0);
        show("another password", passwords(password("alice", 1, 5000)), 0);
        show("too few iterations", passwords(password("alice", 1, 4095)), 0);
        show("too many iterations", passwords(password("alice", 1, 16385)), 0);
        show("no such mechanism", passwords(password("alice", 7, 4096)), 0);
        show("no mechanism", passwords(password("alice", 0, 4096)), 0);
        show("no name", passwords(password("", 1, 4096)), 0);
        show("twice", passwords(password("carol", 1, 4096), password("carol", 1, 4096)), 0);
        show("once right, once wrong", passwords(password("dave", 1, 4096), password("dave", 2, 1)), 0);
        show("one right, one wrong", passwords(password("erin", 1, 4096), password("frank", 2, 1)), 0);
        show("nobody's", removals(noMore("nobody", 1)), 0);
        show("not that one", removals(noMore("bob", 1)), 0);
        show("set and removed", passwords(password("bob", 2, 4096)).setDeletions(List.of(noMore("bob", 2))), 0);
        show("another set, one removed", passwords(password("bob", 1, 4096)).setDeletions(List.of(noMore("bob", 2))), 0);
        show("a name of nothing removed", removals(noMore("", 1)), 0);
        show("an odd mechanism removed", removals(noMore("bob", 9)), 0);
        awaitUser("erin", true);
        show("who is left", new DescribeUserScramCredentialsRequestData(), 0);
        show("all removed", removals(noMore("alice", 1), noMore("alice", 2), noMore("bob", 1), noMore("erin", 1)), 0);
        awaitUser("erin", false);
        show("nobody is left", new DescribeUserScramCredentialsRequestData(), 0);
    }

    static AlterReplicaLogDirsRequestData moved(String directory, String topic, Integer... partitions) {
        AlterReplicaLogDirsRequestData.AlterReplicaLogDir wanted = new AlterReplicaLogDirsRequestData.AlterReplicaLogDir()
                .setPath(directory);
        wanted.topics().add(new AlterReplicaLogDirsRequestData.AlterReplicaLogDirTopic().setName(topic)
                .setPartitions(List.of(partitions)));
        AlterReplicaLogDirsRequestData request = new AlterReplicaLogDirsRequestData();
        request.dirs().add(wanted);
        return request;
    }

    static void logDirectories() throws Exception {
        DescribeLogDirsResponseData found = (DescribeLogDirsResponseData) ask(new DescribeLogDirsRequestData().setTopics(null), 4);
        String directory = found.results().get(0).logDir();
        show("where it is", moved(directory, "answers", 0, 3), 2);
        show("no such partition", moved(directory, "answers", 0, 99), 2);
        show("no such topic", moved(directory, "nowhere", 0), 1);
        show("no such directory", moved("/nowhere/at/all", "answers", 0), 2);
    }

    static UpdateFeaturesRequestData level(String feature, int level, int upgradeType) {
        UpdateFeaturesRequestData request = new UpdateFeaturesRequestData().setTimeoutMs(10_000).setValidateOnly(true);
        request.featureUpdates().add(new UpdateFeaturesRequestData.FeatureUpdateKey().setFeature(feature)
                .setMaxVersionLevel((short) level).setUpgradeType((byte) upgradeType));
        return request;
    }

    static void levelsOfFeatures() throws Exception {
        for (int version : List.of(1, 2)) {
            show("as it is", level("group.version", 1, 1), version);
            show("too new", level("group.version", 99, 1), version);
            show("lower, without saying so", level("group.version", 0, 1), version);
            show("no such feature", level("no.such", 1, 1), version);
        }
    }

    static DescribeQuorumRequestData described(String topic, int... partitions) {
        DescribeQuorumRequestData.TopicData wanted = new DescribeQuorumRequestData.TopicData().setTopicName(topic);
        for (int partition : partitions) {
            wanted.partitions().add(new DescribeQuorumRequestData.PartitionData().setPartitionIndex(partition));
        }
        return new DescribeQuorumRequestData().setTopics(List.of(wanted));
    }

    /** What is kept where differs: of the answer that is right only its shape is compared. */
    static void quorum() throws Exception {
        for (int version = 0; version <= 2; version++) {
            show("another topic", described("answers", 0), version);
            show("another partition", described("__cluster_metadata", 1), version);
            show("too many", described("__cluster_metadata", 0, 1), version);
            show("nothing", new DescribeQuorumRequestData().setTopics(List.of()), version);
            DescribeQuorumResponseData found =
                    (DescribeQuorumResponseData) ask(described("__cluster_metadata", 0), version);
            DescribeQuorumResponseData.PartitionData partition = found.topics().get(0).partitions().get(0);
            DescribeQuorumResponseData.ReplicaState voter = partition.currentVoters().get(0);
            System.out.println("quorum: " + found.errorCode() + " " + partition.errorCode() + " " + partition.errorMessage() + " "
                    + partition.currentVoters().size() + " " + (voter.replicaId() == partition.leaderId()) + " "
                    + (voter.logEndOffset() >= partition.highWatermark()) + " " + (partition.highWatermark() > 0) + " "
                    + (voter.lastFetchTimestamp() == -1) + " " + (voter.lastCaughtUpTimestamp() == -1));
        }
    }

    static void quotasOfOtherKinds() throws Exception {
        show("of an address", alter("connection_creation_rate", 1e6, part("ip", "127.9.9.9")), 1);
        show("of all addresses", alter("connection_creation_rate", 2e6, part("ip", null)), 1);
        show("of no address", alter("connection_creation_rate", 1.0, part("ip", "not an address")), 1);
        show("of a user at an address", alter("connection_creation_rate", 1.0, part("ip", null), part("user", "alice")), 1);
        show("bytes of an address", alter("producer_byte_rate", 1.0, part("ip", "127.9.9.9")), 1);
        show("connections of a user", alter("connection_creation_rate", 1.0, part("user", "alice")), 1);
        show("half a connection", alter("connection_creation_rate", 1.5, part("ip", "127.9.9.9")), 1);
        show("too many connections", alter("connection_creation_rate", 3e9, part("ip", "127.9.9.9")), 1);
        show("changes", alter("controller_mutation_rate", 0.5, part("user", "alice")), 1);
        show("no changes", alter("controller_mutation_rate", 0.0, part("user", "alice")), 1);
        awaitQuotas(4);
        show("all addresses'", quotas(true, component("ip", 2, null)), 1);
        show("an address's", quotas(false, component("ip", 0, "127.9.9.9")), 1);
        show("the addresses' default", quotas(false, component("ip", 1, null)), 1);
        show("a changer's", quotas(false, component("user", 0, "alice")), 1);
        show("the address goes", alter("connection_creation_rate", null, part("ip", "127.9.9.9")), 1);
        show("the default goes", alter("connection_creation_rate", null, part("ip", null)), 1);
        show("the changer goes", alter("controller_mutation_rate", null, part("user", "alice")), 1);
        awaitQuotas(5);
        show("none is left", quotas(true, component("ip", 2, null)), 1);
    }

    /** Who connects too often is let in by the kernel only, and out again. */
    static void addressesConnect(String host, int port) throws Exception {
        ask(alter("connection_creation_rate", 1.0, part("ip", "127.0.0.1")), 1);
        boolean away = false;
        for (int round = 0; round < 20 && !away; round++) {
            List<Socket> sockets = new ArrayList<>();
            for (int number = 0; number < 40; number++) {
                sockets.add(new Socket(host, port));
            }
            Socket last = sockets.get(39);
            last.setSoTimeout(3_000);
            try {
                away = last.getInputStream().read() == -1;
            } catch (java.net.SocketTimeoutException stillOpen) {
                // The quota is not known yet.
            }
            for (Socket socket : sockets) {
                socket.close();
            }
        }
        System.out.println("who connects too often is turned away: " + away);
        show("no limit any more", alter("connection_creation_rate", null, part("ip", "127.0.0.1")), 1);
        for (boolean in = false; !in;) {
            in = askElsewhere(host, port, new ListGroupsRequestData(), 4) != null;
        }
    }

    /** On a connection of its own, which has not been told to wait; nothing where it is closed. */
    static ApiMessage askElsewhere(String host, int port, ApiMessage request, int version) throws Exception {
        Socket before = socket;
        DataInputStream inputBefore = input;
        try (Socket fresh = new Socket(host, port)) {
            socket = fresh;
            fresh.setSoTimeout(60_000);
            input = new DataInputStream(fresh.getInputStream());
            return ask(request, version);
        } catch (java.io.IOException closed) {
            return null;
        } finally {
            socket = before;
            input = inputBefore;
        }
    }

    /** How long a client is told to wait. */
    static int wait(ApiMessage response) throws Exception {
        return (int) response.getClass().getMethod("throttleTimeMs").invoke(response);
    }

    static CreateTopicsRequestData wanted(String topic, int partitions) {
        CreateTopicsRequestData request = new CreateTopicsRequestData().setTimeoutMs(30_000).setValidateOnly(true);
        request.topics().add(new CreateTopicsRequestData.CreatableTopic().setName(topic).setNumPartitions(partitions)
                .setReplicationFactor((short) 1));
        return request;
    }

    static CreatePartitionsRequestData grown(String topic, int total) {
        CreatePartitionsRequestData request = new CreatePartitionsRequestData().setTimeoutMs(30_000).setValidateOnly(true);
        request.topics().add(new CreatePartitionsRequestData.CreatePartitionsTopic().setName(topic).setCount(total)
                .setAssignments(null));
        return request;
    }

    static DeleteTopicsRequestData gone(String topic, int version) {
        DeleteTopicsRequestData request = new DeleteTopicsRequestData().setTimeoutMs(30_000);
        return version >= 6
                ? request.setTopics(List.of(new DeleteTopicsRequestData.DeleteTopicState().setName(topic)))
                : request.setTopicNames(List.of(topic));
    }

    /** Twenty partitions a second, and what comes when far too many were made: new versions are refused, old ones wait. */
    static void changesAreCounted(String host, int port) throws Exception {
        createTopic("counted", 2);
        createTopic("uncounted", 2);
        ask(alter("controller_mutation_rate", 20.0, part("client-id", "answers")), 1);
        ApiMessage made = null;
        for (int attempt = 0; attempt < 600 && (made == null || wait(made) == 0); attempt++) {
            made = askElsewhere(host, port, wanted("many", 1_000), 5);
        }
        // Ten seconds' worth and a current one are free, and a little time has gone by.
        System.out.println("an old client makes too much: " + (wait(made) > 30_000 && wait(made) <= 39_000) + " "
                + ((CreateTopicsResponseData) made).topics().find("many").errorCode());
        for (int version : List.of(2, 5, 6, 7)) {
            ApiMessage answer = askElsewhere(host, port, wanted("more", 1), version);
            System.out.println("topic in version " + version + ": "
                    + ((CreateTopicsResponseData) answer).topics().find("more").errorCode() + " " + (wait(answer) > 0));
        }
        for (int version : List.of(1, 2, 3)) {
            ApiMessage answer = askElsewhere(host, port, grown("answers", 5), version);
            System.out.println("partition in version " + version + ": "
                    + ((CreatePartitionsResponseData) answer).results().get(0).errorCode() + " " + (wait(answer) > 0));
        }
        for (int version : List.of(6, 5, 4)) {
            ApiMessage answer = askElsewhere(host, port, gone(version == 4 ? "counted" : "uncounted", version), version);
            System.out.println("deletion in version " + version + ": " + ((DeleteTopicsResponseData) answer).responses()
                    .iterator().next().errorCode() + " " + (wait(answer) > 0));
        }
        ApiMessage flawed = askElsewhere(host, port, wanted("bad/name", 1), 7);
        System.out.println("flawed: " + ((CreateTopicsResponseData) flawed).topics().find("bad/name").errorCode() + " "
                + (wait(flawed) > 0));
        show("changes are not counted any more", alter("controller_mutation_rate", null, part("client-id", "answers")), 1);
    }

    /** Next to no time for requests: whatever is asked, the answer says to wait. */
    static void timeIsCounted(String host, int port) throws Exception {
        ask(alter("request_percentage", 0.00001, part("client-id", "answers")), 1);
        ApiMessage answer = null;
        for (int attempt = 0; attempt < 600 && (answer == null || wait(answer) == 0); attempt++) {
            answer = askElsewhere(host, port, new ListGroupsRequestData(), 4);
        }
        Map<ApiMessage, List<Integer>> questions = new java.util.LinkedHashMap<>();
        questions.put(new ApiVersionsRequestData().setClientSoftwareName("answers").setClientSoftwareVersion("1"), List.of(0, 1, 4));
        questions.put(new MetadataRequestData(), List.of(1, 3, 12));
        questions.put(new ListOffsetsRequestData(), List.of(1, 2, 8));
        questions.put(new FetchRequestData().setReplicaId(-1).setMaxWaitMs(0).setSessionEpoch(-1), List.of(4, 12));
        questions.put(new FindCoordinatorRequestData().setCoordinatorKeys(List.of("timed")), List.of(4, 6));
        questions.put(new HeartbeatRequestData().setGroupId("timed"), List.of(0, 1, 4));
        questions.put(new OffsetFetchRequestData().setGroups(List.of()), List.of(8, 9));
        questions.put(new DescribeGroupsRequestData().setGroups(List.of("timed")), List.of(0, 1, 5));
        questions.put(new ListGroupsRequestData(), List.of(0, 1, 5));
        questions.put(new CreateTopicsRequestData(), List.of(2, 7));
        questions.put(new DeleteTopicsRequestData(), List.of(1, 6));
        questions.put(new CreatePartitionsRequestData(), List.of(0, 3));
        questions.put(new OffsetForLeaderEpochRequestData(), List.of(2, 4));
        questions.put(new DescribeConfigsRequestData(), List.of(1, 4));
        questions.put(new IncrementalAlterConfigsRequestData(), List.of(0, 1));
        questions.put(new DeleteGroupsRequestData(), List.of(0, 2));
        questions.put(new ListPartitionReassignmentsRequestData().setTopics(List.of()), List.of(0));
        questions.put(quotas(true, component("user", 0, "nobody")), List.of(0, 1));
        questions.put(new DescribeClusterRequestData(), List.of(0, 1));
        questions.put(new DescribeProducersRequestData(), List.of(0));
        questions.put(new ListTransactionsRequestData(), List.of(0, 1));
        questions.put(heartbeat("timed", "m", 1), List.of(0, 1));
        questions.put(new ConsumerGroupDescribeRequestData().setGroupIds(List.of("timed")), List.of(0, 1));
        questions.put(new DescribeTopicPartitionsRequestData(), List.of(0));
        for (Map.Entry<ApiMessage, List<Integer>> question : questions.entrySet()) {
            for (int version : question.getValue()) {
                answer = askElsewhere(host, port, question.getKey(), version);
                String name = ApiKeys.forId(question.getKey().apiKey()).name;
                System.out.println("wait after " + name + " " + version + ": " + (answer == null ? "closed" : wait(answer) > 0));
            }
        }
        show("time is not counted any more", alter("request_percentage", null, part("client-id", "answers")), 1);
    }

    static IncrementalAlterConfigsRequestData groupSets(String group, String name, String value, int operation) {
        IncrementalAlterConfigsRequestData.AlterConfigsResource resource =
                new IncrementalAlterConfigsRequestData.AlterConfigsResource().setResourceType((byte) 32).setResourceName(group);
        resource.configs().add(new IncrementalAlterConfigsRequestData.AlterableConfig().setName(name).setValue(value)
                .setConfigOperation((byte) operation));
        IncrementalAlterConfigsRequestData request = new IncrementalAlterConfigsRequestData();
        request.resources().add(resource);
        return request;
    }

    static DescribeConfigsRequestData ofGroup(String group) {
        return new DescribeConfigsRequestData().setIncludeSynonyms(true).setResources(List.of(
                new DescribeConfigsRequestData.DescribeConfigsResource().setResourceType((byte) 32).setResourceName(group)
                        .setConfigurationKeys(List.of("consumer.session.timeout.ms", "consumer.heartbeat.interval.ms"))));
    }

    static ListConfigResourcesRequestData listed(int... types) {
        ListConfigResourcesRequestData request = new ListConfigResourcesRequestData();
        for (int type : types) {
            request.resourceTypes().add((byte) type);
        }
        return request;
    }

    static IncrementalAlterConfigsRequestData loggerSets(String broker, String logger, String level, int operation) {
        IncrementalAlterConfigsRequestData request = groupSets(broker, logger, level, operation);
        request.resources().iterator().next().setResourceType((byte) 8);
        return request;
    }

    static DescribeConfigsRequestData ofRootLogger(String broker) {
        return new DescribeConfigsRequestData().setIncludeSynonyms(true).setIncludeDocumentation(true).setResources(List.of(
                new DescribeConfigsRequestData.DescribeConfigsResource().setResourceType((byte) 8).setResourceName(broker)
                        .setConfigurationKeys(List.of("root", "no.such.logger"))));
    }

    /** The loggers themselves have other names; the root has the same. */
    static void levelsOfLoggers() throws Exception {
        show("the root's level is", loggerSets("1", "root", "INFO", 0), 1);
        show("the root", ofRootLogger("1"), 4);
        show("the root, as it was asked before", ofRootLogger("1").setIncludeDocumentation(false), 1);
        for (String level : List.of("WARN", "FATAL", "ERROR")) {
            show("the root's level becomes " + level, loggerSets("1", "root", level, 0), 1);
            show("the root has", ofRootLogger("1"), 4);
        }
        show("only asked for DEBUG", loggerSets("1", "root", "DEBUG", 0).setValidateOnly(true), 1);
        show("only asked for nothing", loggerSets("1", "root", "LOUD", 0).setValidateOnly(true), 1);
        for (String level : List.of("warn", "OFF", "ALL", "LOUD", "")) {
            show("the root's level cannot be " + level, loggerSets("1", "root", level, 0), 0);
        }
        show("the root has no level", loggerSets("1", "root", null, 0), 1);
        show("the root's level stays", loggerSets("1", "root", null, 1), 1);
        show("nobody's level", loggerSets("1", "no.such.logger", "INFO", 0), 1);
        show("nobody's level goes", loggerSets("1", "no.such.logger", null, 1), 1);
        show("added to a level", loggerSets("1", "root", "INFO", 2), 1);
        show("taken from a level", loggerSets("1", "root", "INFO", 3), 1);
        for (String broker : List.of("2", "", "one")) {
            show("a level of broker " + broker, loggerSets(broker, "root", "INFO", 0), 1);
            show("levels of broker " + broker, ofRootLogger(broker), 4);
        }
        IncrementalAlterConfigsRequestData twice = loggerSets("1", "root", "INFO", 0);
        twice.resources().iterator().next().configs().add(new IncrementalAlterConfigsRequestData.AlterableConfig().setName("root")
                .setConfigOperation((byte) 1));
        show("a logger twice", twice, 1);
        AlterConfigsRequestData whole = new AlterConfigsRequestData();
        AlterConfigsRequestData.AlterConfigsResource resource =
                new AlterConfigsRequestData.AlterConfigsResource().setResourceType((byte) 8).setResourceName("1");
        resource.configs().add(new AlterConfigsRequestData.AlterableConfig().setName("root").setValue("INFO"));
        whole.resources().add(resource);
        show("all levels at once", whole, 2);
        show("brokers with loggers", listed(8), 1);
        show("brokers and their loggers", listed(4, 8), 1);
        show("as it was", loggerSets("1", "root", "INFO", 0), 1);
    }

    /** Until the broker that is asked knows of it. */
    static void awaitConfig(String group, String value) throws Exception {
        for (int attempt = 0; attempt < 300; attempt++) {
            String found = ask(ofGroup(group), 4).toString();
            if (found.contains("value='" + value + "'")) {
                return;
            }
            Thread.sleep(100);
        }
        throw new AssertionError(value + " is not known");
    }

    static void configurationsOfGroups() throws Exception {
        show("a group without", ofGroup("configured"), 4);
        show("no group", ofGroup(""), 4);
        show("longer", groupSets("configured", "consumer.session.timeout.ms", "50000", 0), 1);
        show("more seldom", groupSets("configured", "consumer.heartbeat.interval.ms", "10000", 0), 1);
        show("too short", groupSets("configured", "consumer.session.timeout.ms", "1", 0), 1);
        show("too long", groupSets("configured", "consumer.session.timeout.ms", "60001", 0), 1);
        show("too seldom", groupSets("configured", "consumer.heartbeat.interval.ms", "15001", 0), 1);
        show("assigned more seldom", groupSets("configured", "consumer.assignment.interval.ms", "2000", 0), 1);
        show("assigned too seldom", groupSets("configured", "consumer.assignment.interval.ms", "15001", 0), 1);
        show("assigned as before", groupSets("configured", "consumer.assignment.interval.ms", null, 1), 1);
        show("no number", groupSets("configured", "consumer.session.timeout.ms", "soon", 0), 1);
        show("no such property", groupSets("configured", "no.such", "1", 0), 1);
        show("no such property goes", groupSets("configured", "no.such", null, 1), 1);
        show("appended", groupSets("configured", "consumer.session.timeout.ms", "1", 2), 1);
        show("only asked", groupSets("configured", "consumer.session.timeout.ms", "55000", 0).setValidateOnly(true), 1);
        show("of no group", groupSets("", "consumer.session.timeout.ms", "50000", 0), 1);
        awaitConfig("configured", "10000");
        show("a group with both", ofGroup("configured"), 4);
        show("groups with something set", listed(32), 1);
        show("topics and groups", listed(2, 32), 1);
        show("brokers", listed(4), 1);
        show("metrics of clients", listed(), 0);
        show("no such kind", listed(3), 1);
        show("one that joins", join("configured", "m"), 1);
        show("one that leaves", heartbeat("configured", "m", -1), 1);
        show("as before", groupSets("configured", "consumer.session.timeout.ms", null, 1), 1);
        show("as before, too", groupSets("configured", "consumer.heartbeat.interval.ms", null, 1), 1);
        awaitConfig("configured", "45000");
        awaitConfig("configured", "5000");
        show("a group without again", ofGroup("configured"), 4);
        show("one that joins again", join("configured", "m"), 1);
        show("one that leaves again", heartbeat("configured", "m", -1), 1);
    }
}
