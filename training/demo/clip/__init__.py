"""Training the demo CLIP: `python -m training.demo.clip`."""
