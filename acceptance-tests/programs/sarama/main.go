// sarama: what an application and its operator do. A topic made by the administration, an idempotent producer with every
// compression, a group whose second member takes over some of the partitions, offsets read back, transactions of which one is
// aborted, and the administration's questions and orders.
//
// usage: sarama BOOTSTRAP CA USER    (password in KAFKA_PASSWORD)
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

const (
	partitions = 6
	perCodec   = 60
)

var (
	run   = strconv.FormatInt(time.Now().UnixNano(), 36)
	topic = "sarama-" + run
)

func main() {
	if len(os.Args) != 4 {
		fail("usage: sarama BOOTSTRAP CA USER")
	}
	admin := must(sarama.NewClusterAdmin(bootstrap(), config()))
	createTopic(admin)
	written := produce()
	group := "group-" + run
	consumeTogether(group, written)
	readOffsets(admin, group, written)
	transactions()
	copyExactlyOnce()
	administer(admin, group, written)
	check(admin.Close())
	fmt.Printf("ok: %d records\n", written)
}

func bootstrap() []string {
	return strings.Split(os.Args[1], ",")
}

func config() *sarama.Config {
	pem := must(os.ReadFile(os.Args[2]))
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		fail("no certificate in " + os.Args[2])
	}
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.ClientID = "sarama-" + run
	config.Net.TLS.Enable = true
	config.Net.TLS.Config = &tls.Config{RootCAs: pool}
	config.Net.SASL.Enable = true
	config.Net.SASL.Mechanism = sarama.SASLTypeSCRAMSHA512
	config.Net.SASL.SCRAMClientGeneratorFunc = newLogin
	config.Net.SASL.User = os.Args[3]
	config.Net.SASL.Password = os.Getenv("KAFKA_PASSWORD")
	config.Consumer.Return.Errors = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Producer.Return.Successes = true
	return config
}

func createTopic(admin sarama.ClusterAdmin) {
	retention := "3600000"
	detail := &sarama.TopicDetail{
		NumPartitions:     partitions,
		ReplicationFactor: 3,
		ConfigEntries:     map[string]*string{"retention.ms": &retention},
	}
	check(admin.CreateTopic(topic, detail, true))
	check(admin.CreateTopic(topic, detail, false))
	err := admin.CreateTopic(topic, detail, false)
	if err == nil || !strings.Contains(err.Error(), sarama.ErrTopicAlreadyExists.Error()) {
		fail(fmt.Sprint("a topic made twice: ", err))
	}
}

func idempotent() *sarama.Config {
	config := config()
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Idempotent = true
	config.Net.MaxOpenRequests = 1
	return config
}

// produce writes with every codec, and some records with headers and a time of their own.
func produce() int {
	codecs := []sarama.CompressionCodec{
		sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD,
	}
	written := 0
	for _, codec := range codecs {
		config := idempotent()
		config.Producer.Compression = codec
		producer := must(sarama.NewSyncProducer(bootstrap(), config))
		var records []*sarama.ProducerMessage
		for range perCodec {
			records = append(records, &sarama.ProducerMessage{
				Topic:   topic,
				Key:     sarama.StringEncoder(strconv.Itoa(written)),
				Value:   sarama.StringEncoder(fmt.Sprintf("%s-%d", run, written)),
				Headers: []sarama.RecordHeader{{Key: []byte("codec"), Value: []byte(codec.String())}},
			})
			written++
		}
		check(producer.SendMessages(records))
		places := map[string]bool{}
		for _, record := range records {
			places[fmt.Sprint(record.Partition, "@", record.Offset)] = true
		}
		require(len(places) == perCodec, "two records share an offset")
		check(producer.Close())
	}
	return written
}

func require(holds bool, what string) {
	if !holds {
		fail(what)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func fail(reason string) {
	panic(reason)
}
