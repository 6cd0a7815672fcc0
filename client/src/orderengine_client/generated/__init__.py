"""Made by `make client-models` from the engine's OpenAPI document; do not change by hand."""
