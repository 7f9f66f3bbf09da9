"""Environments: stacks made from a template, with an owner and an end."""
