"""Releasing one app by its image's tag: the rollout, its proof, the way back, and the history."""
