//! The header builder against etherparse: every field in its place, the IPv4 checksum right, lengths and latency as documented.

use espalier_hdl::header_builder::{HeaderBuilder, HeaderFields};
use espalier_hdl::records::Meta;
use espalier_sim::Model;
use etherparse::{IpNumber, Ipv4Header, Ipv6Header, UdpHeader};
use num_bigint::BigUint;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use rust_hdl::prelude::*;

/// Clocks from the fields taken to the prefix offered.
const LATENCY: u32 = 6;
/// The same without an IP header.
const SHORT_LATENCY: u32 = 3;

fn bits<const N: usize>(bytes: &[u8]) -> Bits<N> {
    let mut padded = bytes.to_vec();
    padded.resize(N / 8, 0);
    BigUint::from_bytes_be(&padded).into()
}

/// What the prefix must be, built by etherparse.
fn expected(fields: &Random) -> Vec<u8> {
    if fields.none {
        return Vec::new();
    }
    let mut bytes = fields.l2[..fields.l2.len() - 2].to_vec();
    bytes.extend_from_slice(&if fields.v6 { 0x86DDu16 } else { 0x0800 }.to_be_bytes());
    if !fields.l3 {
        return bytes;
    }
    if fields.v6 {
        let header = Ipv6Header {
            traffic_class: fields.tos,
            flow_label: fields.flow_label.try_into().expect("20 bits"),
            payload_length: fields.length,
            next_header: IpNumber(fields.protocol),
            hop_limit: fields.ttl,
            source: fields.src,
            destination: fields.dst,
        };
        bytes.extend_from_slice(&header.to_bytes());
    } else {
        let (source, destination) = (last_four(fields.src), last_four(fields.dst));
        let mut header = Ipv4Header::new(0, fields.ttl, IpNumber(fields.protocol), source, destination).expect("a length");
        header.dscp = (fields.tos >> 2).try_into().expect("6 bits");
        header.ecn = (fields.tos & 3).try_into().expect("2 bits");
        header.total_len = fields.length;
        header.identification = fields.identification;
        header.dont_fragment = fields.df;
        header.header_checksum = header.calc_header_checksum();
        bytes.extend_from_slice(&header.to_bytes());
    }
    if fields.udp {
        let header = UdpHeader {
            source_port: fields.sport,
            destination_port: fields.dport,
            length: fields.udp_length,
            checksum: fields.udp_checksum,
        };
        bytes.extend_from_slice(&header.to_bytes());
    }
    if fields.esp_header {
        bytes.extend_from_slice(&fields.esp);
    }
    bytes
}

fn last_four(address: [u8; 16]) -> [u8; 4] {
    [address[12], address[13], address[14], address[15]]
}

struct Random {
    none: bool,
    l2: Vec<u8>,
    v6: bool,
    l3: bool,
    tos: u8,
    flow_label: u32,
    length: u16,
    identification: u16,
    df: bool,
    ttl: u8,
    protocol: u8,
    src: [u8; 16],
    dst: [u8; 16],
    udp: bool,
    sport: u16,
    dport: u16,
    udp_length: u16,
    udp_checksum: u16,
    sa: u64,
    esp_header: bool,
    esp: [u8; 16],
}

impl Random {
    fn new(random: &mut impl Rng) -> Self {
        let v6: bool = random.random();
        let mut l2 = vec![0; [14, 18, 22][random.random_range(0..3)]];
        random.fill_bytes(&mut l2);
        let address = |random: &mut dyn Rng| {
            let mut bytes = [0; 16];
            random.fill_bytes(&mut bytes);
            if !v6 {
                bytes[..12].fill(0);
            }
            bytes
        };
        // UDP stands in front of ESP only; without an IP header there is neither.
        let l3: bool = random.random();
        let esp_header: bool = l3 && random.random();
        Self {
            none: random.random_ratio(1, 8),
            l2,
            v6,
            l3,
            tos: random.random(),
            flow_label: random.random_range(0..1 << 20),
            length: random.random(),
            identification: random.random(),
            df: random.random(),
            ttl: random.random(),
            protocol: random.random(),
            src: address(random),
            dst: address(random),
            udp: esp_header && random.random(),
            sport: random.random(),
            dport: random.random(),
            udp_length: random.random(),
            udp_checksum: random.random(),
            sa: random.random_range(0..1024),
            esp_header,
            esp: random.random(),
        }
    }

    fn record(&self) -> HeaderFields {
        HeaderFields {
            none: self.none,
            icv: true,
            alone: false,
            l2: bits(&self.l2),
            l2_length: (self.l2.len() as u64).into(),
            v6: self.v6,
            has_l3: self.l3,
            tos: u64::from(self.tos).into(),
            flow_label: u64::from(self.flow_label).into(),
            length: u64::from(self.length).into(),
            identification: u64::from(self.identification).into(),
            fragment: (u64::from(self.df) << 14).into(),
            ttl: u64::from(self.ttl).into(),
            protocol: u64::from(self.protocol).into(),
            src: bits(&self.src),
            dst: bits(&self.dst),
            has_udp: self.udp,
            sport: u64::from(self.sport).into(),
            dport: u64::from(self.dport).into(),
            udp_length: u64::from(self.udp_length).into(),
            udp_checksum: u64::from(self.udp_checksum).into(),
            has_esp: self.esp_header,
            esp: bits(&self.esp),
            meta: Meta { crypto: true, sa: self.sa.into(), ..Default::default() },
        }
    }
}

#[test]
fn headers_are_what_etherparse_builds() {
    let seed = 0x4301;
    println!("seed {seed:#x}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut model = Model::build::<HeaderBuilder>("header_builder").expect("the block builds");
    model.set("reset", true);
    model.clocks(2);
    model.set("reset", false);
    for round in 0..2000 {
        let fields = Random::new(&mut random);
        let expected = expected(&fields);
        model.set_record("fields", fields.record());
        model.set("fields_valid", true);
        model.settle();
        assert!(model.get_bool("fields_ready"), "round {round}: idle, so ready");
        model.rise();
        model.set("fields_valid", false);
        let mut clocks = 1;
        model.settle();
        while !model.get_bool("prefix_valid") {
            model.rise();
            model.settle();
            clocks += 1;
        }
        let latency = if fields.record().has_l3 { LATENCY } else { SHORT_LATENCY };
        assert_eq!(clocks, latency, "round {round}: latency");
        let prefix = model.get("prefix");
        let part = |offset: usize, width: usize| espalier_sim::field(&prefix, offset, width);
        let names = espalier_hdl::records::Prefix::default();
        let length = part(names.get_my_offset_length(), names.get_my_width_length());
        assert_eq!(length, BigUint::from(expected.len()), "round {round}: length");
        let bytes = part(names.get_my_offset_bytes(), names.get_my_width_bytes());
        let built = if expected.is_empty() { BigUint::ZERO } else { &bytes >> (688 - 8 * expected.len()) };
        assert_eq!(built, BigUint::from_bytes_be(&expected), "round {round}: bytes");
        let meta = part(names.get_my_offset_meta(), names.get_my_width_meta());
        assert_eq!(meta, espalier_sim::record(fields.record().meta), "round {round}: meta");
        model.set("prefix_ready", true);
        model.clock();
        model.set("prefix_ready", false);
    }
}
