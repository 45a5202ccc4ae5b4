"""HTTP only: read the request, call one service, redirect or render."""
