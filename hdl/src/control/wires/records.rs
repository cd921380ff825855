//! The records in Rust: what the simulation of [`super::Wires`] does, field by field.

use espalier_regs::mailbox::{Layout, ACCEPT, CAM, LIMITS, LOCAL, POLICY, RX_SA, SELECTOR, TX_SA};
use rust_hdl::prelude::*;

use super::{Mailed, SaCommon, STAGING_BITS};
use crate::records::{Accept, CamEntry, CamKey, Limits, LocalAddress, Policy, RxSa, SaSelector, Selector, TxSa};

/// Takes a field of a layout out of the words.
struct Take(Layout, Bits<STAGING_BITS>);

impl Take {
    fn bits<const W: usize>(&self, name: &str) -> Bits<W> {
        match self.0.field(name) {
            Some(field) => self.1.get_bits::<W>(field.lsb.into()),
            None => panic!("{} has no {name}", self.0.name),
        }
    }

    fn bit(&self, name: &str) -> bool {
        self.bits::<1>(name).into()
    }

    /// What a selector compares with.
    fn value(&self) -> Selector {
        Selector {
            v6: self.bit("VALUE_V6"),
            src: self.bits("VALUE_SRC"),
            dst: self.bits("VALUE_DST"),
            protocol: self.bits("VALUE_PROTOCOL"),
            sport: self.bits("VALUE_SPORT"),
            dport: self.bits("VALUE_DPORT"),
            ..Default::default()
        }
    }

    /// The bits that it compares.
    fn mask(&self) -> Selector {
        Selector {
            src: self.bits("MASK_SRC"),
            dst: self.bits("MASK_DST"),
            protocol: self.bits("MASK_PROTOCOL"),
            sport: self.bits("MASK_SPORT"),
            dport: self.bits("MASK_DPORT"),
            ..Default::default()
        }
    }
}

impl Mailed for SaCommon {
    const LAYOUT: Layout = TX_SA;

    fn from_words(words: Bits<STAGING_BITS>) -> Self {
        let take = Take(Self::LAYOUT, words);
        Self {
            key: take.bits("KEY"),
            key_size: take.bits("KEY_SIZE"),
            esn: take.bit("ESN"),
            seq: take.bits("SEQ"),
            icv: take.bits("ICV"),
            keep: take.bit("KEEP"),
        }
    }
}

impl Mailed for TxSa {
    const LAYOUT: Layout = TX_SA;

    fn from_words(words: Bits<STAGING_BITS>) -> Self {
        let take = Take(Self::LAYOUT, words);
        Self {
            key: take.bits("KEY"),
            key_size: take.bits("KEY_SIZE"),
            salt: take.bits("SALT"),
            spi: take.bits("SPI"),
            esn: take.bit("ESN"),
            tunnel: take.bit("TUNNEL"),
            outer_v6: take.bit("OUTER_V6"),
            src: take.bits("SRC"),
            dst: take.bits("DST"),
            encap: take.bit("ENCAP"),
            encap_sport: take.bits("ENCAP_SPORT"),
            encap_dport: take.bits("ENCAP_DPORT"),
            ttl: take.bits("TTL"),
            dont_encap_dscp: take.bit("DONT_ENCAP_DSCP"),
            no_ecn: take.bit("NO_ECN"),
            no_pmtu_disc: take.bit("NO_PMTU_DISC"),
            icv: take.bits("ICV"),
            crypto: take.bit("CRYPTO"),
            max_payload: take.bits("MAX_PAYLOAD"),
            ..Default::default()
        }
    }
}

impl Mailed for RxSa {
    const LAYOUT: Layout = RX_SA;

    fn from_words(words: Bits<STAGING_BITS>) -> Self {
        let take = Take(Self::LAYOUT, words);
        Self {
            key: take.bits("KEY"),
            key_size: take.bits("KEY_SIZE"),
            salt: take.bits("SALT"),
            esn: take.bit("ESN"),
            tunnel: take.bit("TUNNEL"),
            replay_window: take.bits("REPLAY_WINDOW"),
            icv: take.bits("ICV"),
            crypto: take.bit("CRYPTO"),
            inner_v4: take.bit("INNER_V4"),
            inner_v6: take.bit("INNER_V6"),
            no_ecn: take.bit("NO_ECN"),
            decap_dscp: take.bit("DECAP_DSCP"),
            ..Default::default()
        }
    }
}

impl Mailed for CamEntry {
    const LAYOUT: Layout = CAM;

    fn from_words(words: Bits<STAGING_BITS>) -> Self {
        let take = Take(Self::LAYOUT, words);
        let key = CamKey { dst: take.bits("KEY_DST"), spi: take.bits("KEY_SPI"), v6: take.bit("KEY_V6"), encap: take.bit("KEY_ENCAP") };
        Self { key, sa: take.bits("SA"), ..Default::default() }
    }
}

impl Mailed for Policy {
    const LAYOUT: Layout = POLICY;

    fn from_words(words: Bits<STAGING_BITS>) -> Self {
        let take = Take(Self::LAYOUT, words);
        Self {
            value: Selector { forward: take.bit("VALUE_FORWARD"), ..take.value() },
            mask: take.mask(),
            order: take.bits("ORDER"),
            action: take.bits("ACTION"),
            sa_valid: take.bit("SA_VALID"),
            optional: take.bit("OPTIONAL"),
            sa: take.bits("SA"),
            ..Default::default()
        }
    }
}

impl Mailed for Limits {
    const LAYOUT: Layout = LIMITS;

    fn from_words(words: Bits<STAGING_BITS>) -> Self {
        let take = Take(Self::LAYOUT, words);
        Self {
            soft_packets: take.bits("SOFT_PACKETS"),
            hard_packets: take.bits("HARD_PACKETS"),
            soft_bytes: take.bits("SOFT_BYTES"),
            hard_bytes: take.bits("HARD_BYTES"),
        }
    }
}

impl Mailed for SaSelector {
    const LAYOUT: Layout = SELECTOR;

    fn from_words(words: Bits<STAGING_BITS>) -> Self {
        let take = Take(Self::LAYOUT, words);
        Self { value: take.value(), mask: take.mask(), any_family: take.bit("ANY_FAMILY") }
    }
}

impl Mailed for Accept {
    const LAYOUT: Layout = ACCEPT;

    fn from_words(words: Bits<STAGING_BITS>) -> Self {
        Self { policies: Take(Self::LAYOUT, words).bits("POLICIES") }
    }
}

impl Mailed for LocalAddress {
    const LAYOUT: Layout = LOCAL;

    fn from_words(words: Bits<STAGING_BITS>) -> Self {
        let take = Take(Self::LAYOUT, words);
        Self { v6: take.bit("V6"), address: take.bits("ADDRESS"), ..Default::default() }
    }
}
