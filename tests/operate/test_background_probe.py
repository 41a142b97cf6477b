"""Probes in threads of their own, asked by several requests at once."""

import threading

import pytest

from mallard.health.background_probe import BackgroundProbe


def test_result_is_waited_for_while_another_request_starts_the_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    starting, asked = threading.Event(), threading.Event()
    real = threading.Thread

    class Slow(threading.Thread):
        """Begins once the result has been asked for, or is waited for without."""

        def start(self) -> None:
            starting.set()
            asked.wait(0.2)
            super().start()

    monkeypatch.setattr(threading, "Thread", Slow)
    probe = BackgroundProbe(lambda: "found", "otherwise")
    first = real(target=probe.begin)
    first.start()
    assert starting.wait(30)
    assert probe.found(30) == "found"
    asked.set()
    first.join()


def test_probe_that_never_began_has_no_result() -> None:
    assert BackgroundProbe(lambda: "found", "otherwise").found(0) == "otherwise"
