"""The systems: one thin file for each, which holds what is particular to it and nothing else."""
