"""What the product does, without a web request."""
