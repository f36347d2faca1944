"""Keys in AWS KMS.

Region, endpoint, profile and credentials come from the environment that AWS's own tools use.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from importlib.util import find_spec
from typing import Any

from reelwork_hooks import Answer
from reelwork_plugins.finishing.provenance.certificate import Unusable
from reelwork_plugins.finishing.provenance.key_service import KeyService
from reelwork_plugins.finishing.provenance.signatures import digest

_NAMES = {
    "es256": "ECDSA_SHA_256",
    "es384": "ECDSA_SHA_384",
    "es512": "ECDSA_SHA_512",
    "ps256": "RSASSA_PSS_SHA_256",
}
"""The names of the algorithms at AWS."""
LARGEST_MESSAGE = 4096
"""Bytes that AWS hashes itself. Of more it takes the hash."""
_PASSING = frozenset({"ThrottlingException", "LimitExceededException", "KMSInternalException"})
_CREDENTIALS = "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role"


class AwsKms(KeyService):
    """Asks AWS, signed with the credentials that boto3 finds."""

    algorithms = frozenset(_NAMES)

    @property
    def name(self) -> str:
        """The service as messages name it."""
        return f"AWS KMS, asked for the key {self.place.key},"

    def check(self, algorithm: str) -> None:
        """Check all that can be checked without the network. Raises `Unusable`."""
        super().check(algorithm)
        if find_spec("boto3") is None:
            raise Unusable('aws-kms needs boto3, which is not installed: pip install "reelwork[aws]"')

    async def sign(self, data: bytes, algorithm: str) -> bytes:
        """Return the signature. Raises `Unavailable` and `Unusable`."""
        whole = len(data) <= LARGEST_MESSAGE
        message = data if whole else digest(algorithm, data)
        asked = {
            "KeyId": self.place.key,
            "Message": base64.b64encode(message).decode("ascii"),
            "MessageType": "RAW" if whole else "DIGEST",
            "SigningAlgorithm": _NAMES[algorithm],
        }
        request = await asyncio.to_thread(self._signed, json.dumps(asked).encode())
        answer = await self._asked(request.url, dict(request.headers.items()), request.data)
        return self.decoded(answer.text_at("Signature"))

    def passes(self, answer: Answer) -> bool:
        """Return whether the same request may well succeed a little later."""
        # Such as `com.amazonaws.kms#ThrottlingException`.
        return answer.passing or answer.text_at("__type").rpartition("#")[2] in _PASSING

    def _signed(self, body: bytes) -> Any:
        """Return the request with AWS's signature. May wait for credentials. Raises `Unusable`."""
        from boto3.session import Session
        from botocore import exceptions

        try:
            return _request(Session(region_name=self._region() or None), body)
        except exceptions.NoRegionError:
            raise Unusable("no AWS region is set: set AWS_REGION, or name the key by its ARN") from None
        except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError):
            raise Unusable(f"no AWS credentials were found. {_CREDENTIALS}") from None
        except exceptions.ProfileNotFound as error:
            raise Unusable(f"{error}. Check AWS_PROFILE") from None
        # botocore raises a bare ValueError for an endpoint that is no address.
        except (exceptions.BotoCoreError, ValueError) as error:
            raise Unusable(f"AWS could not be asked ({type(error).__name__}). {_CREDENTIALS}") from None

    def _region(self) -> str | None:
        # boto3 itself reads AWS_DEFAULT_REGION only; every other AWS tool puts AWS_REGION first.
        arn = self.place.key.split(":")
        return arn[3] if len(arn) > 5 else os.environ.get("AWS_REGION")


def _request(session: Any, body: bytes) -> Any:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.exceptions import NoCredentialsError

    at = session.client("kms").meta
    found = session.get_credentials()
    if found is None:
        raise NoCredentialsError
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "TrentService.Sign"}
    request = AWSRequest("POST", f"{at.endpoint_url.rstrip('/')}/", headers, body)
    SigV4Auth(found.get_frozen_credentials(), "kms", at.region_name).add_auth(request)
    return request
