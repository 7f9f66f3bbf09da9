"""What a cluster gives its workloads: guarded namespaces, the ingress controller, monitoring."""
