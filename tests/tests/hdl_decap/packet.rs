//! A packet, and what is to become of it: the rules spelt out once more, in the order of reference-model/src/esp.rs.

use espalier_hdl::events::{Event, bit};
use espalier_hdl::header_builder::HeaderFields;
use espalier_hdl::hold::{Held, Release};
use espalier_hdl::inner_header::Marks;
use espalier_hdl::records::Meta;
use espalier_hdl::rx_check::Expected;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// What the SA of a number is like now.
pub const CURRENT: u64 = 7;

/// Number of those that have reached their hard limit.
pub fn expired(sa: u64) -> bool {
    sa % 4 == 3
}

#[derive(Clone, Debug)]
pub struct Packet {
    pub held: Held,
    pub expected: Expected,
    /// Of the window.
    pub verdict: u64,
}

/// What is to become of it.
pub struct Fate {
    /// None of what goes on: that is counted behind.
    pub event: Option<u64>,
    pub outcome: Release,
    pub fields: Option<HeaderFields>,
    /// Kind of failure.
    pub failure: Option<u64>,
    /// Asks the window; and that may mark the number.
    pub asks: bool,
    pub allow: bool,
    /// Counted, with so many bytes.
    pub count: Option<u64>,
    pub touch: bool,
}

fn number(bits: impl Into<u64>) -> u64 {
    bits.into()
}

impl Packet {
    pub fn random(rng: &mut SmallRng) -> Self {
        let rare = |rng: &mut SmallRng| rng.random_ratio(1, 8);
        let crypto = rng.random_ratio(1, 3);
        let tunnel: bool = rng.random();
        let v6_inside: bool = rng.random();
        let length: u64 = 4 * rng.random_range(1..400);
        let trailer = rng.random_range(2..=length.min(257));
        let protocols = if tunnel && !rare(rng) { [if v6_inside { 41 } else { 4 }; 4] } else { [59, 6, 4, 41] };
        let nibble: u64 = if rare(rng) {
            rng.random_range(0..16)
        } else if v6_inside {
            6
        } else {
            4
        };
        let next_header: u64 = protocols[rng.random_range(0..4)];
        let protected = !rare(rng);
        let held = Held {
            protected,
            icv_ok: protected && !rare(rng),
            error: rare(rng),
            length: length.into(),
            nibble: nibble.into(),
            trailer_ok: !rare(rng),
            payload: (length - trailer).into(),
            next_header: next_header.into(),
        };
        let small = |rng: &mut SmallRng, bits: u32| rng.random_range(0..1u64 << bits);
        let expected = Expected {
            protected,
            unsupported: !protected && rng.random::<bool>(),
            sa_index: small(rng, 10).into(),
            generation: if rare(rng) { 6u64 } else { CURRENT }.into(),
            esn: rng.random(),
            replay_window: small(rng, 13).into(),
            seq: rng.random::<u64>().into(),
            tunnel,
            crypto: protected && crypto,
            inner_v4: !rare(rng),
            inner_v6: !rare(rng),
            no_ecn: rng.random(),
            decap_dscp: rng.random(),
            l2_length: [14u64, 18, 22][rng.random_range(0..3)].into(),
            v6: rng.random(),
            tos: small(rng, 8).into(),
            ip_length: rng.random_range(60..65000u64).into(),
            checksum: small(rng, 16).into(),
            encap: rng.random(),
        };
        let verdict = if rng.random_ratio(1, 3) { rng.random_range(0..4) } else { 0 };
        Self { held, expected, verdict }
    }

    /// One that passes, in transport mode.
    pub fn good(rng: &mut SmallRng) -> Self {
        let mut packet = Self::random(&mut SmallRng::seed_from_u64(rng.random()));
        packet.held = Held { protected: true, icv_ok: true, error: false, trailer_ok: true, next_header: 6u64.into(), ..packet.held };
        let sa_index = 4u64.into();
        packet.expected =
            Expected { protected: true, tunnel: false, crypto: false, sa_index, generation: CURRENT.into(), ..packet.expected };
        packet.verdict = 0;
        packet
    }

    /// One whose frame is damaged.
    pub fn damaged(rng: &mut SmallRng) -> Self {
        let mut packet = Self::random(rng);
        packet.held.error = true;
        packet
    }

    /// The headers of ESP are there, to be thrown away.
    fn dropped(&self, event: Event) -> Fate {
        let (outcome, event) = (Release::default(), Some(bit(event)));
        let fields = self.expected.protected.then(|| HeaderFields { has_lead: true, drop: true, ..Default::default() });
        Fate { event, outcome, fields, failure: None, asks: false, allow: false, count: None, touch: false }
    }

    pub fn fate(&self) -> Fate {
        let (held, e) = (&self.held, &self.expected);
        let (gone, expired) = (number(e.generation) != CURRENT, expired(number(e.sa_index)));
        if held.error {
            return self.dropped(Event::RxDropError);
        } else if !e.protected {
            return self.passes(number(held.length), 0);
        } else if !held.icv_ok && !e.crypto {
            return Fate { failure: (!gone).then_some(2), ..self.dropped(Event::RxDropIcv) };
        } else if !e.crypto && !held.trailer_ok {
            return self.dropped(Event::RxDropTrailer);
        } else if gone {
            return self.dropped(Event::RxDropNoSa);
        } else if !held.icv_ok {
            return self.passes(0, if e.tunnel { 32 } else { 8 });
        }
        let (next_header, payload, nibble) = (number(held.next_header), number(held.payload), number(held.nibble));
        let is_fit = match (next_header, nibble) {
            (4, 4) => e.inner_v4 && payload > 0,
            (41, 6) => e.inner_v6 && payload > 0,
            _ => false,
        };
        let fate = if e.crypto {
            Fate { count: Some(number(held.length)), ..self.passes(number(held.length), 1) }
        } else if expired {
            Fate { touch: true, ..self.dropped(Event::RxDropExpired) }
        } else if self.verdict > 0 {
            let event = [Event::RxDropReplay, Event::RxDropReplayWindow, Event::RxDropSeqZero][self.verdict as usize - 1];
            Fate { failure: (self.verdict < 3).then_some(self.verdict - 1), ..self.dropped(event) }
        } else if next_header == 59 {
            self.dropped(Event::RxDummy)
        } else if e.tunnel && !is_fit {
            self.dropped(Event::RxDropMode)
        } else {
            Fate { count: Some(payload), ..self.passes(payload, 1) }
        };
        Fate { asks: true, allow: e.crypto || !expired, ..fate }
    }

    fn passes(&self, given: u64, status: u64) -> Fate {
        let (held, e) = (&self.held, &self.expected);
        let (is_crypto, is_packet) = (e.protected && e.crypto, e.protected && !e.crypto);
        let v6_inside = number(held.next_header) == 41;
        let tos = number(e.tos);
        let marks = Marks {
            v6: v6_inside,
            set_ce: is_packet && e.tunnel && !e.no_ecn && tos & 3 == 3,
            set_dscp: is_packet && e.tunnel && e.decap_dscp,
            dscp: (tos >> 2).into(),
        };
        // Without a tunnel the IP header is mended; crypto offload leaves all as it is.
        let mend = is_packet && !e.tunnel;
        let l3 = if e.v6 { 40 } else { 20 };
        let kept = number(e.l2_length)
            + match (is_crypto, mend) {
                (true, _) => l3 + 16 + if e.encap { 8 } else { 0 },
                (_, true) => l3,
                _ => 0,
            };
        let old_protocol = if e.encap { 17 } else { 50 };
        let fields = HeaderFields {
            has_lead: e.protected,
            none: !e.protected,
            alone: e.protected && given == 0,
            kept: kept.into(),
            l2_length: e.l2_length,
            v6: if is_packet && e.tunnel { v6_inside } else { e.v6 },
            mend,
            length: if e.v6 { given } else { given + 20 }.into(),
            protocol: held.next_header,
            sum: ((0xFFFF - number(e.checksum)) + (0xFFFF - number(e.ip_length)) + (0xFFFF - old_protocol) + number(held.next_header))
                .into(),
            meta: Meta {
                crypto: is_crypto,
                must_protect: false,
                is_protected: is_packet,
                unsupported: e.unsupported,
                status: status.into(),
                sa: e.sa_index,
                generation: e.generation,
            },
            ..Default::default()
        };
        let outcome = Release { keep: true, length: given.into(), marks };
        Fate { event: None, outcome, fields: Some(fields), failure: None, asks: false, allow: false, count: None, touch: false }
    }
}
