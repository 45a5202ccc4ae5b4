"""Where untrusted bytes are decoded: small processes with limits, beside the one that serves."""
