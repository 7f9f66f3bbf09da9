"""Clusters of every kind; each yields one frozen Cluster."""
