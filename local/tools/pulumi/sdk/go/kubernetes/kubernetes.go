// Package kubernetes stands in for the generated SDK that the provider needs only for its component resources (Helm
// charts, YAML files, kustomizations): 66 packages, half of the provider's build.
package kubernetes

// UntypedArgs is the arguments of a resource of any kind.
type UntypedArgs map[string]any
