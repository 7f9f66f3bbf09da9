"""A cluster on Amazon Elastic Kubernetes Service: VPC, control plane, nodes, access and add-ons."""
