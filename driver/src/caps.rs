//! What a device can do, as `espalier caps` tells it. Every word here follows from the capability words; so does every refusal.

use espalier_regs::map::cap_features as cap;
use espalier_regs::{Capabilities, Field, map};
use serde::Serialize;

use crate::sa::{NAT_T_PORT, RFC4106_GCM_AES};

/// The report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Caps {
    /// Version of the register map, as `0.2`.
    pub register_map: String,
    /// Modes of offload: `packet`, `crypto`.
    pub offload: Vec<&'static str>,
    /// Modes of SAs: `transport`, `tunnel`.
    pub modes: Vec<&'static str>,
    /// Families, inside and outside: `ipv4`, `ipv6`.
    pub families: Vec<&'static str>,
    /// Ciphers; all are AEADs.
    pub ciphers: Vec<Cipher>,
    /// Extended sequence numbers (RFC 4303 section 2.2.1).
    pub esn: bool,
    /// The largest replay window in packets; every size up to it is there, and 0 for none.
    pub max_replay_window: u16,
    /// Limits that the device enforces in packet mode, as `ip xfrm` names them.
    pub limits: Vec<&'static str>,
    /// UDP encapsulation; none if there is none.
    pub encap: Option<EncapCaps>,
    /// Flags that change what the device does.
    pub flags: FlagCaps,
    /// Whether the selectors of inbound SAs are compared with what came out of them.
    pub inbound_selectors: bool,
    /// What policies there may be; none in a build without packet offload.
    pub policies: Option<PolicyCaps>,
    /// How much fits.
    pub tables: Tables,
    /// Longest frame in bytes, from the destination MAC address, FCS left out.
    pub max_frame_bytes: u16,
}

/// A cipher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cipher {
    /// Name in the kernel's crypto API.
    pub name: &'static str,
    /// Lengths of the AES key in bits; the salt of 32 bits (RFC 4106 section 8.1) comes on top.
    pub key_bits: Vec<u16>,
    /// Lengths of the ICV in bits.
    pub icv_bits: Vec<u16>,
}

/// UDP encapsulation (RFC 3948).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EncapCaps {
    /// Kinds: `espinudp`.
    pub kinds: Vec<&'static str>,
    /// Modes of SAs in which it may be used.
    pub modes: Vec<&'static str>,
    /// Outbound over IPv6, which needs a checksum.
    pub ipv6_out: bool,
    /// One of the ports of a received packet must be this.
    pub port: u16,
}

/// Flags, as `ip xfrm` names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FlagCaps {
    /// Of outbound SAs.
    pub out: Vec<&'static str>,
    /// Of inbound SAs.
    pub r#in: Vec<&'static str>,
}

/// Policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyCaps {
    /// `out`, `in`, `fwd`.
    pub directions: Vec<&'static str>,
    /// `allow`, `block`.
    pub actions: Vec<&'static str>,
    /// Templates that one may have.
    pub max_templates: u8,
    /// `required`, `use`.
    pub levels: Vec<&'static str>,
}

/// Sizes of tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tables {
    /// Outbound SAs.
    pub sas_out: u16,
    /// Inbound SAs.
    pub sas_in: u16,
    /// Outbound policies; one whose template fits SAs with narrower selectors takes a place for each of these.
    pub policies_out: u16,
    /// Inbound and forward policies, together.
    pub policies_in: u16,
    /// Local addresses, by which `in` and `fwd` are told apart.
    pub local_addresses: u8,
    /// Places of the table by which received packets find their SA.
    pub lookup_places: u32,
    /// Events that are queued.
    pub events: u8,
}

impl From<&Capabilities> for Caps {
    fn from(capabilities: &Capabilities) -> Self {
        let packet = capabilities.has(cap::PACKET_OFFLOAD);
        let modes = named(capabilities, &[(cap::TRANSPORT, "transport"), (cap::TUNNEL, "tunnel")]);
        let encap_modes = named(capabilities, &[(cap::NAT_T_TRANSPORT, "transport"), (cap::NAT_T_TUNNEL, "tunnel")]);
        let encap = EncapCaps {
            kinds: vec!["espinudp"],
            modes: encap_modes.into_iter().filter(|mode| modes.contains(mode)).collect(),
            ipv6_out: capabilities.has(cap::NAT_T_IPV6_OUT),
            port: NAT_T_PORT,
        };
        Self {
            register_map: format!("{}.{}", map::MAJOR, map::MINOR),
            offload: named(capabilities, &[(cap::PACKET_OFFLOAD, "packet"), (cap::CRYPTO_OFFLOAD, "crypto")]),
            families: named(capabilities, &[(cap::IPV4, "ipv4"), (cap::IPV6, "ipv6")]),
            ciphers: vec![Cipher {
                name: RFC4106_GCM_AES,
                key_bits: named(capabilities, &[(cap::AES_128, 128), (cap::AES_192, 192), (cap::AES_256, 256)]),
                icv_bits: named(capabilities, &[(cap::ICV_8, 64), (cap::ICV_12, 96), (cap::ICV_16, 128)]),
            }],
            esn: capabilities.has(cap::ESN),
            max_replay_window: capabilities.max_replay_window,
            limits: ["byte-soft", "byte-hard", "packet-soft", "packet-hard"]
                .into_iter()
                .filter(|_| packet && capabilities.has(cap::LIFETIMES))
                .collect(),
            encap: Some(encap).filter(|encap| !encap.modes.is_empty()),
            flags: flags(capabilities),
            inbound_selectors: packet && capabilities.has(cap::RX_SELECTORS),
            policies: packet.then(|| policies(capabilities)),
            tables: tables(capabilities),
            max_frame_bytes: capabilities.max_frame_bytes,
            modes,
        }
    }
}

/// Those whose feature the device has.
fn named<T: Copy>(capabilities: &Capabilities, all: &[(Field, T)]) -> Vec<T> {
    all.iter().filter(|(feature, _)| capabilities.has(*feature)).map(|(_, name)| *name).collect()
}

/// The flags of a tunnel's headers are packet offload's: in crypto mode the stack makes and reads them.
fn flags(capabilities: &Capabilities) -> FlagCaps {
    let esn = named(capabilities, &[(cap::ESN, "esn")]);
    let tunnel = capabilities.has(cap::PACKET_OFFLOAD) && capabilities.has(cap::TUNNEL);
    let (mut out, mut r#in) = (esn.clone(), esn);
    if tunnel {
        out.extend(["af-unspec", "noecn", "nopmtudisc", "dont-encap-dscp"]);
        r#in.push("af-unspec");
        r#in.extend(["noecn", "decap-dscp"].into_iter().filter(|_| capabilities.has(cap::DECAP_DSCP_ECN)));
    }
    FlagCaps { out, r#in }
}

fn policies(capabilities: &Capabilities) -> PolicyCaps {
    let inbound = capabilities.rx_policies > 0;
    let directions = [("out", capabilities.policies > 0), ("in", inbound), ("fwd", inbound && capabilities.local_addresses > 0)];
    PolicyCaps {
        directions: directions.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect(),
        actions: vec!["allow", "block"],
        max_templates: 1,
        levels: vec!["required", "use"],
    }
}

fn tables(capabilities: &Capabilities) -> Tables {
    Tables {
        sas_out: capabilities.tx_sas,
        sas_in: capabilities.rx_sas,
        policies_out: capabilities.policies,
        policies_in: capabilities.rx_policies,
        local_addresses: capabilities.local_addresses,
        lookup_places: u32::from(capabilities.cam_ways) * capabilities.cam_rows(),
        events: capabilities.events,
    }
}
