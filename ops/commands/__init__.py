"""One module per command. What is heavy is imported inside the functions, so that `--help` stays quick."""
