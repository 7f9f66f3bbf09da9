"""Component classes: what slipway provisions and deploys. They know nothing of stacks or configuration files."""
