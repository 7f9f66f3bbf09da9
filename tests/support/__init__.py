"""What tests share: stacks and their renders, views on manifests, evaluators of Kubernetes' rules."""
