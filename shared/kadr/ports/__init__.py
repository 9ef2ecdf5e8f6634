"""What the rules need from the world: one Protocol per file."""
