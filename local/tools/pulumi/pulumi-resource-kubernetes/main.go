// Pulumi's Kubernetes provider. Upstream's own main package embeds files that its build makes first; this one reads the
// same data from the files beside the program.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

func main() {
	schema := beside("schema.json")
	// The schema has no version of its own; upstream's build writes it in as well.
	versioned := fmt.Appendf(nil, `{"version": %q,`, version.Version)
	schema = append(versioned, bytes.TrimPrefix(schema, []byte("{"))...)
	provider.Serve("kubernetes", version.Version, schema, beside("terraform-mapping.json"))
}

func beside(name string) []byte {
	program, err := os.Executable()
	if err == nil {
		var content []byte
		if content, err = os.ReadFile(filepath.Join(filepath.Dir(program), name)); err == nil {
			return content
		}
	}
	fmt.Fprintln(os.Stderr, "pulumi-resource-kubernetes:", err)
	os.Exit(1)
	return nil
}
