"""Pages of the engine, measured in a browser."""
