// franz-go: produce with acks=all, consume in a group, commit, and go on after the committed offset.
//
// usage: franz-go-client BOOTSTRAP CA USER MECHANISM TOPIC COUNT    (password in KAFKA_PASSWORD)
//
// With AWS_MSK_IAM the user is the id of an access key, and the password its secret.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/aws"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

var run = strconv.FormatInt(time.Now().UnixNano(), 36)

func main() {
	if len(os.Args) != 7 {
		fail("usage: franz-go-client BOOTSTRAP CA USER MECHANISM TOPIC COUNT")
	}
	count, err := strconv.Atoi(os.Args[6])
	check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	options, topic := options(), os.Args[5]
	greet(ctx, options)
	produce(ctx, options, topic, 0, count)
	consume(ctx, options, topic, count)
	produce(ctx, options, topic, count, 10)
	consume(ctx, options, topic, 10)
	fmt.Printf("ok: %d records\n", count+10)
}

func options() []kgo.Opt {
	pem, err := os.ReadFile(os.Args[2])
	check(err)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		fail("no certificate in " + os.Args[2])
	}
	auth := scram.Auth{User: os.Args[3], Pass: os.Getenv("KAFKA_PASSWORD")}
	var mechanism sasl.Mechanism = auth.AsSha512Mechanism()
	switch os.Args[4] {
	case "SCRAM-SHA-256":
		mechanism = auth.AsSha256Mechanism()
	case "AWS_MSK_IAM":
		key := aws.Auth{AccessKey: auth.User, SecretKey: auth.Pass}
		mechanism = key.AsManagedStreamingIAMMechanism()
	}
	return []kgo.Opt{
		kgo.SeedBrokers(strings.Split(os.Args[1], ",")...),
		kgo.DialTLSConfig(&tls.Config{RootCAs: pool}),
		kgo.SASL(mechanism),
	}
}

// greet asks once, so that refused credentials end the program: a producer would try again and again.
func greet(ctx context.Context, options []kgo.Opt) {
	client, err := kgo.NewClient(append(options, kgo.RequestRetries(2))...)
	check(err)
	defer client.Close()
	check(client.Ping(ctx))
}

func produce(ctx context.Context, options []kgo.Opt, topic string, first, count int) {
	client, err := kgo.NewClient(append(options, kgo.RequiredAcks(kgo.AllISRAcks()))...)
	check(err)
	defer client.Close()
	records := make([]*kgo.Record, count)
	for i := range records {
		records[i] = &kgo.Record{Topic: topic, Key: []byte(strconv.Itoa(i)), Value: fmt.Appendf(nil, "%s-%d", run, first+i)}
	}
	check(client.ProduceSync(ctx, records...).FirstErr())
}

func consume(ctx context.Context, options []kgo.Opt, topic string, count int) {
	client, err := kgo.NewClient(append(options,
		kgo.ConsumerGroup("franz-"+run),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
	)...)
	check(err)
	defer client.Close()
	seen := map[string]bool{}
	for len(seen) < count {
		fetches := client.PollFetches(ctx)
		check(fetches.Err())
		fetches.EachRecord(func(record *kgo.Record) {
			value := string(record.Value)
			if !strings.HasPrefix(value, run+"-") {
				return
			}
			if seen[value] {
				fail("a record came twice: " + value)
			}
			seen[value] = true
		})
	}
	check(client.CommitUncommittedOffsets(ctx))
}

func check(err error) {
	if err != nil {
		fail(err.Error())
	}
}

func fail(reason string) {
	fmt.Fprintln(os.Stderr, reason)
	os.Exit(1)
}
