#!/usr/bin/env python3
"""Writes the .xfrm files: `ip xfrm` commands for both hosts of the captures, and demo.json, the runs of the demo.

Keys are constants: they protect nothing but these captures.
"""

import hashlib
import json
import pathlib

HERE = pathlib.Path(__file__).parent
# Inner networks and outer addresses of left and right.
NETWORKS = {4: ("10.1.0.0/16", "10.2.0.0/16"), 6: ("fd00:1::/32", "fd00:2::/32")}
HOSTS = {4: ("10.1.0.1", "10.2.0.1"), 6: ("fd00:1::1", "fd00:2::1")}
GATEWAYS = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}


def key(name, bits):
    """Key and salt (RFC 4106 section 8.1), from the SA's name."""
    return "0x" + hashlib.sha256(name.encode()).digest()[: bits // 8].hex() + hashlib.sha256((name + " salt").encode()).digest()[:4].hex()


def sa_pair(name, mode, bits, esn, inner, outer):
    """One SA in each direction between left and right, with their policies, as each host sets them."""
    ends = GATEWAYS[outer] if mode == "tunnel" else HOSTS[inner]
    networks = NETWORKS[inner] if mode == "tunnel" else HOSTS[inner]
    reqid = inner
    lines = []
    for host, me in (("left", 0), ("right", 1)):
        lines.append(f"# {host}: IPv{inner}" + (f" in IPv{outer}" if mode == "tunnel" else ""))
        for direction, sender in (("out", me), ("in", 1 - me)):
            source, destination = ends[sender], ends[1 - sender]
            spi = 0x1000 * inner + sender + 1
            # Without it the kernel gives an SA that has no selector the family of its own addresses only.
            inter = " flag af-unspec" if inner != outer else ""
            if direction == "in":
                window = "replay-window 128 flag esn" if esn else "replay-window 64"
                start = " replay-seq 0xfffffff0" if esn else ""
            else:
                window = "flag esn" if esn else "replay-window 0"
                start = " replay-oseq 0xfffffff0" if esn else ""
            lines.append(
                f"ip -n {host} xfrm state add src {source} dst {destination} proto esp spi {spi:#x} reqid {reqid} mode {mode} \\\n"
                f"    {window}{start}{inter} aead 'rfc4106(gcm(aes))' {key(f'{name} {spi:#x}', bits)} 128 \\\n"
                f"    offload packet dev nic0 dir {direction}"
            )
            lines.append(
                f"ip -n {host} xfrm policy add src {networks[sender]} dst {networks[1 - sender]} dir {direction} \\\n"
                f"    tmpl src {source} dst {destination} proto esp reqid {reqid} mode {mode} offload packet dev nic0"
            )
        lines.append("")
    return lines


def write(name, about, lines):
    (HERE / f"{name}.xfrm").write_text(f"# {about}\n# Written by configure.py.\n\n" + "\n".join(lines).rstrip() + "\n")


def main():
    runs = []
    for mode in ("tunnel", "transport"):
        for bits in (128, 256):
            for esn in (False, True):
                name = f"{mode}-aes{bits}" + ("-esn" if esn else "")
                about = f"{mode.capitalize()} mode, AES-{bits}-GCM, " + ("64-bit sequence numbers that cross 2^32" if esn else "32-bit sequence numbers")
                lines = [line for family in (4, 6) for line in sa_pair(name, mode, bits, esn, family, family)]
                write(name, about, lines)
                runs += [{"xfrm": f"{name}.xfrm", "capture": f"ipv{family}.pcap"} for family in (4, 6)]
    name = "tunnel-mixed"
    write(name, "Tunnel mode, AES-192-GCM, each family inside the other", [line for family in (4, 6) for line in sa_pair(name, "tunnel", 192, False, family, 10 - family)])
    runs += [{"xfrm": f"{name}.xfrm", "capture": f"ipv{family}.pcap"} for family in (4, 6)]
    (HERE / "demo.json").write_text("[\n" + ",\n".join("  " + json.dumps(run) for run in runs) + "\n]\n")


if __name__ == "__main__":
    main()
