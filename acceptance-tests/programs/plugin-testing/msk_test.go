// The provider, driven by terraform-plugin-testing: the way providers written in Go are tested. It plans after each step, imports,
// compares states, and looks at plans, identities and lists with checks of its own.
package msk

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/querycheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

var providers = map[string]resource.ExternalProvider{
	"msk": {Source: "registry.terraform.io/openmsk/msk"},
}

const cluster = `
resource "msk_cluster" "this" {
  cluster_name           = %q
  number_of_broker_nodes = 1
  kafka_version          = %q
  tags                   = { team = %q }
}
`

func clusterWith(name, version, team string) string {
	return fmt.Sprintf(cluster, name, version, team)
}

func topicWith(name string, partitions int) string {
	return clusterWith(name, "4.2.x.kraft", "one") + fmt.Sprintf(`
resource "msk_topic" "this" {
  cluster_arn        = msk_cluster.this.arn
  name               = "events"
  partition_count    = %d
  replication_factor = 1
  configs            = { "retention.ms" = "1000" }
}
`, partitions)
}

func TestClusterIsChangedInPlace(t *testing.T) {
	const address = "msk_cluster.this"
	sameArn := statecheck.CompareValue(compare.ValuesSame())
	otherVersion := statecheck.CompareValue(compare.ValuesDiffer())
	arn, version := tfjsonpath.New("arn"), tfjsonpath.New("current_version")
	resource.Test(t, resource.TestCase{
		ExternalProviders: providers,
		Steps: []resource.TestStep{
			{
				Config: clusterWith("in-place", "4.1.x.kraft", "one"),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply: []plancheck.PlanCheck{
						plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate),
						plancheck.ExpectUnknownValue(address, arn),
					},
					PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
				},
				ConfigStateChecks: []statecheck.StateCheck{
					sameArn.AddStateValue(address, arn),
					otherVersion.AddStateValue(address, version),
					statecheck.ExpectIdentityValueMatchesState(address, arn),
				},
			},
			{
				Config: clusterWith("in-place", "4.2.x.kraft", "two"),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply: []plancheck.PlanCheck{
						plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
						plancheck.ExpectKnownValue(address, arn, knownvalue.StringRegexp(regexp.MustCompile(`:cluster/in-place/`))),
						plancheck.ExpectUnknownValue(address, version),
					},
				},
				ConfigStateChecks: []statecheck.StateCheck{
					sameArn.AddStateValue(address, arn),
					otherVersion.AddStateValue(address, version),
				},
			},
			{
				ResourceName:            address,
				ImportState:             true,
				ImportStateVerify:       true,
				ImportStateVerifyIgnore: []string{"deletion_protection"},
			},
			{
				ResourceName:    address,
				ImportState:     true,
				ImportStateKind: resource.ImportBlockWithResourceIdentity,
			},
			{
				Config: clusterWith("another-name", "4.2.x.kraft", "two"),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply: []plancheck.PlanCheck{
						plancheck.ExpectResourceAction(address, plancheck.ResourceActionDestroyBeforeCreate),
					},
				},
			},
		},
	})
}

func TestTopicGrowsIsImportedAndListed(t *testing.T) {
	const address = "msk_topic.this"
	id := func(state *terraform.State) (string, error) {
		topic := state.RootModule().Resources[address].Primary
		return topic.Attributes["cluster_arn"] + "|" + topic.Attributes["name"], nil
	}
	resource.Test(t, resource.TestCase{
		ExternalProviders: providers,
		Steps: []resource.TestStep{
			{
				Config: topicWith("topics", 1),
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(address, tfjsonpath.New("configs"),
						knownvalue.MapExact(map[string]knownvalue.Check{"retention.ms": knownvalue.StringExact("1000")})),
					statecheck.ExpectIdentity(address, map[string]knownvalue.Check{
						"cluster_arn": knownvalue.NotNull(),
						"name":        knownvalue.StringExact("events"),
					}),
				},
			},
			{
				Config: topicWith("topics", 3),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply: []plancheck.PlanCheck{
						plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
						plancheck.ExpectResourceAction("msk_cluster.this", plancheck.ResourceActionNoop),
					},
				},
			},
			{
				ResourceName:            address,
				ImportState:             true,
				ImportStateIdFunc:       id,
				ImportStateVerify:       true,
				ImportStateVerifyIgnore: []string{"deletion_protection"},
			},
			{
				Config:      topicWith("topics", 2),
				ExpectError: regexp.MustCompile(`Partitions cannot be taken away`),
			},
			{
				Query: true,
				Config: `
list "msk_cluster" "all" {
  provider = msk

  config {
    name_prefix = "topics"
  }
}
`,
				QueryResultChecks: []querycheck.QueryResultCheck{
					querycheck.ExpectLength("msk_cluster.all", 1),
				},
			},
		},
	})
}

func TestDataSourceFindsWhatIsThere(t *testing.T) {
	resource.Test(t, resource.TestCase{
		ExternalProviders: providers,
		Steps: []resource.TestStep{
			{
				Config: topicWith("looked-for", 2) + `
data "msk_topics" "all" {
  cluster_arn = msk_topic.this.cluster_arn
}

output "names" {
  value = data.msk_topics.all.names
}
`,
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownOutputValue("names",
						knownvalue.ListExact([]knownvalue.Check{knownvalue.StringExact("events")})),
				},
			},
		},
	})
}
