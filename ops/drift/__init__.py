"""What differs between a stack's program, what was applied last, and what is really there."""
