"""What the project's small web servers share: HTTP with routes, a graceful stop, settings from the environment."""
