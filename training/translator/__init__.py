"""Fine-tuning the query translator: see docs/translator.md."""
