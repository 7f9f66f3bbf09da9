"""Known vulnerabilities of everything that the project uses."""
