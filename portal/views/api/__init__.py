"""`/api/v1`: what the pages do, for programs. HTTP only: read the request, call one service, answer with an object."""
