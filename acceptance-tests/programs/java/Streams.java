// Kafka Streams with exactly_once_v2: counts of words in a store, counts a window of time, and sums of prices, which come by a join
// with a table. Every record of the input makes one record of each output. It runs until its standard input ends, and is killed in
// the middle by who started it: `streams.py`.
// Run as a single file: java -cp 'jars/*' Streams.java CLIENT_PROPERTIES STATE_DIRECTORY NAME

import java.io.FileInputStream;
import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.kstream.TimeWindows;

public class Streams {
    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        try (FileInputStream file = new FileInputStream(arguments[0])) {
            properties.load(file);
        }
        String name = arguments[2];
        properties.put(StreamsConfig.STATE_DIR_CONFIG, arguments[1]);
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, name);
        properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
        properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 200);
        properties.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        properties.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        properties.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        // The shortest that brokers allow: the group waits this long for who was killed.
        properties.put(StreamsConfig.consumerPrefix("session.timeout.ms"), 6000);
        properties.put(StreamsConfig.consumerPrefix("heartbeat.interval.ms"), 500);
        KafkaStreams streams = new KafkaStreams(topology(name), properties);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            return StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
        });
        streams.setStateListener((now, before) -> {
            System.out.println(now);
            if (now == KafkaStreams.State.ERROR) {
                Runtime.getRuntime().halt(3);
            }
        });
        streams.start();
        while (System.in.read() >= 0) {}
        streams.close(Duration.ofSeconds(30));
    }

    static Topology topology(String name) {
        StreamsBuilder builder = new StreamsBuilder();
        KStream<String, String> words = builder.<String, String>stream(name + "-words")
                .selectKey((key, word) -> word)
                .repartition(Repartitioned.<String, String>as("by-word").withNumberOfPartitions(3));
        words.groupByKey().count(Materialized.as("counts")).toStream()
                .to(name + "-counts", Produced.with(Serdes.String(), Serdes.Long()));
        words.groupByKey().windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofHours(1), Duration.ofHours(2)))
                .count(Materialized.as("windows")).toStream()
                .map((window, count) -> KeyValue.pair(
                        window.key() + "@" + window.window().start(), count))
                .to(name + "-windows", Produced.with(Serdes.String(), Serdes.Long()));
        KTable<String, Long> prices =
                builder.table(name + "-prices", Consumed.with(Serdes.String(), Serdes.Long()));
        words.join(prices, (word, price) -> price, Joined.with(Serdes.String(), Serdes.String(), Serdes.Long()))
                .groupByKey(Grouped.with(Serdes.String(), Serdes.Long()))
                .reduce(Long::sum, Materialized.as("sums")).toStream()
                .to(name + "-sums", Produced.with(Serdes.String(), Serdes.Long()));
        return builder.build();
    }
}
