"""Runs the program on a recording monitor: plan and manifests, without Pulumi's CLI and without a cloud."""
