"""Pulumi's engine: which CLI runs it, and what is asked of it."""
