// The least that a provider written in Go can be: HashiCorp's terraform-plugin-go without a framework on top of it. What it cannot
// do faster, no provider in Go can. Its resources keep what they are told in the state, and call nobody.
package main

import (
	"context"
	"log"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func main() {
	server := func() tfprotov6.ProviderServer { return &provider{} }
	if err := tf6server.Serve("registry.terraform.io/peer/smallest", server); err != nil {
		log.Fatal(err)
	}
}

func attribute(name string, of tftypes.Type, kind string) *tfprotov6.SchemaAttribute {
	return &tfprotov6.SchemaAttribute{
		Name: name, Type: of, Required: kind == "required", Optional: kind == "optional", Computed: kind == "computed",
	}
}

// Two attributes, and as many as msk_topic has.
var schemas = map[string]*tfprotov6.Schema{
	"smallest_two": {Block: &tfprotov6.SchemaBlock{Attributes: []*tfprotov6.SchemaAttribute{
		attribute("id", tftypes.String, "computed"),
		attribute("name", tftypes.String, "required"),
	}}},
	"smallest_topic": {Block: &tfprotov6.SchemaBlock{Attributes: []*tfprotov6.SchemaAttribute{
		attribute("arn", tftypes.String, "computed"),
		attribute("cluster_arn", tftypes.String, "required"),
		attribute("configs", tftypes.Map{ElementType: tftypes.String}, "optional"),
		attribute("deletion_protection", tftypes.Bool, "optional"),
		attribute("id", tftypes.String, "computed"),
		attribute("name", tftypes.String, "required"),
		attribute("partition_count", tftypes.Number, "required"),
		attribute("replication_factor", tftypes.Number, "required"),
	}}},
}

// What the resources need; every other call is answered by the nil in it, and none is made.
type provider struct {
	tfprotov6.ProviderServer
}

func (*provider) GetMetadata(context.Context, *tfprotov6.GetMetadataRequest) (*tfprotov6.GetMetadataResponse, error) {
	return &tfprotov6.GetMetadataResponse{}, nil
}

func (*provider) GetProviderSchema(
	context.Context, *tfprotov6.GetProviderSchemaRequest,
) (*tfprotov6.GetProviderSchemaResponse, error) {
	return &tfprotov6.GetProviderSchemaResponse{
		ServerCapabilities: &tfprotov6.ServerCapabilities{GetProviderSchemaOptional: true},
		Provider:           &tfprotov6.Schema{Block: &tfprotov6.SchemaBlock{}},
		ResourceSchemas:    schemas,
	}, nil
}

func (*provider) GetResourceIdentitySchemas(
	context.Context, *tfprotov6.GetResourceIdentitySchemasRequest,
) (*tfprotov6.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov6.GetResourceIdentitySchemasResponse{}, nil
}

func (*provider) GetFunctions(context.Context, *tfprotov6.GetFunctionsRequest) (*tfprotov6.GetFunctionsResponse, error) {
	return &tfprotov6.GetFunctionsResponse{}, nil
}

func (*provider) ValidateProviderConfig(
	_ context.Context, request *tfprotov6.ValidateProviderConfigRequest,
) (*tfprotov6.ValidateProviderConfigResponse, error) {
	return &tfprotov6.ValidateProviderConfigResponse{PreparedConfig: request.Config}, nil
}

func (*provider) ConfigureProvider(
	context.Context, *tfprotov6.ConfigureProviderRequest,
) (*tfprotov6.ConfigureProviderResponse, error) {
	return &tfprotov6.ConfigureProviderResponse{}, nil
}

func (*provider) StopProvider(context.Context, *tfprotov6.StopProviderRequest) (*tfprotov6.StopProviderResponse, error) {
	return &tfprotov6.StopProviderResponse{}, nil
}

func (*provider) ValidateResourceConfig(
	context.Context, *tfprotov6.ValidateResourceConfigRequest,
) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return &tfprotov6.ValidateResourceConfigResponse{}, nil
}

func (*provider) UpgradeResourceState(
	_ context.Context, request *tfprotov6.UpgradeResourceStateRequest,
) (*tfprotov6.UpgradeResourceStateResponse, error) {
	of := schemas[request.TypeName].ValueType()
	value, err := request.RawState.Unmarshal(of)
	if err != nil {
		return nil, err
	}
	state, err := tfprotov6.NewDynamicValue(of, value)
	return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: &state}, err
}

func (*provider) ReadResource(
	_ context.Context, request *tfprotov6.ReadResourceRequest,
) (*tfprotov6.ReadResourceResponse, error) {
	return &tfprotov6.ReadResourceResponse{NewState: request.CurrentState, Private: request.Private}, nil
}

func (*provider) PlanResourceChange(
	_ context.Context, request *tfprotov6.PlanResourceChangeRequest,
) (*tfprotov6.PlanResourceChangeResponse, error) {
	of := schemas[request.TypeName].ValueType()
	prior, err := request.PriorState.Unmarshal(of)
	if err != nil {
		return nil, err
	}
	planned := request.ProposedNewState
	if prior.IsNull() {
		planned, err = changed(request.TypeName, planned, tftypes.UnknownValue)
	}
	return &tfprotov6.PlanResourceChangeResponse{PlannedState: planned, PlannedPrivate: request.PriorPrivate}, err
}

func (*provider) ApplyResourceChange(
	_ context.Context, request *tfprotov6.ApplyResourceChangeRequest,
) (*tfprotov6.ApplyResourceChangeResponse, error) {
	state, err := changed(request.TypeName, request.PlannedState, "made")
	return &tfprotov6.ApplyResourceChangeResponse{NewState: state, Private: request.PlannedPrivate}, err
}

// The value with `computed` in all that the provider computes.
func changed(typeName string, from *tfprotov6.DynamicValue, computed any) (*tfprotov6.DynamicValue, error) {
	schema := schemas[typeName]
	of := schema.ValueType()
	value, err := from.Unmarshal(of)
	if err != nil || value.IsNull() {
		return from, err
	}
	attributes := map[string]tftypes.Value{}
	if err := value.As(&attributes); err != nil {
		return nil, err
	}
	for _, attribute := range schema.Block.Attributes {
		if attribute.Computed {
			attributes[attribute.Name] = tftypes.NewValue(attribute.Type, computed)
		}
	}
	to, err := tfprotov6.NewDynamicValue(of, tftypes.NewValue(of, attributes))
	return &to, err
}
