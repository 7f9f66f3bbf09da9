"""The parts of the benchmark; each is a module with `run(plan) -> list[Row]`."""
