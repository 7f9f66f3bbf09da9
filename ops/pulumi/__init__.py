"""Everything that talks to Pulumi: which CLI, its backend, a stack opened in it, and what runs on it."""
