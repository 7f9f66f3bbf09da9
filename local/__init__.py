"""The embedded cluster: a real single-node Kubernetes built from upstream components, for a machine that has none."""
