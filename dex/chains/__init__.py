"""Adapters to chains; what every one of them offers stands in `base.py`."""
