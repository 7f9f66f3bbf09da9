"""What a stack contains: its settings, its stack file and the composition of its components."""

from stacks.garbage import relax

# Here, because under Pulumi's engine this is the first of our modules, and the clouds' SDKs come after it.
relax()
