"""Makes the bucket that a stack's state lives in, and moves the state there: the hen and the egg."""
