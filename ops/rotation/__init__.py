"""Generated credentials replaced by new ones while the apps run."""
