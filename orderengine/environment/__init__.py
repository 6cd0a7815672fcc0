"""What the environment and `.env` say, as typed values: read once, the same for supervisor, settings and commands."""
