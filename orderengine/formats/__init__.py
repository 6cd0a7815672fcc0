"""How the admin writes dates and times: sortable, to the second, with the zone."""
