package main

import (
	"fmt"

	"github.com/IBM/sarama"
)

// administer asks what there is, changes it, and takes it away.
func administer(admin sarama.ClusterAdmin, group string, written int) {
	brokers, controller, err := admin.DescribeCluster()
	check(err)
	require(len(brokers) == 3 && controller > 0, fmt.Sprint(brokers, controller))
	configurations(admin)
	accessControl(admin)
	groups(admin, group)
	deleteRecords(admin, written)
	check(admin.CreatePartitions(topic, partitions+2, nil, false))
	await("two more partitions", func() bool {
		return len(must(admin.DescribeTopics([]string{topic}))[0].Partitions) == partitions+2
	})
	directories := must(admin.DescribeLogDirs([]int32{brokers[0].ID()}))
	require(len(directories) == 1, "the log directory of a broker")
	check(admin.DeleteTopic(topic))
	await("the end of the topic", func() bool {
		_, listed := must(admin.ListTopics())[topic]
		return !listed
	})
}

func configurations(admin sarama.ClusterAdmin) {
	value := func() string {
		entries := must(admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic}))
		for _, entry := range entries {
			if entry.Name == "retention.ms" {
				return entry.Value
			}
		}
		return ""
	}
	require(value() == "3600000", "retention.ms is "+value())
	longer := "7200000"
	change := map[string]sarama.IncrementalAlterConfigsEntry{
		"retention.ms": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &longer},
	}
	check(admin.IncrementalAlterConfig(sarama.TopicResource, topic, change, false))
	await("a changed configuration", func() bool { return value() == longer })
	entries := must(admin.DescribeConfig(sarama.ConfigResource{Type: sarama.BrokerResource, Name: "1"}))
	require(len(entries) > 100, fmt.Sprint(len(entries), " properties of a broker"))
}

func accessControl(admin sarama.ClusterAdmin) {
	resource := sarama.Resource{
		ResourceType: sarama.AclResourceTopic, ResourceName: "acl-" + run, ResourcePatternType: sarama.AclPatternPrefixed,
	}
	rule := sarama.Acl{
		Principal: "User:" + run, Host: "*", Operation: sarama.AclOperationRead, PermissionType: sarama.AclPermissionAllow,
	}
	check(admin.CreateACL(resource, rule))
	name := resource.ResourceName
	filter := sarama.AclFilter{
		ResourceType: sarama.AclResourceTopic, ResourceName: &name, ResourcePatternTypeFilter: sarama.AclPatternAny,
		Operation: sarama.AclOperationAny, PermissionType: sarama.AclPermissionAny,
	}
	await("the rule", func() bool { return len(must(admin.ListAcls(filter))) == 1 })
	require(*must(admin.ListAcls(filter))[0].Acls[0] == rule, "the rule is another one")
	require(len(must(admin.DeleteACL(filter, false))) == 1, "one rule is deleted")
	await("the end of the rule", func() bool { return len(must(admin.ListAcls(filter))) == 0 })
}

func groups(admin sarama.ClusterAdmin, group string) {
	kind, listed := must(admin.ListConsumerGroups())[group]
	require(listed && kind == "consumer", "the group is listed")
	described := must(admin.DescribeConsumerGroups([]string{group}))
	require(described[0].State == "Empty", "state of the group: "+described[0].State)
	check(admin.DeleteConsumerGroup(group))
	_, listed = must(admin.ListConsumerGroups())[group]
	require(!listed, "a deleted group is listed")
}

// deleteRecords takes away the first five of partition 0.
func deleteRecords(admin sarama.ClusterAdmin, written int) {
	require(written > 5*partitions, "too few records to delete some")
	check(admin.DeleteRecords(topic, map[int32]int64{0: 5}))
	client := must(sarama.NewClient(bootstrap(), config()))
	first := must(client.GetOffset(topic, 0, sarama.OffsetOldest))
	require(first == 5, fmt.Sprint("partition 0 begins at ", first))
	check(client.Close())
}
