"""Commands of `manage.py` about orders."""
