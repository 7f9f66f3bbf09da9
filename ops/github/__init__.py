"""What workflows say to people on GitHub: one comment per pull request, one issue per report."""
