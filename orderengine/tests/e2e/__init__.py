"""Tests in a real browser: `make e2e`. Chromium shows the pages of a whole engine."""
