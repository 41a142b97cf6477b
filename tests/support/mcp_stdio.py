"""A client of the Model Context Protocol over the standard input and output of a program."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

VERSION = "2025-06-18"


class McpProgram:
    """A running server, after its handshake."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._number = 0
        client = {"name": "tests", "version": "1"}
        self.about = self._ask("initialize", protocolVersion=VERSION, capabilities={}, clientInfo=client)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def tools(self) -> set[str]:
        """The names of its tools."""
        return {each["name"] for each in self._ask("tools/list")["tools"]}

    def call(self, tool: str, **arguments: Any) -> str:
        """The text that a tool answers."""
        answer = self._ask("tools/call", name=tool, arguments=arguments)
        assert not answer.get("isError"), answer
        (content,) = answer["content"]
        return str(content["text"])

    def _ask(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        self._send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": parameters})
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)
            # Notifications stand between.
            if message.get("id") == self._number:
                assert "result" in message, message
                return message["result"]
        raise AssertionError("the program ended")

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(message)}\n")
        self._process.stdin.flush()


@contextmanager
def mcp_program(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[McpProgram]:
    """The program, which ends when its input does."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env=dict(environment), text=True, **pipes)
    with process:
        try:
            yield McpProgram(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=30)
