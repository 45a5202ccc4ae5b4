"""The AI models: catalogue, engine, imaging and, apart from serving, their training."""
