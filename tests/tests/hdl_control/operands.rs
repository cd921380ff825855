//! Operands of the commands: random records, and the MAIL words that stand for them by name.

use espalier_hdl::control::result::{RESULT_BITS, ResultWords, SaState};
use espalier_hdl::control::staging::{STAGING_BITS, Staging};
use espalier_hdl::control::wires::{Leaf, Mailed, SaCommon, leaves};
use espalier_hdl::records::{Accept, CamEntry, CamKey, Limits, LocalAddress, Policy, RxSa, SaSelector, Selector, TxSa};
use espalier_regs::Capabilities;
use espalier_regs::mailbox::{EMPTY, LAYOUTS, MAIL_WORDS, SA_STATE, accept, cam, limits, local, policy, rx_sa, selector, tx_sa};
use num_bigint::BigUint;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use rust_hdl::prelude::*;

use crate::bench::{bits, state};

/// Everything that a command may bring.
#[derive(Clone, Copy, Debug, Default)]
pub struct Operands {
    pub key: Bits<256>,
    pub key_size: u64,
    pub salt: u32,
    pub seq: u64,
    pub window: u64,
    pub spi: u32,
    pub flags: u16,
    pub icv: u64,
    pub max_payload: u16,
    pub limits: [u64; 4],
    pub policies: u64,
    pub src: u128,
    pub dst: u128,
    pub mask: [u128; 2],
    pub ports: [u16; 4],
    pub bytes: [u8; 3],
    pub order: u64,
    pub action: u64,
    pub sa: u64,
}

/// Operands that the build accepts.
pub fn random(rng: &mut StdRng, build: &Capabilities) -> Operands {
    let flags: u16 = rng.random();
    let seq: u64 = rng.random();
    let mut key = [0; 32];
    rng.fill_bytes(&mut key);
    Operands {
        key: BigUint::from_bytes_be(&key).into(),
        key_size: rng.random_range(0..3),
        salt: rng.random(),
        // Without ESN there are 32 bits of it.
        seq: if flags & 1 != 0 { seq } else { seq >> 32 },
        window: rng.random_range(0..=build.max_replay_window.into()),
        spi: rng.random(),
        flags,
        icv: rng.random_range(0..3),
        max_payload: rng.random(),
        limits: rng.random(),
        policies: rng.random(),
        src: rng.random(),
        dst: rng.random(),
        mask: rng.random(),
        ports: rng.random(),
        bytes: rng.random(),
        order: rng.random::<u64>() >> 16,
        action: rng.random_range(0..3),
        sa: rng.random_range(0..build.tx_sas.into()),
    }
}

fn wide(value: u128) -> Bits<128> {
    BigUint::from(value).into()
}

impl Operands {
    fn flag(&self, bit: u32) -> bool {
        (self.flags >> bit) & 1 != 0
    }

    pub fn keep(&self) -> bool {
        self.flag(8)
    }

    pub fn tx_sa(&self) -> TxSa {
        TxSa {
            key: self.key,
            key_size: self.key_size.into(),
            salt: self.salt.to_bits(),
            spi: self.spi.to_bits(),
            esn: self.flag(0),
            tunnel: self.flag(1),
            outer_v6: self.flag(2),
            src: wide(self.src),
            dst: wide(self.dst),
            encap: self.flag(3),
            encap_sport: self.ports[0].to_bits(),
            encap_dport: self.ports[1].to_bits(),
            ttl: self.bytes[0].to_bits(),
            dont_encap_dscp: self.flag(4),
            no_ecn: self.flag(5),
            no_pmtu_disc: self.flag(6),
            icv: self.icv.into(),
            crypto: self.flag(7),
            max_payload: self.max_payload.to_bits(),
            ..Default::default()
        }
    }

    pub fn tx_sa_words(&self) -> [u32; MAIL_WORDS] {
        let mut words = EMPTY;
        tx_sa::KEY.put_bytes(&mut words, &key_bytes(self.key));
        tx_sa::KEY_SIZE.put(&mut words, self.key_size.into());
        tx_sa::SALT.put(&mut words, self.salt.into());
        tx_sa::SEQ.put(&mut words, self.seq.into());
        tx_sa::SPI.put(&mut words, self.spi.into());
        tx_sa::ESN.put(&mut words, self.flag(0).into());
        tx_sa::TUNNEL.put(&mut words, self.flag(1).into());
        tx_sa::OUTER_V6.put(&mut words, self.flag(2).into());
        tx_sa::SRC.put(&mut words, self.src);
        tx_sa::DST.put(&mut words, self.dst);
        tx_sa::ENCAP.put(&mut words, self.flag(3).into());
        tx_sa::ENCAP_SPORT.put(&mut words, self.ports[0].into());
        tx_sa::ENCAP_DPORT.put(&mut words, self.ports[1].into());
        tx_sa::TTL.put(&mut words, self.bytes[0].into());
        tx_sa::DONT_ENCAP_DSCP.put(&mut words, self.flag(4).into());
        tx_sa::NO_ECN.put(&mut words, self.flag(5).into());
        tx_sa::NO_PMTU_DISC.put(&mut words, self.flag(6).into());
        tx_sa::ICV.put(&mut words, self.icv.into());
        tx_sa::CRYPTO.put(&mut words, self.flag(7).into());
        tx_sa::KEEP.put(&mut words, self.keep().into());
        tx_sa::MAX_PAYLOAD.put(&mut words, self.max_payload.into());
        words
    }

    pub fn rx_sa(&self) -> RxSa {
        RxSa {
            key: self.key,
            key_size: self.key_size.into(),
            salt: self.salt.to_bits(),
            esn: self.flag(0),
            tunnel: self.flag(1),
            replay_window: self.window.into(),
            icv: self.icv.into(),
            crypto: self.flag(2),
            inner_v4: self.flag(3),
            inner_v6: self.flag(4),
            no_ecn: self.flag(5),
            decap_dscp: self.flag(6),
            ..Default::default()
        }
    }

    pub fn rx_sa_words(&self) -> [u32; MAIL_WORDS] {
        let mut words = EMPTY;
        rx_sa::KEY.put_bytes(&mut words, &key_bytes(self.key));
        rx_sa::KEY_SIZE.put(&mut words, self.key_size.into());
        rx_sa::SALT.put(&mut words, self.salt.into());
        rx_sa::SEQ.put(&mut words, self.seq.into());
        rx_sa::ESN.put(&mut words, self.flag(0).into());
        rx_sa::TUNNEL.put(&mut words, self.flag(1).into());
        rx_sa::REPLAY_WINDOW.put(&mut words, self.window.into());
        rx_sa::ICV.put(&mut words, self.icv.into());
        rx_sa::CRYPTO.put(&mut words, self.flag(2).into());
        rx_sa::INNER_V4.put(&mut words, self.flag(3).into());
        rx_sa::INNER_V6.put(&mut words, self.flag(4).into());
        rx_sa::NO_ECN.put(&mut words, self.flag(5).into());
        rx_sa::DECAP_DSCP.put(&mut words, self.flag(6).into());
        words
    }

    pub fn cam_entry(&self) -> CamEntry {
        let key = CamKey { dst: wide(self.dst), spi: self.spi.to_bits(), v6: self.flag(0), encap: self.flag(1) };
        CamEntry { key, sa: self.sa.into(), ..Default::default() }
    }

    pub fn cam_words(&self) -> [u32; MAIL_WORDS] {
        let mut words = EMPTY;
        cam::KEY_DST.put(&mut words, self.dst);
        cam::KEY_SPI.put(&mut words, self.spi.into());
        cam::KEY_V6.put(&mut words, self.flag(0).into());
        cam::KEY_ENCAP.put(&mut words, self.flag(1).into());
        cam::SA.put(&mut words, self.sa.into());
        words
    }

    pub fn limits(&self) -> Limits {
        let [soft_packets, hard_packets, soft_bytes, hard_bytes] = self.limits.map(Into::into);
        Limits { soft_packets, hard_packets, soft_bytes, hard_bytes }
    }

    pub fn limits_words(&self) -> [u32; MAIL_WORDS] {
        let mut words = EMPTY;
        let fields = [limits::SOFT_PACKETS, limits::HARD_PACKETS, limits::SOFT_BYTES, limits::HARD_BYTES];
        fields.iter().zip(self.limits).for_each(|(field, limit)| field.put(&mut words, limit.into()));
        words
    }

    pub fn accept(&self) -> Accept {
        Accept { policies: self.policies.into() }
    }

    pub fn accept_words(&self) -> [u32; MAIL_WORDS] {
        let mut words = EMPTY;
        accept::POLICIES.put(&mut words, self.policies.into());
        words
    }

    pub fn local(&self) -> LocalAddress {
        LocalAddress { v6: self.flag(0), address: wide(self.src), ..Default::default() }
    }

    pub fn local_words(&self) -> [u32; MAIL_WORDS] {
        let mut words = EMPTY;
        local::V6.put(&mut words, self.flag(0).into());
        local::ADDRESS.put(&mut words, self.src);
        words
    }

    fn value(&self) -> Selector {
        Selector {
            v6: self.flag(0),
            forward: false,
            src: wide(self.src),
            dst: wide(self.dst),
            protocol: self.bytes[0].to_bits(),
            sport: self.ports[0].to_bits(),
            dport: self.ports[1].to_bits(),
        }
    }

    fn mask(&self) -> Selector {
        Selector {
            v6: false,
            forward: false,
            src: wide(self.mask[0]),
            dst: wide(self.mask[1]),
            protocol: self.bytes[1].to_bits(),
            sport: self.ports[2].to_bits(),
            dport: self.ports[3].to_bits(),
        }
    }

    pub fn selector(&self) -> SaSelector {
        SaSelector { value: self.value(), mask: self.mask(), any_family: self.flag(2) }
    }

    pub fn selector_words(&self) -> [u32; MAIL_WORDS] {
        let mut words = EMPTY;
        selector::VALUE_V6.put(&mut words, self.flag(0).into());
        selector::ANY_FAMILY.put(&mut words, self.flag(2).into());
        selector::VALUE_SRC.put(&mut words, self.src);
        selector::VALUE_DST.put(&mut words, self.dst);
        selector::VALUE_PROTOCOL.put(&mut words, self.bytes[0].into());
        selector::VALUE_SPORT.put(&mut words, self.ports[0].into());
        selector::VALUE_DPORT.put(&mut words, self.ports[1].into());
        selector::MASK_SRC.put(&mut words, self.mask[0]);
        selector::MASK_DST.put(&mut words, self.mask[1]);
        selector::MASK_PROTOCOL.put(&mut words, self.bytes[1].into());
        selector::MASK_SPORT.put(&mut words, self.ports[2].into());
        selector::MASK_DPORT.put(&mut words, self.ports[3].into());
        words
    }

    pub fn policy(&self) -> Policy {
        Policy {
            value: Selector { forward: self.flag(3), ..self.value() },
            mask: self.mask(),
            order: self.order.into(),
            action: self.action.into(),
            sa_valid: self.flag(1),
            optional: self.flag(4),
            sa: self.sa.into(),
            ..Default::default()
        }
    }

    pub fn policy_words(&self) -> [u32; MAIL_WORDS] {
        let mut words = EMPTY;
        policy::VALUE_V6.put(&mut words, self.flag(0).into());
        policy::VALUE_FORWARD.put(&mut words, self.flag(3).into());
        policy::OPTIONAL.put(&mut words, self.flag(4).into());
        policy::VALUE_SRC.put(&mut words, self.src);
        policy::VALUE_DST.put(&mut words, self.dst);
        policy::VALUE_PROTOCOL.put(&mut words, self.bytes[0].into());
        policy::VALUE_SPORT.put(&mut words, self.ports[0].into());
        policy::VALUE_DPORT.put(&mut words, self.ports[1].into());
        policy::MASK_SRC.put(&mut words, self.mask[0]);
        policy::MASK_DST.put(&mut words, self.mask[1]);
        policy::MASK_PROTOCOL.put(&mut words, self.bytes[1].into());
        policy::MASK_SPORT.put(&mut words, self.ports[2].into());
        policy::MASK_DPORT.put(&mut words, self.ports[3].into());
        policy::ORDER.put(&mut words, self.order.into());
        policy::ACTION.put(&mut words, self.action.into());
        policy::SA_VALID.put(&mut words, self.flag(1).into());
        policy::SA.put(&mut words, self.sa.into());
        words
    }
}

fn key_bytes(key: Bits<256>) -> Vec<u8> {
    let bytes = BigUint::from(key).to_bytes_be();
    [vec![0; 32 - bytes.len()], bytes].concat()
}

fn random_words(rng: &mut StdRng) -> ([u32; MAIL_WORDS], Bits<STAGING_BITS>) {
    let words: [u32; MAIL_WORDS] = std::array::from_fn(|_| rng.random());
    (words, BigUint::from_slice(&words).into())
}

/// A record as Rust takes it from the words, against the layout, field by field.
fn check_record<T: Mailed>() -> Vec<Leaf> {
    let mut rng = StdRng::seed_from_u64(20);
    for _ in 0..20 {
        let (_, words) = random_words(&mut rng);
        let number = BigUint::from(words);
        let record = bits(T::from_words(words));
        for leaf in leaves::<T>() {
            let is = espalier_sim::field(&record, leaf.offset, leaf.width);
            let ought = T::LAYOUT.field(&leaf.name).map_or(BigUint::ZERO, |field| {
                assert_eq!(usize::from(field.width), leaf.width, "{}", leaf.name);
                espalier_sim::field(&number, field.lsb.into(), leaf.width)
            });
            assert_eq!(is, ought, "{}.{}", T::LAYOUT.name, leaf.name);
        }
    }
    leaves::<T>()
}

#[test]
fn records_in_rust_are_the_layouts_and_leave_no_field_out() {
    let used = [
        ("TX_SA", [check_record::<TxSa>(), check_record::<SaCommon>()].concat()),
        ("RX_SA", [check_record::<RxSa>(), check_record::<SaCommon>()].concat()),
        ("LIMITS", check_record::<Limits>()),
        ("SELECTOR", check_record::<SaSelector>()),
        ("ACCEPT", check_record::<Accept>()),
        ("LOCAL", check_record::<LocalAddress>()),
        ("CAM", check_record::<CamEntry>()),
        ("POLICY", check_record::<Policy>()),
    ];
    for layout in LAYOUTS {
        let (_, leaves) = used.iter().find(|(name, _)| *name == layout.name).unwrap();
        for field in layout.fields {
            assert!(leaves.iter().any(|leaf| leaf.name == field.name), "nothing takes {}.{}", layout.name, field.name);
        }
    }
}

/// The offsets that the AST is built from are those of rust-hdl.
#[test]
fn leaves_lie_where_the_records_have_them() {
    let sa = TxSa::default();
    let at = |name: &str| leaves::<TxSa>().into_iter().find(|leaf| leaf.name == name).map(|leaf| (leaf.offset, leaf.width)).unwrap();
    assert_eq!(at("KEY"), (sa.get_my_offset_key(), sa.get_my_width_key()));
    assert_eq!(at("H3"), (sa.get_my_offset_h3(), sa.get_my_width_h3()));
    assert_eq!(at("NO_PMTU_DISC"), (sa.get_my_offset_no_pmtu_disc(), 1));
    let policy = Policy::default();
    let leaf = leaves::<Policy>().into_iter().find(|leaf| leaf.name == "MASK_DPORT").unwrap();
    assert_eq!(leaf.offset, policy.get_my_offset_mask() + policy.mask.get_my_offset_dport());
}

/// Staging's Rust against an array of words; its Verilog is what the rest of these tests run on.
#[test]
fn staging_in_rust_is_an_array_of_words() {
    let run = || {
        let mut rng = StdRng::seed_from_u64(21);
        let mut staging = Box::<Staging>::default();
        let mut model = EMPTY;
        for _ in 0..300 {
            let (write, zeroise) = (rng.random_bool(0.8), rng.random_bool(0.05));
            let (number, data) = (rng.random_range(0..MAIL_WORDS), rng.random::<u32>());
            staging.write.next = write;
            staging.zeroise.next = zeroise;
            staging.number.next = number.to_bits();
            staging.data.next = data.to_bits();
            for level in [false, true] {
                staging.clock.next = Clock { clk: level };
                assert!(simulate(&mut *staging, 20));
            }
            if write {
                model[number] = data;
            }
            if zeroise {
                model = EMPTY;
            }
            assert_eq!(BigUint::from(staging.words.val()), BigUint::from_slice(&model));
        }
    };
    std::thread::Builder::new().stack_size(1 << 26).spawn(run).unwrap().join().unwrap();
}

/// The words of RESULT in Rust against the layout; their Verilog is what the rest of these tests run on.
#[test]
fn the_state_of_an_sa_in_rust_is_the_layout_of_the_answer() {
    let run = || {
        let mut block = Box::<ResultWords>::default();
        for index in 0..64 {
            let state = state(index % 2 == 0, index);
            block.state.next = state;
            assert!(simulate(&mut *block, 20));
            let words: Bits<RESULT_BITS> = block.words.val();
            let (words, record) = (BigUint::from(words), bits(state));
            for leaf in leaves::<SaState>() {
                let field = SA_STATE.field(&leaf.name).unwrap();
                let is = espalier_sim::field(&words, field.lsb.into(), leaf.width);
                assert_eq!(is, espalier_sim::field(&record, leaf.offset, leaf.width), "{}", leaf.name);
            }
        }
    };
    std::thread::Builder::new().stack_size(1 << 26).spawn(run).unwrap().join().unwrap();
}
