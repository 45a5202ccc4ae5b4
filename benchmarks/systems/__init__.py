"""What each system costs to serve, and ONNX Runtime beside OpenVINO on each of its graphs."""
