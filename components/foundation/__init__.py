"""What stands before clusters: DNS zones, the state bucket, registries, the deployer's identity."""
