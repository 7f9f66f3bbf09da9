"""The hardened core: what a workload says about itself, and the Kubernetes objects made of it."""
