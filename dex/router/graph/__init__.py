"""The compiled market: pools and their curves as arrays, which the search reads."""
