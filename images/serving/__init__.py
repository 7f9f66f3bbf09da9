"""What the project's Python images share: Flask applications on gunicorn, settings from the environment."""
