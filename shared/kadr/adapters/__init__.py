"""One file per vendor: what the ports promise, done with a real library or service."""
