"""Random weights of real size, where the real ones are out of reach."""
