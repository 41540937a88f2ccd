// Apache Kafka's Java client: commits transactions one after the other, each of one record to every second partition of six, and
// prints how long each took, in milliseconds. librdkafka would not do: with it both sides take 100 ms.
// Run as a single file: java -cp 'jars/*' TransactionTimes.java BOOTSTRAP TOPIC COUNT

import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class TransactionTimes {
    static final int WARM_UP = 100;

    public static void main(String[] arguments) {
        Map<String, Object> properties = Map.of("bootstrap.servers", arguments[0], "transactional.id", "bench");
        String topic = arguments[1];
        int count = Integer.parseInt(arguments[2]);
        byte[] value = new byte[1024];
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.initTransactions();
            for (int n = -WARM_UP; n < count; n++) {
                long start = System.nanoTime();
                producer.beginTransaction();
                for (int partition = 0; partition < 6; partition += 2) {
                    producer.send(new ProducerRecord<>(topic, partition, null, value));
                }
                producer.commitTransaction();
                if (n >= 0) {
                    System.out.printf("%.3f%n", (System.nanoTime() - start) / 1e6);
                }
            }
        }
    }
}
