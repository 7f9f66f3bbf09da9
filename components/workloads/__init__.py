"""The hardened workload core and one thin file per system."""
