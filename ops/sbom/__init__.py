"""A bill of materials: everything of somebody else's that the project uses, read from what pins it."""
