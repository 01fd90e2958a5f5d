# SPDX-License-Identifier: GPL-2.0
"""Serves a packet queue of the firewall with plain netlink messages."""
import errno
import os
import select
import socket
import struct

import lib

NETLINK_NETFILTER = 12
NFNL_SUBSYS_QUEUE = 3
MSG_PACKET, MSG_VERDICT, MSG_CONFIG = 0, 1, 2
ATTR_VERDICT_HDR, ATTR_CFG_CMD, ATTR_CFG_PARAMS = 2, 1, 2
ATTR_PACKET_HDR, ATTR_PAYLOAD = 1, 10
CMD_BIND, COPY_PACKET = 1, 2
NF_ACCEPT = 1
SO_RCVBUFFORCE = 33
NLM_F_REQUEST, NLM_F_ACK = 1, 4


def attribute(kind: int, data: bytes) -> bytes:
    return (struct.pack("=HH", 4 + len(data), kind) + data
            + b"\0" * (-len(data) % 4))


def attributes(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            break
        found[kind & 0x7fff] = data[at + 4:at + length]
        at += (length + 3) & ~3
    return found


class Queue:
    """Accepts and counts each packet of a queue, and may change it first."""

    def __init__(self, case: lib.Case, end: lib.Namespace, number: int = 0):
        self.number, self.count = number, 0
        self.change = lambda packet: None
        with end:
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                                      NETLINK_NETFILTER)
        self.sock.bind((0, 0))
        self.sock.settimeout(lib.DEADLINE_S)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        self.configure(ATTR_CFG_CMD, struct.pack("!BBH", CMD_BIND, 0,
                                                 socket.AF_INET))
        self.configure(ATTR_CFG_PARAMS, struct.pack("!IB", 0xffff,
                                                    COPY_PACKET))
        self.pipe = os.pipe()
        self.thread = lib.Thread(self.serve)
        case.callback(self.stop)

    def stop(self) -> None:
        os.close(self.pipe[1])
        self.thread.finish()
        os.close(self.pipe[0])
        self.sock.close()

    def message(self, kind: int, body: bytes, flags: int = 0) -> None:
        generic = struct.pack("!BBH", socket.AF_UNSPEC, 0, self.number)
        text = generic + body
        header = struct.pack("=IHHII", 16 + len(text),
                             NFNL_SUBSYS_QUEUE << 8 | kind,
                             NLM_F_REQUEST | flags, 0, 0)
        self.sock.send(header + text)

    def configure(self, kind: int, data: bytes) -> None:
        self.message(MSG_CONFIG, attribute(kind, data), NLM_F_ACK)
        answer = self.sock.recv(65536)
        error, = struct.unpack_from("=i", answer, 16)
        if error == -22 or error == -93:
            raise lib.Skip("no packet queues in this kernel")
        assert error == 0, os.strerror(-error)

    def verdict(self, packet: bytes) -> None:
        found = attributes(packet[20:])
        ident = found[ATTR_PACKET_HDR][:4]
        body = attribute(ATTR_VERDICT_HDR,
                         struct.pack("!I", NF_ACCEPT) + ident)
        changed = self.change(found.get(ATTR_PAYLOAD, b""))
        if changed is not None:
            body += attribute(ATTR_PAYLOAD, changed)
        self.count += 1
        self.message(MSG_VERDICT, body)

    def serve(self) -> None:
        while True:
            ready = select.select([self.sock, self.pipe[0]], [], [])[0]
            if self.pipe[0] in ready:
                return
            try:
                data = self.sock.recv(1 << 17)
            except OSError as error:
                if error.errno == errno.ENOBUFS:    # a packet was lost
                    continue
                raise
            if struct.unpack_from("=H", data, 4)[0] & 0xff == MSG_PACKET:
                self.verdict(data)
