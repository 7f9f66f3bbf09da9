"""Tests of slipway: `unit` needs no cluster, `manifests` checks files, `cluster` and `engine` run the real thing."""
