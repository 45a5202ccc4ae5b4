"""What the portal costs beside other ways to serve the same network."""
