"""Stores over new buckets of a running server."""

import os
from itertools import count
from typing import TYPE_CHECKING
from unittest.mock import patch

import boto3
from botocore.config import Config

from mallard.store.s3 import S3Store, client_config
from support.moto import CREDENTIALS, REGION

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_NUMBERS = count()


class Server:
    """One client for all tests of a server: making one takes longer than most of them."""

    def __init__(
        self, address: str, credentials: dict[str, str] = CREDENTIALS, read_timeout_seconds: float | None = None
    ) -> None:
        config = client_config()
        if read_timeout_seconds is not None:
            config = config.merge(Config(read_timeout=read_timeout_seconds))
        self.address, self.credentials = address, credentials
        with patch.dict(os.environ, credentials):
            self.session = boto3.Session(region_name=REGION)
            self.session.get_credentials()
            self.client: S3Client = self.session.client("s3", endpoint_url=address, config=config)

    def new_bucket(self) -> str:
        """An empty bucket; several servers of one process may share their buckets, so no name comes twice."""
        name = f"bucket-{next(_NUMBERS)}"
        self.client.create_bucket(Bucket=name)
        return name

    def new_store(self, prefix: str = "", kind: type[S3Store] = S3Store) -> S3Store:
        """A store over an empty bucket."""
        return kind(self.session, self.client, self.new_bucket(), prefix)
