package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

const patience = 60 * time.Second

// member is one of a group: what it has read, and of which partitions it is in charge.
type member struct {
	mutex  sync.Mutex
	seen   map[string]int
	claims int
	group  sarama.ConsumerGroup
	cancel context.CancelFunc
	ended  chan struct{}
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.claims = len(session.Claims()[topic])
	return nil
}

func (m *member) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case record, open := <-claim.Messages():
			if !open {
				return nil
			}
			m.mutex.Lock()
			m.seen[string(record.Value)]++
			m.mutex.Unlock()
			require(len(record.Headers) == 1 || !strings.HasPrefix(string(record.Value), run+"-"), "a header is missing")
			session.MarkMessage(record, "read")
		case <-session.Context().Done():
			return nil
		}
	}
}

func join(id string) *member {
	config := config()
	config.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategySticky()}
	config.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	config.Consumer.Offsets.AutoCommit.Interval = 200 * time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	m := &member{seen: map[string]int{}, cancel: cancel, ended: make(chan struct{})}
	m.group = must(sarama.NewConsumerGroup(bootstrap(), id, config))
	go func() {
		for err := range m.group.Errors() {
			fmt.Println("group:", err)
		}
	}()
	go func() {
		defer close(m.ended)
		for ctx.Err() == nil {
			if err := m.group.Consume(ctx, []string{topic}, m); err != nil {
				fail("consume: " + err.Error())
			}
		}
	}()
	return m
}

// leave is what a member does that ends: its marked offsets are committed, and the group is told.
func (m *member) leave() {
	m.cancel()
	<-m.ended
	check(m.group.Close())
}

func (m *member) partitions() int {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.claims
}

func await(what string, condition func() bool) {
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(20 * time.Millisecond) {
		require(time.Now().Before(deadline), "waited in vain for "+what)
	}
}

// consumeTogether reads alone, then with a second member, which gets half of the partitions; every record comes once.
func consumeTogether(id string, written int) {
	first := join(id)
	count := func(members ...*member) int {
		sum := 0
		for _, m := range members {
			m.mutex.Lock()
			sum += len(m.seen)
			m.mutex.Unlock()
		}
		return sum
	}
	await("all records at one member", func() bool { return first.partitions() == partitions && count(first) == written })
	second := join(id)
	await("three partitions each", func() bool { return first.partitions() == 3 && second.partitions() == 3 })
	producer := must(sarama.NewSyncProducer(bootstrap(), idempotent()))
	for number := range partitions {
		_, _, err := producer.SendMessage(&sarama.ProducerMessage{
			Topic: topic, Value: sarama.StringEncoder(fmt.Sprint("more-", number)),
		})
		check(err)
	}
	check(producer.Close())
	await("new records at both", func() bool { return count(first, second) == written+partitions })
	second.leave()
	await("all partitions again", func() bool { return first.partitions() == partitions })
	first.leave()
	for _, m := range []*member{first, second} {
		for value, times := range m.seen {
			require(times == 1, fmt.Sprint(value, " came ", times, " times"))
		}
	}
}

// readOffsets finds the commits of the group at the end of every partition.
func readOffsets(admin sarama.ClusterAdmin, id string, written int) {
	all := map[string][]int32{topic: {0, 1, 2, 3, 4, 5}}
	answer := must(admin.ListConsumerGroupOffsets(id, all))
	sum := int64(0)
	for _, partition := range all[topic] {
		block := answer.GetBlock(topic, partition)
		require(block != nil && block.Err == sarama.ErrNoError, "an offset that was committed is missing")
		if block.Offset > 0 {
			require(block.Metadata == "read", "metadata of a commit: "+block.Metadata)
			sum += block.Offset
		}
	}
	require(sum == int64(written+partitions), fmt.Sprint(sum, " records are committed of ", written+partitions))
}
