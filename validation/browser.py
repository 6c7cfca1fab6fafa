"""A page in headless Chromium, driven over its debugging pipe: what it says, what it complains of, what it asks the network for.

Protocol: https://chromedevtools.github.io/devtools-protocol, one JSON object after another, each ended by a zero byte; Chromium reads
descriptor 3 and writes descriptor 4.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fcntl import F_DUPFD, fcntl
from pathlib import Path
from select import select
from typing import Any

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-pipe",
)  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome")
WAIT = """new Promise((done, fail) => {
  const end = Date.now() + 30000;
  const ask = () => CONDITION ? done() : Date.now() > end ? fail(new Error("never: " + TOLD)) : setTimeout(ask, 20);
  ask();
})"""
PATIENCE = 60.0  # seconds for one answer


def browser() -> str | None:
    """Where a Chromium is; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def version() -> str:
    """What the Chromium calls itself. Raises FileNotFoundError where there is none."""
    told = subprocess.run([browser() or NAMES[0], "--version"], capture_output=True, text=True, check=True).stdout
    return " ".join(told.split()[:2])


class Page:
    """One page: `errors` are what its console said, `requests` the addresses it asked for beside its own file."""

    def __init__(self, path: Path, profile: Path, size: tuple[int, int]) -> None:
        chromium = browser()
        if chromium is None:
            raise FileNotFoundError("this needs Chromium: apt-get install chromium")
        inner_in, self._out = os.pipe()
        self._in, inner_out = os.pipe()
        command = [chromium, *FLAGS, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}", "about:blank"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            close_fds=False, preexec_fn=lambda: _descriptors(inner_in, inner_out),
        )  # fmt: skip
        os.close(inner_in)
        os.close(inner_out)
        self._rest, self._number, self._session = b"", 0, ""
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._own = path.resolve().as_uri()

    def open(self) -> None:
        """Show the page and wait until it is ready."""
        target = self.send("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._session = self.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        for domain in ("Runtime", "Log", "Network", "Page"):
            self.send(f"{domain}.enable")
        self.send("Page.navigate", {"url": self._own})
        self.wait("document.documentElement?.dataset.ready === 'true'")

    def send(self, method: str, params: Mapping[str, Any] = {}) -> Any:
        """The answer to one command. Raises RuntimeError with the browser's reason."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": dict(params), **({"sessionId": self._session} if self._session else {})}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        for answer in self._messages():
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self._noted(answer)
        raise RuntimeError(f"{method}: the browser ended")

    def evaluate(self, expression: str) -> Any:
        """The value of JavaScript on the page; of a promise what it comes to. Raises RuntimeError with what was thrown."""
        told = self.send("Runtime.evaluate", {"expression": expression, "returnByValue": True, "awaitPromise": True})
        if "exceptionDetails" in told:
            raise RuntimeError(told["exceptionDetails"].get("exception", {}).get("description", "thrown"))
        return told["result"].get("value")

    def wait(self, condition: str) -> None:
        """Until a condition holds on the page."""
        asked = WAIT.replace("CONDITION", f"({condition})").replace("TOLD", json.dumps(condition))
        self.evaluate(asked)

    def key(self, key: str) -> None:
        """Press and release a key, as a person does."""
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", {"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": KEYS.get(key, 0)})

    def _messages(self) -> Iterator[dict[str, Any]]:
        while True:
            message, zero, rest = self._rest.partition(b"\0")
            if zero:
                self._rest = rest
                yield json.loads(message)
                continue
            if not select([self._in], [], [], PATIENCE)[0]:
                raise RuntimeError(f"the browser said nothing for {PATIENCE:g} s")
            read = os.read(self._in, 1 << 20)
            if not read:
                return
            self._rest += read

    def _noted(self, event: Mapping[str, Any]) -> None:
        params = event.get("params", {})
        match event.get("method"):
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self.errors.append(json.dumps(params["args"]))
            case "Runtime.exceptionThrown":
                self.errors.append(json.dumps(params["exceptionDetails"]))
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                self.errors.append(params["entry"]["text"])
            case "Network.requestWillBeSent" if not params["request"]["url"].startswith((self._own, "data:")):
                self.requests.append(params["request"]["url"])

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        self._process.wait(20)
        os.close(self._in)
        os.close(self._out)


KEYS = {"ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35, "Tab": 9, "Enter": 13}


def _descriptors(inner_in: int, inner_out: int) -> None:
    """In the child: the pipe's ends to where Chromium looks for them."""
    high = [fcntl(end, F_DUPFD, 10) for end in (inner_in, inner_out)]  # out of the way of 3 and 4
    for end, wanted in zip(high, (3, 4)):
        os.dup2(end, wanted)


@contextmanager
def opened(path: Path, size: tuple[int, int] = (1280, 1000)) -> Iterator[Page]:
    """A page in a browser with a profile of its own. Raises FileNotFoundError where there is no Chromium."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        page = Page(path, Path(profile), size)
        try:
            page.open()
            yield page
        finally:
            page.close()
