"""TCP, UDP and DNS between two hosts: `traffic.py serve` on one, `traffic.py run ADDRESS` on the other."""

import socket
import struct
import sys
import threading

TCP_PORT, UDP_PORT, DNS_PORT = 8080, 9090, 53
UDP_SIZES = (0, 1, 2, 15, 16, 17, 18, 100, 333, 536, 1000, 1232, 1400, 1452)
TCP_UP, TCP_DOWN = 5_000, 20_000


def pattern(size):
    """Bytes that differ from their neighbours, so that a shifted copy shows."""
    return bytes((i * 7 + i // 251) & 0xFF for i in range(size))


def serve():
    def tcp():
        with socket.create_server(("::", TCP_PORT), family=socket.AF_INET6, dualstack_ipv6=True) as server:
            while True:
                peer, _ = server.accept()
                with peer:
                    left = TCP_UP
                    while left and (data := peer.recv(left)):
                        left -= len(data)
                    peer.sendall(pattern(TCP_DOWN))

    def udp():
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as echo:
            echo.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            echo.bind(("::", UDP_PORT))
            while True:
                data, peer = echo.recvfrom(2048)
                echo.sendto(data[::-1], peer)

    threading.Thread(target=tcp, daemon=True).start()
    udp()


def dns_query(number, name, kind):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1)


def run(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        for size in UDP_SIZES:
            udp.sendto(pattern(size), (address, UDP_PORT))
            assert udp.recv(2048) == pattern(size)[::-1]
        for number, (name, kind) in enumerate([("espalier.test", 1), ("espalier.test", 28), ("long.espalier.test", 16), ("a.espalier.test", 1)]):
            udp.sendto(dns_query(number, name, kind), (address, DNS_PORT))
            answer = udp.recv(2048)
            assert answer[:2] == struct.pack("!H", number) and answer[3] & 0xF == 0, name
    with socket.create_connection((address, TCP_PORT), timeout=5) as tcp:
        tcp.sendall(pattern(TCP_UP))
        received = b""
        while len(received) < TCP_DOWN:
            received += tcp.recv(65536)
        assert received == pattern(TCP_DOWN)


if __name__ == "__main__":
    serve() if sys.argv[1] == "serve" else run(sys.argv[2])
