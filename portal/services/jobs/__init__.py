"""Work that outlasts a request: the table is the truth, Celery only says that there is work."""
