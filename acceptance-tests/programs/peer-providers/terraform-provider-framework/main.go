// A provider as most are written: on HashiCorp's terraform-plugin-framework. Its resources keep what they are told in the state, and
// call nobody: framework_topic has the attributes of msk_topic, framework_wide has fourteen.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func main() {
	options := providerserver.ServeOpts{Address: "registry.terraform.io/peer/framework", ProtocolVersion: 6}
	if err := providerserver.Serve(context.Background(), func() provider.Provider { return frameworkProvider{} }, options); err != nil {
		log.Fatal(err)
	}
}

type frameworkProvider struct{}

func (frameworkProvider) Metadata(_ context.Context, _ provider.MetadataRequest, response *provider.MetadataResponse) {
	response.TypeName = "framework"
}

func (frameworkProvider) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {}

func (frameworkProvider) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {
}

func (frameworkProvider) DataSources(context.Context) []func() datasource.DataSource { return nil }

func (frameworkProvider) Resources(context.Context) []func() resource.Resource {
	kept := func(name string, schema schema.Schema, model func() any) func() resource.Resource {
		return func() resource.Resource { return &keptResource{name, schema, model} }
	}
	return []func() resource.Resource{
		kept("topic", topic(), func() any { return &topicModel{} }),
		kept("wide", wide(), func() any { return &wideModel{} }),
	}
}

// Computed, and kept once it is known.
func stable() schema.StringAttribute {
	return schema.StringAttribute{
		Computed:      true,
		PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
	}
}

// Required, and part of the identity.
func replaces() schema.StringAttribute {
	return schema.StringAttribute{
		Required:      true,
		PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
	}
}

type topicModel struct {
	ClusterArn         types.String `tfsdk:"cluster_arn"`
	Name               types.String `tfsdk:"name"`
	PartitionCount     types.Int64  `tfsdk:"partition_count"`
	ReplicationFactor  types.Int64  `tfsdk:"replication_factor"`
	Configs            types.Map    `tfsdk:"configs"`
	DeletionProtection types.Bool   `tfsdk:"deletion_protection"`
	Arn                types.String `tfsdk:"arn"`
	ID                 types.String `tfsdk:"id"`
}

func topic() schema.Schema {
	return schema.Schema{Attributes: map[string]schema.Attribute{
		"cluster_arn":         replaces(),
		"name":                replaces(),
		"partition_count":     schema.Int64Attribute{Required: true},
		"replication_factor":  schema.Int64Attribute{Required: true},
		"configs":             schema.MapAttribute{Optional: true, ElementType: types.StringType},
		"deletion_protection": schema.BoolAttribute{Optional: true},
		"arn":                 stable(),
		"id":                  stable(),
	}}
}

type wideModel struct {
	ID    types.String `tfsdk:"id"`
	Name  types.String `tfsdk:"name"`
	Text1 types.String `tfsdk:"text_1"`
	Text2 types.String `tfsdk:"text_2"`
	Text3 types.String `tfsdk:"text_3"`
	Text4 types.String `tfsdk:"text_4"`
	Size1 types.Int64  `tfsdk:"size_1"`
	Size2 types.Int64  `tfsdk:"size_2"`
	Size3 types.Int64  `tfsdk:"size_3"`
	Size4 types.Int64  `tfsdk:"size_4"`
	Flag1 types.Bool   `tfsdk:"flag_1"`
	Flag2 types.Bool   `tfsdk:"flag_2"`
	Flag3 types.Bool   `tfsdk:"flag_3"`
	Flag4 types.Bool   `tfsdk:"flag_4"`
}

func wide() schema.Schema {
	attributes := map[string]schema.Attribute{"id": stable(), "name": replaces()}
	for number := 1; number <= 4; number++ {
		attributes[fmt.Sprintf("text_%d", number)] = schema.StringAttribute{Optional: true}
		attributes[fmt.Sprintf("size_%d", number)] = schema.Int64Attribute{Optional: true}
		attributes[fmt.Sprintf("flag_%d", number)] = schema.BoolAttribute{Optional: true}
	}
	return schema.Schema{Attributes: attributes}
}

// A resource that is only kept in the state. Values go through a struct, as providers do it.
type keptResource struct {
	name   string
	schema schema.Schema
	model  func() any
}

func (r *keptResource) Metadata(_ context.Context, request resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_" + r.name
}

func (r *keptResource) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	response.Schema = r.schema
}

func (r *keptResource) Create(ctx context.Context, request resource.CreateRequest, response *resource.CreateResponse) {
	model := r.model()
	response.Diagnostics.Append(request.Plan.Get(ctx, model)...)
	made := types.StringValue("made")
	switch model := model.(type) {
	case *topicModel:
		model.Arn, model.ID = made, made
	case *wideModel:
		model.ID = made
	}
	response.Diagnostics.Append(response.State.Set(ctx, model)...)
}

func (r *keptResource) Read(ctx context.Context, request resource.ReadRequest, response *resource.ReadResponse) {
	model := r.model()
	response.Diagnostics.Append(request.State.Get(ctx, model)...)
	response.Diagnostics.Append(response.State.Set(ctx, model)...)
}

func (r *keptResource) Update(ctx context.Context, request resource.UpdateRequest, response *resource.UpdateResponse) {
	model := r.model()
	response.Diagnostics.Append(request.Plan.Get(ctx, model)...)
	response.Diagnostics.Append(response.State.Set(ctx, model)...)
}

func (*keptResource) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {}
