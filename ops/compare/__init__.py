"""What a change of the program would do to each stack: the difference of two renders, without any credential."""

from ops.compare.compare import compare
from ops.compare.model import Change, Difference, StackDifference

__all__ = ["Change", "Difference", "StackDifference", "compare"]
