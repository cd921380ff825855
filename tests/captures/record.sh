#!/usr/bin/env bash
# Records ipv4.pcap and ipv6.pcap: real traffic between two network namespaces, as it is on the wire.
#
# Needs root and: ip (iproute2), ethtool, tcpdump, ping (iputils-ping), dnsmasq (dnsmasq-base), python3.
# usage: tests/captures/record.sh [DIRECTORY]     (this directory unless said)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
into=$(cd "${1:-$here}" && pwd)

left=espalier-left
right=espalier-right
work=$(mktemp -d)
started=()
clean_up() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  ip netns del $left 2>/dev/null || true
  ip netns del $right 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

ip netns add $left
ip netns add $right
ip link add nic0 netns $left address 02:00:00:00:00:01 type veth peer name nic0 netns $right address 02:00:00:00:00:02
for side in $left $right; do
  # No segmentation, merging or checksums left for later: each frame is what a wire would carry.
  ip netns exec $side ethtool -K nic0 tso off gso off gro off lro off tx off rx off sg off >/dev/null 2>&1 || true
  ip netns exec $side ethtool -k nic0 | grep -E '^(tcp-segmentation|generic-segmentation|generic-receive)-offload: on|^tx-checksumming: on' && exit 1
  ip -n $side link set lo up
  ip -n $side link set nic0 mtu 1500 up
done
# A prefix each, on one link, so that the tunnels' selectors have something to select.
ip -n $left address add 10.1.0.1/8 dev nic0
ip -n $right address add 10.2.0.1/8 dev nic0
ip -n $left address add fd00:1::1/16 dev nic0 nodad
ip -n $right address add fd00:2::1/16 dev nic0 nodad
sleep 2

ip netns exec $right dnsmasq --no-daemon --no-resolv --no-hosts --pid-file= --user=root --log-facility="$work/dns.log" \
  --address=/espalier.test/10.2.0.1 --address=/espalier.test/fd00:2::1 --txt-record=long.espalier.test,"$(printf 'x%.0s' {1..250})" &
started+=($!)
ip netns exec $right python3 "$here/traffic.py" serve &
started+=($!)
sleep 1

# FILE, address of the right side, size of the smallest ping, of the largest
record() {
  local file=$1 peer=$2 smallest=$3 largest=$4
  ip -n $left neigh flush all
  ip -n $right neigh flush all
  ip netns exec $left tcpdump -i nic0 -s 0 -U --immediate-mode -w "$work/$file" "$5" 2>"$work/tcpdump.log" &
  local dump=$!
  started+=($dump)
  sleep 1
  for size in $smallest $((smallest + 1)) 31 32 33 48 63 64 100 255 256 512 1000 1023 1024 1280 $((largest - 1)) "$largest"; do
    ip netns exec $left ping -c 1 -W 2 -s "$size" "$peer" >/dev/null
  done
  for size in $smallest 700 "$largest"; do
    ip netns exec $right ping -c 1 -W 2 -s "$size" "$6" >/dev/null
  done
  ip netns exec $left python3 "$here/traffic.py" run "$peer"
  sleep 1
  kill -INT $dump
  wait $dump || true
  cp "$work/$file" "$into/$file"
  echo "$into/$file: $(tcpdump -r "$into/$file" 2>/dev/null | wc -l) frames, $(stat -c %s "$into/$file") bytes"
}

# 18 bytes of ping make a frame of 60; 1472 (1452) make a packet of 1500.
record ipv4.pcap 10.2.0.1 18 1472 'ip or arp' 10.1.0.1
record ipv6.pcap fd00:2::1 18 1452 'ip6' fd00:1::1
