"""Markets and requests as they were recorded, and the router run on them again: no database and no chain is needed."""
