package main

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

func transactional(id string) sarama.SyncProducer {
	config := idempotent()
	config.Producer.Transaction.ID = id + "-" + run
	config.Producer.Transaction.Timeout = 20 * time.Second
	config.Producer.Partitioner = sarama.NewManualPartitioner
	return must(sarama.NewSyncProducer(bootstrap(), config))
}

func send(producer sarama.SyncProducer, to string, value string) {
	_, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: to, Partition: 0, Value: sarama.StringEncoder(value)})
	check(err)
}

// transactions commits two and aborts one between them: who reads committed records does not see it, who reads all does.
func transactions() {
	name := "sarama-transactions-" + run
	createOne(name)
	producer := transactional("writer")
	for _, round := range []string{"first", "aborted", "last"} {
		check(producer.BeginTxn())
		send(producer, name, round+"-1")
		send(producer, name, round+"-2")
		if round == "aborted" {
			check(producer.AbortTxn())
		} else {
			check(producer.CommitTxn())
		}
	}
	check(producer.Close())
	committed := read(name, sarama.ReadCommitted, "last-2")
	require(fmt.Sprint(committed) == "[first-1 first-2 last-1 last-2]", fmt.Sprint("committed records: ", committed))
	all := read(name, sarama.ReadUncommitted, "last-2")
	require(len(all) == 6, fmt.Sprint("all records: ", all))
}

// copyExactlyOnce has offsets of a group committed with records: those of the aborted transaction are not.
func copyExactlyOnce() {
	name, group := "sarama-copies-"+run, "sarama-copier-"+run
	createOne(name)
	producer := transactional("copier")
	admin := must(sarama.NewClusterAdmin(bootstrap(), config()))
	for round, commit := range []bool{true, false} {
		check(producer.BeginTxn())
		send(producer, name, fmt.Sprint("copy-", round))
		offsets := map[string][]*sarama.PartitionOffsetMetadata{topic: {{Partition: 0, Offset: int64(round + 7)}}}
		check(producer.AddOffsetsToTxn(offsets, group))
		if commit {
			check(producer.CommitTxn())
		} else {
			check(producer.AbortTxn())
		}
	}
	check(producer.Close())
	await("the offset of the committed transaction", func() bool {
		answer := must(admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: {0}}))
		block := answer.GetBlock(topic, 0)
		require(block.Offset <= 7, fmt.Sprint("the offset of an aborted transaction: ", block.Offset))
		return block.Offset == 7
	})
	check(admin.Close())
}

func createOne(name string) {
	admin := must(sarama.NewClusterAdmin(bootstrap(), config()))
	check(admin.CreateTopic(name, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 3}, false))
	check(admin.Close())
}

// read reads partition 0 from its start to the record `last`.
func read(name string, level sarama.IsolationLevel, last string) []string {
	config := config()
	config.Consumer.IsolationLevel = level
	consumer := must(sarama.NewConsumer(bootstrap(), config))
	partition := must(consumer.ConsumePartition(name, 0, sarama.OffsetOldest))
	var values []string
	for deadline := time.After(patience); len(values) == 0 || values[len(values)-1] != last; {
		select {
		case record := <-partition.Messages():
			values = append(values, string(record.Value))
		case err := <-partition.Errors():
			fail(err.Error())
		case <-deadline:
			fail(fmt.Sprint("no ", last, " among ", values))
		}
	}
	check(partition.Close())
	check(consumer.Close())
	return values
}
