"""A cluster on Google Kubernetes Engine: network, control plane and nodes."""
