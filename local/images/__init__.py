"""Images for a machine that cannot pull them: catalogue, build, and push to the local registry mirror."""
