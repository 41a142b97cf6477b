"""LocalStack's core with functions that run as processes, where it would start a container of Docker's for each.

Runs in LocalStack's own environment, as ``python -m support.localstack_functions`` with tests/ on the path. A function
gets its own folder and nothing else: LocalStack's core knows layers by name, and brings them to no function.
"""

import json
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from support.runtime_api import Function, FunctionError

OUT_OF_CONTAINERS = ("LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR")
"""Folders of Lambda's image, which are elsewhere here."""


class Process:
    """One instance of one version of a function: what LocalStack calls an executor."""

    def __init__(self, id: str, function_version: Any) -> None:
        self._version = function_version
        self._function: Function | None = None

    def start(self, env_vars: Mapping[str, Any]) -> None:
        """Raises FunctionError where it does not come up."""
        given = {name: str(value) for name, value in env_vars.items() if name not in OUT_OF_CONTAINERS}
        folder = Path(str(self._version.config.code.get_unzipped_code_location()))
        self._function = Function([folder], given)

    def stop(self) -> None:
        """End it, where it runs."""
        if self._function:
            self._function.close()

    def invoke(self, payload: Mapping[str, str]) -> Any:
        """One invocation; an error of the function is an answer too."""
        models: Any = import_module("localstack.services.lambda_.invocation.lambda_models")
        assert self._function is not None
        try:
            answer, is_error = json.dumps(self._function(json.loads(payload["payload"])).value), False
        except FunctionError as error:
            answer, is_error = str(error), True
        return models.InvocationResult(payload["invoke-id"], answer.encode(), is_error, self.get_logs())

    def get_logs(self) -> str:
        """All that it printed."""
        return self._function.output if self._function else ""

    def get_address(self) -> str:
        """Where it is, for LocalStack."""
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        """Where LocalStack is, for it."""
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        """Where a container would ask for its events; a process asks the API that came with it."""
        return ""

    @classmethod
    def validate_environment(cls) -> bool:
        """Nothing is needed but the runtime client."""
        return True

    @classmethod
    def prepare_version(cls, function_version: Any) -> None:
        """Unpack the function."""
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: Any) -> None:
        """The folder goes with LocalStack's."""


def main() -> None:
    """LocalStack, until it is told to end."""
    executors: Any = import_module("localstack.services.lambda_.invocation.runtime_executor")
    # Before anyone imports it by name.
    executors.get_runtime_executor = lambda: Process
    # Its server would listen on all addresses, whatever GATEWAY_LISTEN says.
    endpoints: Any = import_module("twisted.internet.endpoints")
    endpoints.TCP4ServerEndpoint = partial(endpoints.TCP4ServerEndpoint, interface="127.0.0.1")
    import_module("localstack.runtime.main").main()


if __name__ == "__main__":
    main()
