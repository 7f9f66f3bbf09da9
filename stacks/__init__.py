"""What a stack contains: its settings, its stack file and the composition of its components."""
