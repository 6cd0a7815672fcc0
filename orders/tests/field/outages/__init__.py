"""Dependencies that refuse, vanish or answer wrongly, and answers that are lost on the way."""
