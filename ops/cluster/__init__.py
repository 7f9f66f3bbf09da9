"""A cluster asked with kubectl: whose it is, what is on it, what a stack left there, how a rollout goes."""
