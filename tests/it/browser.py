"""Drives a real browser over its debugging pipe, with nothing but Python's own library.

usage: browser.py CHROMIUM SITE
Prints one line for each thing that holds; fails with the first that does not.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

# A browser that hangs fails the test instead of holding it for ever.
signal.alarm(300)

CHROMIUM, SITE = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --remote-debugging-pipe --disable-dev-shm-usage"
).split()


class Browser:
    """A browser with one page, whose complaints are kept."""

    def __init__(self, profile):
        read_commands, self.commands = os.pipe()
        self.answers, write_answers = os.pipe()

        def pipes():
            # The browser reads commands from descriptor 3 and writes answers to 4.
            commands, answers = os.dup(read_commands), os.dup(write_answers)
            os.dup2(commands, 3)
            os.dup2(answers, 4)

        self.process = subprocess.Popen(
            [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=pipes,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_commands)
        os.close(write_answers)
        self.number, self.rest, self.complaints, self.events = 0, b"", [], []
        self.session = None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "DOM"):
            self.ask(f"{domain}.enable")

    def message(self):
        while b"\0" not in self.rest:
            more = os.read(self.answers, 1 << 16)
            assert more, "the browser went away"
            self.rest += more
        text, self.rest = self.rest.split(b"\0", 1)
        found = json.loads(text)
        method, details = found.get("method"), found.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(details["exceptionDetails"]["text"])
        if method == "Runtime.consoleAPICalled" and details["type"] in ("error", "warning", "assert"):
            self.complaints.append(str(details["args"]))
        if method == "Log.entryAdded" and details["entry"]["level"] in ("error", "warning"):
            self.complaints.append(details["entry"]["text"])
        if method == "Page.javascriptDialogOpening":
            self.complaints.append(f"a dialog: {details['message']}")
        if method:
            self.events.append(method)
        return found

    def ask(self, method, **parameters):
        self.number += 1
        sent = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            sent["sessionId"] = self.session
        os.write(self.commands, json.dumps(sent).encode() + b"\0")
        while True:
            found = self.message()
            if found.get("id") == self.number:
                assert "error" not in found, found
                return found["result"]

    def open(self, name):
        # A page that differs in its hash only would not be loaded anew.
        for address in ("about:blank", f"file://{SITE}/{name}"):
            self.events.clear()
            self.ask("Page.navigate", url=address)
            while "Page.loadEventFired" not in self.events:
                self.message()

    def value(self, expression):
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key, text=None):
        code = {"Enter": 13, "Tab": 9}.get(key, ord(key.upper()) if len(key) == 1 else 0)
        down = {"type": "keyDown", "key": key, "windowsVirtualKeyCode": code}
        if text:
            down["text"] = text
        self.ask("Input.dispatchKeyEvent", **down)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)


TABLE = "[...document.querySelectorAll('table')].find((t) => t.caption.textContent.startsWith('Votes'))"
ORDER = f"[...{TABLE}.tBodies[0].rows].map((row) => row.cells[0].textContent)"
EFFECTS = f"[...{TABLE}.tBodies[0].rows].map((row) => Number(row.cells[2].dataset.sort))"
SHOWN = f"[...{TABLE}.tBodies[0].rows].filter((row) => !row.hidden).length"


def main(browser):
    page = "claim-many-agents.html"
    browser.open(page)
    assert browser.value("document.title").endswith("many-agents")
    before = browser.value(ORDER)
    assert len(before) == 15

    browser.value(f"{TABLE}.tHead.rows[0].cells[1].querySelector('button').focus()")
    browser.press("Tab")
    focused = browser.value("document.activeElement.textContent")
    assert focused.startswith("Effect"), focused
    browser.press("Enter", "\r")
    rising = browser.value(EFFECTS)
    assert rising == sorted(rising) and browser.value(ORDER) != before, rising
    assert browser.value(f"{TABLE}.tHead.rows[0].cells[2].getAttribute('aria-sort')") == "ascending"
    browser.press("Enter", "\r")
    falling = browser.value(EFFECTS)
    assert falling == sorted(falling, reverse=True), falling
    print("tables are sorted by numbers with the keyboard")

    address = browser.value("location.hash")
    assert "sort=2d" in address, address
    browser.open(page + address)
    assert browser.value(EFFECTS) == falling
    browser.value(f"{TABLE}.closest('.scroll').previousElementSibling.querySelector('input').focus()")
    for letter in "organisation-0":
        browser.press(letter, letter)
    assert browser.value(SHOWN) == 9, browser.value(SHOWN)
    address = browser.value("location.hash")
    browser.open(page + address)
    assert browser.value(SHOWN) == 9 and browser.value(EFFECTS) == falling
    print("an address brings back what its sender saw")

    ground = "getComputedStyle(document.documentElement).backgroundColor"
    for scheme, is_dark in (("dark", True), ("light", False)):
        browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        colour = [int(part) for part in browser.value(ground).removeprefix("rgb(").removesuffix(")").split(",")]
        assert (sum(colour) < 150) == is_dark, (scheme, colour)
    print("it is dark where that is asked for, and light where not")

    for name in ("index.html", page, "method.html", "report-many-agents.organisation-02.html"):
        browser.ask("Emulation.setDeviceMetricsOverride", width=360, height=800, deviceScaleFactor=1, mobile=True)
        browser.open(name)
        width = browser.value("document.documentElement.scrollWidth")
        assert width <= 360, (name, width)
    browser.ask("Emulation.clearDeviceMetricsOverride")
    print("pages fit a narrow screen")

    browser.ask("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(page)
    whole = browser.ask("DOM.getDocument", depth=0)["root"]["nodeId"]
    html = browser.ask("DOM.getOuterHTML", nodeId=whole)["outerHTML"]
    assert html.count("<button") == 0 and all(name in html for name in before)
    browser.ask("Emulation.setScriptExecutionDisabled", value=False)
    print("without scripts everything is there")

    for file in sorted(SITE.glob("*.html")):
        browser.open(file.name)
    assert not browser.complaints, browser.complaints
    print("no page complains")


with tempfile.TemporaryDirectory() as profile:
    browser = Browser(profile)
    try:
        main(browser)
    finally:
        browser.process.kill()
        browser.process.wait()
