"""What a web process does before and beside the views: limits of what a client may cost, threads, proxies, health."""
