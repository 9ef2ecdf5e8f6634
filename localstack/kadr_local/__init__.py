"""The local stack on one machine, without Docker and without an account."""
