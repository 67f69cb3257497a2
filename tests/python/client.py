"""A player written from framekeep.proto alone: `client.py PROTO HTTP_ADDRESS ROOM SEATS SECONDS [deflate]`.

Reads the schema at run time and encodes and decodes by it; nothing is generated, nothing but the standard library is
used. With `deflate` it packs what it says, and wants the same of the server (RFC 7692). Gets a guest's ticket, plays a match over a WebSocket in protobuf, walks about, and prints one line of JSON that
says what it has seen.
"""

import base64
import json
import os
import re
import socket
import struct
import sys
import time
import urllib.request
import zlib

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class Field:
    """A field of a message: its number, type, and whether there may be several."""

    def __init__(self, label, kind, name, number):
        self.repeated = label == "repeated"
        self.kind, self.name, self.number = kind, name, int(number)

    @property
    def is_number(self):
        return self.kind in ("uint32", "uint64", "int32", "int64", "sint32", "sint64", "bool")


def schema(path):
    """The messages of a .proto file: name to fields. Braces nest for `oneof` only."""
    text = re.sub(r"//[^\n]*", "", open(path, encoding="utf-8").read())
    messages = {}
    for match in re.finditer(r"message\s+(\w+)\s*\{", text):
        depth, end = 1, match.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        fields = re.findall(r"(?:(repeated|optional)\s+)?(\w+)\s+(\w+)\s*=\s*(\d+)\s*;", text[match.end():end])
        messages[match.group(1)] = [Field(*field) for field in fields]
    return messages


def varint(value):
    out = bytearray()
    value &= (1 << 64) - 1
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


class Codec:
    """Messages as dictionaries, to bytes and back, by a schema."""

    def __init__(self, messages):
        self.messages = messages

    def encode(self, name, message):
        out = bytearray()
        fields = {field.name: field for field in self.messages[name]}
        for key, value in message.items():
            field = fields[key]
            if field.is_number:
                zigzag = field.kind.startswith("sint")
                value = (value << 1) ^ (value >> 63) if zigzag else int(value)
                out += varint(field.number << 3 | VARINT) + varint(value)
                continue
            data = value.encode() if field.kind == "string" else self.encode(field.kind, value)
            out += varint(field.number << 3 | BYTES) + varint(len(data)) + data
        return bytes(out)

    def decode(self, name, data):
        fields = {field.number: field for field in self.messages[name]}
        message, at = {}, 0
        while at < len(data):
            key, at = read_varint(data, at)
            number, wire = key >> 3, key & 7
            if wire == VARINT:
                value, at = read_varint(data, at)
            elif wire == BYTES:
                length, at = read_varint(data, at)
                value, at = data[at:at + length], at + length
                if len(value) < length:
                    raise ValueError("a field ends after its message")
            else:
                at += {FIXED64: 8, FIXED32: 4}[wire]
                continue
            field = fields.get(number)
            if field:
                self.put(message, field, wire, value)
        return message

    def put(self, message, field, wire, value):
        if field.is_number and wire == BYTES:
            packed, at = [], 0
            while at < len(value):
                one, at = read_varint(value, at)
                packed.append(self.number(field, one))
            message.setdefault(field.name, []).extend(packed)
            return
        if field.is_number:
            value = self.number(field, value)
        elif field.kind == "string":
            value = value.decode()
        else:
            value = self.decode(field.kind, value)
        if field.repeated:
            message.setdefault(field.name, []).append(value)
        else:
            message[field.name] = value

    @staticmethod
    def number(field, value):
        if field.kind == "bool":
            return bool(value)
        return (value >> 1) ^ -(value & 1) if field.kind.startswith("sint") else value


class Line:
    """A WebSocket as RFC 6455 says, as far as a client of this server needs it; packed as RFC 7692 says if asked."""

    def __init__(self, host, port, protocol, deflate=False):
        self.socket = socket.create_connection((host, port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" if deflate else ""
        head = (
            f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {protocol}\r\n{offer}\r\n"
        )
        self.socket.sendall(head.encode())
        self.rest = b""
        while b"\r\n\r\n" not in self.rest:
            self.rest += self.more()
        answer, self.rest = self.rest.split(b"\r\n\r\n", 1)
        if b" 101 " not in answer.split(b"\r\n")[0]:
            raise ConnectionError(answer.decode(errors="replace"))
        agreed = re.search(rb"sec-websocket-extensions: *permessage-deflate(.*)", answer, re.IGNORECASE)
        self.inflate, self.packed = None, 0
        if agreed:
            assert deflate and b"client_no_context_takeover" in agreed[1], agreed[1]
            bits = re.search(rb"server_max_window_bits=(\d+)", agreed[1])
            # What is agreed on is enough: a server that kept more would be found out here.
            self.inflate = zlib.decompressobj(-int(bits[1]))

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server has closed the connection")
        return data

    def take(self, count):
        while len(self.rest) < count:
            self.rest += self.more()
        data, self.rest = self.rest[:count], self.rest[count:]
        return data

    def send(self, data, opcode=2):
        mask = os.urandom(4)
        if self.inflate and opcode == 2:
            packer = zlib.compressobj(wbits=-15)
            data = packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)
            data, opcode = data[:-4], 0x42
        length = len(data)
        size = bytes([0x80 | length]) if length < 126 else b"\xfe" + struct.pack(">H", length)
        masked = bytes(byte ^ mask[place & 3] for place, byte in enumerate(data))
        self.socket.sendall(bytes([0x80 | opcode]) + size + mask + masked)

    def receive(self):
        """The next message; pings are answered."""
        whole, packed = b"", False
        while True:
            first, second = self.take(2)
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack(">H", self.take(2))
            elif length == 127:
                (length,) = struct.unpack(">Q", self.take(8))
            data = self.take(length)
            opcode = first & 0x0F
            if opcode == 9:
                self.send(data, opcode=10)
            elif opcode == 8:
                raise ConnectionError("the server says good-bye")
            elif opcode in (0, 2):
                whole += data
                packed = packed or bool(first & 0x40)
                if first & 0x80 and packed:
                    self.packed += 1
                    return self.inflate.decompress(whole + b"\x00\x00\xff\xff")
                if first & 0x80:
                    return whole


class Player:
    """One guest in one room."""

    def __init__(self, codec, address, room, seats, deflate=False, is_brief=False):
        self.is_brief = is_brief
        self.codec, self.id, self.bodies, self.seat = codec, 0, {}, None
        self.seen = {"views": 0, "moved": 0, "events": [], "whole": 0, "bits": 0, "ended": None}
        host, port = address.rsplit(":", 1)
        request = urllib.request.Request(
            f"http://{address}/api/v1/tickets", b'{"name":"python"}', {"Content-Type": "application/json"}
        )
        ticket = json.load(urllib.request.urlopen(request, timeout=30))["websocket"]["ticket"]
        self.line = Line(host, int(port), "framekeep.v1.protobuf", deflate)
        self.say(authenticate={"ticket": ticket, "views_hz": 15})
        self.until("welcome")
        create = {"game": "arena", "seats": seats, "content": "brief" if is_brief else ""}
        self.ask(join={"room": room, "create": create})
        self.until("joined")

    def say(self, id=0, **body):
        self.line.send(self.codec.encode("ClientMessage", {"id": id, **body}))

    def ask(self, **body):
        self.id += 1
        self.say(self.id, **body)

    def hear(self):
        batch = self.codec.decode("ServerBatch", self.line.receive())
        for message in batch.get("messages", []):
            self.note(message)
        return batch.get("messages", [])

    def until(self, kind):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if any(kind in message for message in self.hear()):
                return
        raise TimeoutError(f"never heard {kind}")

    def note(self, message):
        if "refused" in message or "error" in message or "closing" in message:
            raise RuntimeError(f"the server says {message}")
        if "event" in message:
            self.seen["events"].append(message["event"].get("kind", ""))
        if "started" in message:
            self.seat = message["started"].get("seat", 0)
            self.seen["bits"] = message["started"].get("input_bits", 0)
        if "ended" in message:
            self.seen["ended"] = message["ended"].get("reason")
        if "view" in message:
            self.look(message["view"])

    def look(self, view):
        self.seen["views"] += 1
        if view.get("whole"):
            self.seen["whole"] += 1
            self.bodies = {}
        for body in view.get("bodies", []):
            self.bodies[body.get("id", 0)] = dict(body)
        moved = zip(view.get("moved", []), view.get("dx", []), view.get("dy", []))
        for id, dx, dy in moved:
            body = self.bodies[id]
            body["x"], body["y"] = body.get("x", 0) + dx, body.get("y", 0) + dy
            if body.get("seat", 0) == self.seat and (dx or dy):
                self.seen["moved"] += 1
        for id in view.get("gone", []):
            self.bodies.pop(id, None)

    def play(self, seconds):
        """Walks in one direction after the other."""
        self.until("started")
        until = time.monotonic() + seconds
        step = 0
        while time.monotonic() < until or self.seen["moved"] == 0:
            self.say(input={"bits": [1, 5, 3, 7][step // 8 % 4]})
            step += 1
            self.hear()
        self.ask(chat={"text": "hello from python"})
        # A match of some seconds goes on to its outcome, another one is given up.
        if not self.is_brief:
            self.ask(abort={})
        self.until("ended")
        self.ask(leave={})
        self.until("left")


def main():
    proto, address, room, seats, seconds = sys.argv[1:6]
    player = Player(Codec(schema(proto)), address, room, int(seats), "deflate" in sys.argv, "brief" in sys.argv)
    player.play(float(seconds))
    player.seen["bodies"] = len(player.bodies)
    player.seen["packed"] = player.line.packed
    print(json.dumps(player.seen))


if __name__ == "__main__":
    main()
