"""HTTP: what is on record of orders: explained, measured, summed up, signed, and routed again."""
