"""Prepares an AWS account for a deployment and prints the resulting parameters.

    python3 deploy/prepare.py STACK Key=Value ...

The key of the ingest function is made in the Parameter Store where SecretsPath has none; concurrency is reserved where
the account's quota has room for it. A parameter that is given is left as it is.
"""

import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

UNRESERVED = 100
"""Lambda keeps so many executions of an account for functions without a reservation."""

RESERVED = ("IngestConcurrency", "QueryConcurrency", "FlushReserved")

DEFAULTS: Mapping[str, str] = {
    "FlushTrigger": "schedule",
    "FlushConcurrency": "2",
    "ReserveConcurrency": "on",
    "IngestConcurrency": "6",
    "QueryConcurrency": "3",
    "FlushReserved": "2",
    "SecretsPath": "",
}
"""Values of template.yaml; tests/deploy compares them."""


def main(arguments: list[str]) -> int:
    """Print ``Key=Value`` pairs, to be given to `sam deploy` beside the user's."""
    stack, *pairs = arguments
    given = dict(pair.partition("=")[::2] for pair in pairs)
    try:
        there = parameters_of(stack, boto3.client("cloudformation"))
        make_ingest_key({**there, **given}.get("SecretsPath", ""), boto3.client("ssm"))
    except (BotoCoreError, ClientError) as error:
        print(f"The deployment cannot be prepared: {error}", file=sys.stderr)
        return 1
    print(" ".join(f"{name}={value}" for name, value in choose(given, there, unreserved()).items()))
    return 0


def choose(given: Mapping[str, str], there: Mapping[str, str], free: int | None) -> dict[str, str]:
    """Parameters that the user did not give. ``there`` are those of the stack, if it is deployed.

    ``free`` is how many executions of the account are not reserved, None where nobody says.
    """
    chosen: dict[str, str] = {}
    wanted = {**DEFAULTS, **there, **given}
    if wanted["FlushTrigger"] == "queue" and "FlushReserved" not in given:
        chosen["FlushReserved"] = str(int(wanted["FlushConcurrency"]) + 1)
    if "ReserveConcurrency" not in given and free is not None:
        needed = _reserved({**wanted, **chosen, "ReserveConcurrency": "on"}) - (_reserved(there) if there else 0)
        chosen["ReserveConcurrency"] = "on" if free - needed >= UNRESERVED else "off"
    return chosen


def _reserved(parameters: Mapping[str, str]) -> int:
    """The executions that a stack reserves."""
    is_on = parameters.get("ReserveConcurrency") == "on"
    return sum(int(parameters[name]) for name in RESERVED) if is_on else 0


def make_ingest_key(path: str, parameter_store: Any) -> None:
    """Make the key in the Parameter Store, unless it is there or no path is given."""
    if not path:
        return
    name, value = f"{path}/ingest-key", secrets.token_hex(32)
    with suppress(parameter_store.exceptions.ParameterAlreadyExists):
        parameter_store.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=False)


def parameters_of(stack: str, cloudformation: Any) -> dict[str, str]:
    """The parameters of a stack; none where it is not there."""
    try:
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ValidationError":
            raise
        return {}
    return {each["ParameterKey"]: each.get("ParameterValue", "") for each in found.get("Parameters", [])}


def unreserved() -> int | None:
    """Executions of the account that no function has for itself; None where Lambda does not say."""
    try:
        limit: Any = boto3.client("lambda").get_account_settings()["AccountLimit"]
        return int(limit["UnreservedConcurrentExecutions"])
    except (BotoCoreError, ClientError, KeyError) as error:
        print(f"Lambda does not tell the account's quota: {error}", file=sys.stderr)
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
