// Package v2 answers for the provider's components that are made of other resources.
package v2

import (
	"fmt"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// RegisterResource refuses every resource of a component.
func RegisterResource(_ *pulumi.Context, apiVersion, kind, name string, _ kubernetes.UntypedArgs,
	_ ...pulumi.ResourceOption) (pulumi.CustomResource, error) {
	return nil, fmt.Errorf("%s %s %s: components of helm.sh/v4, kustomize/v2 and yaml/v2 are not built into this "+
		"provider; install Pulumi's CLI, which brings the complete one", apiVersion, kind, name)
}
