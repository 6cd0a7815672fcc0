"""An account's orders newest first, narrowed and in pages: every combination of filters reads a page of an index."""
