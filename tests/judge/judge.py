"""An independent judge: decrypts and verifies every ESP packet of a wire with Scapy, and compares it with the plain capture.

usage: judge.py FILE.xfrm PLAIN.pcap WIRE.pcap

It shares nothing with Espalier: its own reading of the commands (Python's shlex), Scapy's ESP and AES-GCM. For every
SA the sequence numbers must go up by one from the first; every packet must verify with its number (all 64 bits with
ESN); the padding must be 1, 2, 3 .. (RFC 4303 section 2.4) to a multiple of 4. What is decrypted, in order, must be the
packets of the plain capture that a policy protects, to the byte; what is not ESP must be the others.
"""

import ipaddress
import json
import re
import shlex
import sys
from collections import Counter
from dataclasses import dataclass

from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.layers.l2 import Ether
from scapy.packet import raw
from scapy.utils import rdpcap


@dataclass
class Sa:
    """An outbound SA of the file, and where its sequence number stands."""

    source: str
    destination: str
    mode: str
    esn: bool
    last: int
    scapy: SecurityAssociation


def words_after(words, name, count=1):
    """The words after `name`, or nothing."""
    at = words.index(name) if name in words else len(words)
    found = words[at + 1 : at + 1 + count]
    return found if count > 1 else (found[0] if found else None)


def commands(path):
    text = re.sub(r"\\\n", " ", open(path, encoding="utf-8").read())
    return [words for line in text.splitlines() if (words := shlex.split(line, comments=True))]


def outbound_sas(lines):
    sas = {}
    for words in lines:
        if "state" not in words or words[-2:] != ["dir", "out"]:
            continue
        source, destination = words_after(words, "src"), words_after(words, "dst")
        spi, mode = int(words_after(words, "spi"), 0), words_after(words, "mode")
        name, key, icv = words_after(words, "aead", 3)
        assert (name, icv) == ("rfc4106(gcm(aes))", "128"), name
        header = None
        if mode == "tunnel":
            header = IPv6(src=source, dst=destination) if ":" in source else IP(src=source, dst=destination)
        esn = "esn" in words
        association = SecurityAssociation(
            ESP, spi, crypt_algo="AES-GCM", crypt_key=bytes.fromhex(key[2:]), tunnel_header=header, esn_en=esn
        )
        high, low = words_after(words, "replay-oseq-hi") or "0", words_after(words, "replay-oseq") or "0"
        last = int(high, 0) << 32 | int(low, 0)
        sas[ipaddress.ip_address(destination), spi] = Sa(source, destination, mode, esn, last, association)
    return sas


def protected_prefixes(lines):
    """Source and destination prefixes of the outbound policies; these files select by nothing else."""
    prefixes = []
    for words in lines:
        if "policy" in words and words_after(words, "dir") == "out":
            assert "tmpl" in words and not {"sport", "dport", "priority", "action"} & set(words), words
            prefixes.append(tuple(ipaddress.ip_network(words_after(words, end)) for end in ("src", "dst")))
    return prefixes


def ip_of(frame):
    """The IP packet of a frame without its Ethernet padding, or nothing."""
    ether = Ether(frame)
    layer = ether.getlayer(IP) or ether.getlayer(IPv6)
    if layer is None or ether.payload is not layer:
        return None
    length = layer.len if layer.version == 4 else layer.plen + 40
    return frame[14 : 14 + length]


def ends(packet):
    if packet[0] >> 4 == 4:
        return ipaddress.ip_address(packet[12:16]), ipaddress.ip_address(packet[16:20])
    return ipaddress.ip_address(packet[8:24]), ipaddress.ip_address(packet[24:40])


def open_esp(packet, sas):
    """The packet inside, verified; or an error."""
    outer = (IP if packet[0] >> 4 == 4 else IPv6)(packet)
    esp = outer[ESP]
    sa = sas[ends(packet)[1], esp.spi]
    assert str(ends(packet)[0]) == sa.source, "source address is not the SA's"
    sa.last += 1
    assert sa.esn or sa.last < 1 << 32, "sequence numbers used up"
    assert esp.seq == sa.last & 0xFFFFFFFF, f"sequence number {esp.seq:#x}, expected {sa.last & 0xFFFFFFFF:#x}"
    high = sa.last >> 32
    inside = sa.scapy.crypt_algo.decrypt(sa.scapy, esp, sa.scapy.crypt_key, esn_en=sa.esn, esn=high)
    assert inside.padding == bytes(range(1, inside.padlen + 1)), "padding is not 1, 2, 3 .."
    assert (len(inside.data) + inside.padlen + 2) % 4 == 0 and inside.padlen < 4, "padding is not the least"
    return raw(sa.scapy.decrypt(outer, esn=high)), high


def main(xfrm, plain, wire):
    lines = commands(xfrm)
    sas, prefixes = outbound_sas(lines), protected_prefixes(lines)
    expected, others = {}, Counter()
    for frame in map(raw, rdpcap(plain)):
        packet = ip_of(frame)
        if packet and any(ends(packet)[0] in source and ends(packet)[1] in destination for source, destination in prefixes):
            expected.setdefault(ends(packet), []).append(packet)
        else:
            others[frame] += 1
    found, passed, wrapped = {}, Counter(), 0
    for number, frame in enumerate(map(raw, rdpcap(wire)), 1):
        packet = ip_of(frame)
        if packet is None or packet[9 if packet[0] >> 4 == 4 else 6] != 50:
            passed[frame] += 1
            continue
        try:
            inner, high = open_esp(packet, sas)
        except Exception as error:
            sys.exit(f"packet {number} of {wire}: {type(error).__name__}: {error}")
        wrapped += high > 0
        found.setdefault(ends(inner), []).append(inner)
    for flow in expected.keys() | found.keys():
        sent, got = expected.get(flow, []), found.get(flow, [])
        for index, (a, b) in enumerate(zip(sent, got)):
            if a != b:
                at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
                sys.exit(f"{flow[0]} to {flow[1]}, packet {index + 1}: differs from what was sent at byte {at}")
        if len(sent) != len(got):
            sys.exit(f"{flow[0]} to {flow[1]}: {len(sent)} packets sent, {len(got)} on the wire")
    if passed != others:
        sys.exit(f"{sum((others - passed).values())} unprotected frames are missing, {sum((passed - others).values())} are new")
    print(json.dumps({"esp": sum(map(len, found.values())), "other": passed.total(), "beyond_2_to_32": wrapped}))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
