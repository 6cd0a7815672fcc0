"""Who may do what: authentication, keys, their scopes and caps, and single-use tickets."""
