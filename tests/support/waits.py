"""A program that says that it runs and never ends."""

import threading

print("waiting", flush=True)
threading.Event().wait()
