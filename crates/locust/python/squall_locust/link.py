"""The socket to the Rust side, on gevent's loop.

A frame is its payload's length (u32, little endian), one byte for its kind, and the payload. That of a snapshot that came
from another process begins with that process's name and the name's length (u16). One greenlet writes and
one reads, so that no interruption of any other greenlet can leave half a frame behind.
"""

import collections
import json
import logging
import math
import struct

import gevent
from gevent import socket
from gevent.event import Event

JSON = 1
SNAPSHOT = 2
FORWARDED = 3
HEAD = struct.Struct("<IB")
# Longest frame either side takes.
MAX_FRAME = 256 << 20
# Longest name of another process, bytes.
MAX_NAME = 1_000
# Frames waiting to be written beyond which no new snapshot is taken: what was measured waits in the engine then.
MAX_WAITING = 64

logger = logging.getLogger(__name__)


def finite(value):
    """The value without what JSON has no number for."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(inner) for inner in value]
    return value


class Link:
    """One connection. `handlers` maps a message's type to what is called with it, in a greenlet of its own."""

    def __init__(self, path):
        self.handlers = {}
        self.on_close = None
        # Called with the name of another process and a snapshot of its.
        self.on_snapshot = None
        self.is_open = True
        self._waiting = collections.deque()
        self._wake = Event()
        self._written = Event()
        self._written.set()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)
        self._writer = gevent.spawn(self._write)
        self._reader = gevent.spawn(self._read)

    def tell(self, kind, /, **fields):
        """Sends a message."""
        message = {"type": kind, **fields}
        try:
            text = json.dumps(message, default=str, ensure_ascii=False, allow_nan=False)
        except ValueError:
            text = json.dumps(finite(message), default=str, ensure_ascii=False)
        # What is no Unicode (a lone surrogate of a file name) is no JSON either.
        self._put(JSON, text.encode("utf-8", "replace"))

    def snapshot(self, encoded):
        """Sends an encoded snapshot."""
        self._put(SNAPSHOT, encoded)

    def forward(self, name, encoded):
        """Sends an encoded snapshot of another process."""
        name = name.encode("utf-8", "replace")[:MAX_NAME]
        self._put(FORWARDED, len(name).to_bytes(2, "little") + name + encoded)

    def is_busy(self):
        """Whether so much waits that nothing more should be taken from the engine now."""
        return len(self._waiting) >= MAX_WAITING

    def flush(self, patience):
        """Waits until everything was handed to the system, at most `patience` seconds."""
        return self._written.wait(patience)

    def _put(self, kind, payload):
        if not self.is_open:
            return
        if len(payload) > MAX_FRAME:
            logger.error("a message of %d bytes is too long to be sent", len(payload))
            return
        self._written.clear()
        self._waiting.append(HEAD.pack(len(payload), kind) + payload)
        self._wake.set()

    def _write(self):
        try:
            while True:
                self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    self._socket.sendall(self._waiting[0])
                    self._waiting.popleft()
                self._written.set()
        except OSError:
            self._close()

    def _read(self):
        try:
            while True:
                length, kind = HEAD.unpack(self._read_exactly(HEAD.size))
                if length > MAX_FRAME:
                    raise ValueError(f"a frame of {length} bytes")
                payload = self._read_exactly(length)
                if kind == JSON:
                    self._handle(json.loads(payload))
                elif kind == FORWARDED and self.on_snapshot is not None:
                    end = 2 + int.from_bytes(payload[:2], "little")
                    self.on_snapshot(payload[2:end].decode("utf-8", "replace"), payload[end:])
        except (OSError, EOFError, ValueError):
            self._close()

    def _read_exactly(self, n):
        parts = []
        while n > 0:
            part = self._socket.recv(min(n, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            n -= len(part)
        return b"".join(parts)

    def _handle(self, message):
        handler = self.handlers.get(message.get("type"))
        if handler is not None:
            gevent.spawn(handler, message)

    def _close(self):
        if not self.is_open:
            return
        self.is_open = False
        self._waiting.clear()
        self._written.set()
        self._socket.close()
        if self.on_close is not None:
            gevent.spawn(self.on_close)
