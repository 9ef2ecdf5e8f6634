"""The demo weights: one recipe per model, from data that the project makes itself."""
