"""Faults that users of this field and attacks brought out: one file per kind, with the inputs as they came."""
