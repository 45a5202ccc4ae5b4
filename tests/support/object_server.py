"""An S3-compatible server of this machine (moto, in a process of its own), with a fresh bucket for every test."""

from __future__ import annotations

import hashlib
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest
from obstore.store import S3Store

from config import ObjectStorage

PROGRAM = ("import sys; from datetime import timedelta; from moto.s3 import models; from moto.server import "
           "ThreadedMotoServer\n"
           "right = models.utcnow; models.utcnow = lambda: right() + timedelta(hours=int(sys.argv[1]))\n"
           "server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False); server.start()\n"
           "print(server.get_host_and_port()[1], flush=True); sys.stdin.read()")


@pytest.fixture(scope="session")
def object_server() -> Iterator[str]:
    """Its address."""
    with serving() as address:
        yield address


@pytest.fixture
def object_storage(object_server: str) -> ObjectStorage:
    """An empty folder in an empty bucket."""
    return new_bucket(object_server)


@contextmanager
def serving(hours_ahead: int = 0) -> Iterator[str]:
    """The address of a server whose clock may go ahead of this machine's, or after it."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(hours_ahead)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout
        assert server.stdin
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.stdin.close()
        server.kill()


def new_bucket(address: str) -> ObjectStorage:
    bucket = f"portal-{secrets.token_hex(4)}"
    with urlopen(Request(f"{address}/{bucket}", method="PUT"), timeout=10):
        pass
    return ObjectStorage(endpoint=address, bucket=bucket, prefix="clinic/files", region="us-east-1",
                         key="key", secret="secret")


@pytest.fixture
def no_server() -> Iterator[str]:
    """An address of this machine at which nobody answers."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def bucket_of(where: ObjectStorage) -> S3Store:
    """The whole bucket, as another program sees it."""
    return S3Store(where.bucket, endpoint=where.endpoint, region=where.region, access_key_id=where.key,
                   secret_access_key=where.secret, virtual_hosted_style_request=False,
                   client_options={"allow_http": True})


def content_of(where: ObjectStorage, name: str) -> bytes:
    """What lies in the bucket under a file's name."""
    return bytes(bucket_of(where).get(f"{where.prefix}/{name[:2]}/{name}").bytes())


def objects_of(where: ObjectStorage) -> dict[str, str]:
    """The sha256 of everything that lies in this folder of the bucket, as another program sees it."""
    bucket = bucket_of(where)
    keys = [one["path"] for page in bucket.list(where.prefix) for one in page]
    return {key.rpartition("/")[2]: hashlib.sha256(bucket.get(key).bytes()).hexdigest() for key in keys}
