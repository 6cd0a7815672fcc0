"""Integer arithmetic that several pool kinds share."""
