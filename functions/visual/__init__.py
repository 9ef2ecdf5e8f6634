"""CLIP video embedding and per-frame embeddings."""
