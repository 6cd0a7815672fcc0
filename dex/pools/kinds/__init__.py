"""Pool kinds: one module or folder each, named after the program whose rounding it repeats; `KIND` is its record."""
