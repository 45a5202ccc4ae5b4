"""The web portal: views over services over storage and models."""
