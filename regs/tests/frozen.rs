//! The map as the world knows it: literals, so that a change of the layout is deliberate.

use espalier_regs::event::Event;
use espalier_regs::mailbox::{ANSWERS, Command, Error, LAYOUTS, Op};
use espalier_regs::map::REGISTERS;
use espalier_regs::notice::{Kind, Notice};
use espalier_regs::tuser::{WORDS, crypto_status};
use espalier_regs::uart;

#[test]
fn register_offsets_are_frozen() {
    let map: Vec<_> = REGISTERS.iter().map(|r| (r.name, r.offset, r.count, r.stride, r.access.name(), r.reset)).collect();
    assert_eq!(
        map,
        [
            ("MAGIC", 0x0000, 1, 4, "ro", 0x4553_5041),
            ("VERSION", 0x0004, 1, 4, "ro", 0x0000_0003),
            ("CAP_FEATURES", 0x0010, 1, 4, "ro", 0),
            ("CAP_SAS", 0x0014, 1, 4, "ro", 0),
            ("CAP_POLICIES", 0x0018, 1, 4, "ro", 0),
            ("CAP_CAM", 0x001c, 1, 4, "ro", 0),
            ("CAP_REPLAY", 0x0020, 1, 4, "ro", 0),
            ("CAP_FRAME", 0x0024, 1, 4, "ro", 0),
            ("CAP_TABLES", 0x0028, 1, 4, "ro", 0),
            ("CONTROL", 0x0100, 1, 4, "rw", 0),
            ("COUNTER_CLEAR", 0x0104, 1, 4, "wo", 0),
            ("COMMAND", 0x0200, 1, 4, "wo", 0),
            ("STATUS", 0x0204, 1, 4, "ro", 0),
            ("REFUSED", 0x0208, 1, 4, "w1c", 0),
            ("RESULT", 0x0210, 10, 4, "ro", 0),
            ("MAIL", 0x0280, 32, 4, "wo", 0),
            ("EVENT", 0x0300, 1, 4, "ro", 0),
            ("EVENT_POP", 0x0304, 1, 4, "wo", 0),
            ("EVENT_LOST", 0x0308, 1, 4, "w1c", 0),
            ("COUNTER_LO", 0x0400, 35, 8, "ro", 0),
            ("COUNTER_HI", 0x0404, 35, 8, "ro", 0),
        ]
    );
}

#[test]
fn fields_are_frozen() {
    let fields: Vec<_> =
        REGISTERS.iter().flat_map(|r| r.fields.iter().map(|f| (format!("{}.{}", r.name, f.name), f.lsb, f.width))).collect();
    let frozen = [
        ("VERSION.MINOR", 0, 16),
        ("VERSION.MAJOR", 16, 16),
        ("CAP_FEATURES.TRANSPORT", 0, 1),
        ("CAP_FEATURES.TUNNEL", 1, 1),
        ("CAP_FEATURES.IPV4", 2, 1),
        ("CAP_FEATURES.IPV6", 3, 1),
        ("CAP_FEATURES.ESN", 4, 1),
        ("CAP_FEATURES.NAT_T_TRANSPORT", 5, 1),
        ("CAP_FEATURES.NAT_T_TUNNEL", 6, 1),
        ("CAP_FEATURES.AES_128", 8, 1),
        ("CAP_FEATURES.AES_192", 9, 1),
        ("CAP_FEATURES.AES_256", 10, 1),
        ("CAP_FEATURES.ICV_8", 16, 1),
        ("CAP_FEATURES.ICV_12", 17, 1),
        ("CAP_FEATURES.ICV_16", 18, 1),
        ("CAP_FEATURES.PACKET_OFFLOAD", 20, 1),
        ("CAP_FEATURES.CRYPTO_OFFLOAD", 21, 1),
        ("CAP_FEATURES.LIFETIMES", 22, 1),
        ("CAP_FEATURES.RX_SELECTORS", 23, 1),
        ("CAP_FEATURES.DECAP_DSCP_ECN", 24, 1),
        ("CAP_FEATURES.NAT_T_IPV6_OUT", 25, 1),
        ("CAP_SAS.TX", 0, 16),
        ("CAP_SAS.RX", 16, 16),
        ("CAP_POLICIES.TX", 0, 16),
        ("CAP_POLICIES.RX", 16, 16),
        ("CAP_CAM.WAYS", 0, 8),
        ("CAP_CAM.ROW_BITS", 8, 8),
        ("CAP_REPLAY.MAX_WINDOW", 0, 16),
        ("CAP_FRAME.MAX_BYTES", 0, 16),
        ("CAP_TABLES.LOCAL", 0, 8),
        ("CAP_TABLES.EVENTS", 8, 8),
        ("CONTROL.TX_ENABLE", 0, 1),
        ("CONTROL.RX_ENABLE", 1, 1),
        ("CONTROL.RX_PASS_UNKNOWN", 2, 1),
        ("COUNTER_CLEAR.ALL", 0, 1),
        ("COMMAND.OP", 0, 8),
        ("COMMAND.INDEX", 8, 16),
        ("COMMAND.WAY", 24, 4),
        ("STATUS.BUSY", 0, 1),
        ("STATUS.DONE", 1, 1),
        ("STATUS.ERROR", 8, 4),
        ("REFUSED.COMMAND", 0, 1),
        ("REFUSED.MAIL", 1, 1),
        ("EVENT.KIND", 0, 4),
        ("EVENT.SA", 8, 10),
        ("EVENT.TX", 30, 1),
        ("EVENT.VALID", 31, 1),
        ("EVENT_POP.POP", 0, 1),
        ("EVENT_LOST.LOST", 0, 1),
    ];
    let frozen: Vec<_> = frozen.map(|(name, lsb, width)| (name.to_owned(), lsb, width)).into();
    assert_eq!(fields, frozen);
}

#[test]
fn mailbox_layouts_are_frozen() {
    let layouts = LAYOUTS.iter().chain(ANSWERS);
    let fields: Vec<_> =
        layouts.flat_map(|l| l.fields.iter().map(|f| (format!("{}.{}", l.name, f.name), f.lsb / 32, f.lsb % 32, f.width))).collect();
    let frozen = [
        ("TX_SA.KEY", 0, 0, 256),
        ("TX_SA.SALT", 8, 0, 32),
        ("TX_SA.SEQ", 9, 0, 64),
        ("TX_SA.KEY_SIZE", 11, 0, 2),
        ("TX_SA.ESN", 11, 2, 1),
        ("TX_SA.TUNNEL", 11, 3, 1),
        ("TX_SA.OUTER_V6", 11, 4, 1),
        ("TX_SA.ENCAP", 11, 5, 1),
        ("TX_SA.DONT_ENCAP_DSCP", 11, 6, 1),
        ("TX_SA.NO_ECN", 11, 7, 1),
        ("TX_SA.NO_PMTU_DISC", 11, 8, 1),
        ("TX_SA.ICV", 11, 9, 2),
        ("TX_SA.CRYPTO", 11, 11, 1),
        ("TX_SA.KEEP", 11, 12, 1),
        ("TX_SA.TTL", 11, 16, 8),
        ("TX_SA.SPI", 12, 0, 32),
        ("TX_SA.SRC", 13, 0, 128),
        ("TX_SA.DST", 17, 0, 128),
        ("TX_SA.ENCAP_SPORT", 21, 0, 16),
        ("TX_SA.ENCAP_DPORT", 21, 16, 16),
        ("TX_SA.MAX_PAYLOAD", 22, 0, 16),
        ("RX_SA.KEY", 0, 0, 256),
        ("RX_SA.SALT", 8, 0, 32),
        ("RX_SA.SEQ", 9, 0, 64),
        ("RX_SA.KEY_SIZE", 11, 0, 2),
        ("RX_SA.ESN", 11, 2, 1),
        ("RX_SA.TUNNEL", 11, 3, 1),
        ("RX_SA.ICV", 11, 9, 2),
        ("RX_SA.CRYPTO", 11, 11, 1),
        ("RX_SA.REPLAY_WINDOW", 11, 16, 13),
        ("RX_SA.INNER_V4", 12, 0, 1),
        ("RX_SA.INNER_V6", 12, 1, 1),
        ("RX_SA.NO_ECN", 12, 2, 1),
        ("RX_SA.DECAP_DSCP", 12, 3, 1),
        ("LIMITS.SOFT_PACKETS", 0, 0, 64),
        ("LIMITS.HARD_PACKETS", 2, 0, 64),
        ("LIMITS.SOFT_BYTES", 4, 0, 64),
        ("LIMITS.HARD_BYTES", 6, 0, 64),
        ("SELECTOR.VALUE_SRC", 0, 0, 128),
        ("SELECTOR.VALUE_DST", 4, 0, 128),
        ("SELECTOR.VALUE_SPORT", 8, 0, 16),
        ("SELECTOR.VALUE_DPORT", 8, 16, 16),
        ("SELECTOR.VALUE_PROTOCOL", 9, 0, 8),
        ("SELECTOR.VALUE_V6", 9, 8, 1),
        ("SELECTOR.ANY_FAMILY", 9, 9, 1),
        ("SELECTOR.MASK_SRC", 10, 0, 128),
        ("SELECTOR.MASK_DST", 14, 0, 128),
        ("SELECTOR.MASK_SPORT", 18, 0, 16),
        ("SELECTOR.MASK_DPORT", 18, 16, 16),
        ("SELECTOR.MASK_PROTOCOL", 19, 0, 8),
        ("ACCEPT.POLICIES", 0, 0, 64),
        ("LOCAL.ADDRESS", 0, 0, 128),
        ("LOCAL.V6", 4, 0, 1),
        ("CAM.KEY_DST", 0, 0, 128),
        ("CAM.KEY_SPI", 4, 0, 32),
        ("CAM.SA", 5, 0, 10),
        ("CAM.KEY_V6", 5, 16, 1),
        ("CAM.KEY_ENCAP", 5, 17, 1),
        ("POLICY.VALUE_SRC", 0, 0, 128),
        ("POLICY.VALUE_DST", 4, 0, 128),
        ("POLICY.VALUE_SPORT", 8, 0, 16),
        ("POLICY.VALUE_DPORT", 8, 16, 16),
        ("POLICY.VALUE_PROTOCOL", 9, 0, 8),
        ("POLICY.VALUE_V6", 9, 8, 1),
        ("POLICY.VALUE_FORWARD", 9, 9, 1),
        ("POLICY.MASK_SRC", 10, 0, 128),
        ("POLICY.MASK_DST", 14, 0, 128),
        ("POLICY.MASK_SPORT", 18, 0, 16),
        ("POLICY.MASK_DPORT", 18, 16, 16),
        ("POLICY.MASK_PROTOCOL", 19, 0, 8),
        ("POLICY.ORDER", 20, 0, 48),
        ("POLICY.ACTION", 22, 0, 2),
        ("POLICY.SA_VALID", 22, 2, 1),
        ("POLICY.OPTIONAL", 22, 3, 1),
        ("POLICY.SA", 22, 16, 10),
        ("SA_STATE.SEQ", 0, 0, 64),
        ("SA_STATE.PACKETS", 2, 0, 64),
        ("SA_STATE.BYTES", 4, 0, 64),
        ("SA_STATE.SOFT", 6, 0, 1),
        ("SA_STATE.HARD", 6, 1, 1),
        ("SA_STATE.REPLAY", 7, 0, 32),
        ("SA_STATE.REPLAY_WINDOW", 8, 0, 32),
        ("SA_STATE.INTEGRITY_FAILED", 9, 0, 32),
    ];
    let frozen: Vec<_> = frozen.map(|(name, word, bit, width)| (name.to_owned(), word, bit, width)).into();
    assert_eq!(fields, frozen);
}

#[test]
fn words_beside_the_frames_are_frozen() {
    let fields: Vec<_> = WORDS.iter().flat_map(|w| w.fields.iter().map(|f| (format!("{}.{}", w.name, f.name), f.lsb, f.width))).collect();
    let frozen = [
        ("s_axis_host_tuser.ERROR", 0, 1),
        ("s_axis_host_tuser.CRYPTO", 1, 1),
        ("s_axis_host_tuser.SA", 2, 10),
        ("s_axis_host_tuser.PROTECT", 12, 1),
        ("m_axis_host_tuser.STATUS", 0, 8),
        ("m_axis_host_tuser.SA", 8, 10),
        ("m_axis_host_tuser.CRYPTO_DONE", 18, 1),
        ("m_axis_host_tuser.CRYPTO", 19, 1),
        ("m_axis_host_tuser.PROTECTED", 20, 1),
        ("m_axis_txstatus_tdata.EVENT", 0, 8),
        ("m_axis_txstatus_tdata.SA", 8, 10),
    ];
    let frozen: Vec<_> = frozen.map(|(name, lsb, width)| (name.to_owned(), lsb, width)).into();
    assert_eq!(fields, frozen);
    assert_eq!(WORDS.iter().map(|word| word.width).collect::<Vec<_>>(), [16, 32, 32]);
    // include/net/xfrm.h
    assert_eq!(crypto_status::SUCCESS, 1);
    assert_eq!(crypto_status::TRANSPORT_ESP_AUTH_FAILED, 8);
    assert_eq!(crypto_status::TUNNEL_ESP_AUTH_FAILED, 32);
}

#[test]
fn the_word_of_an_event_is_frozen() {
    let notice = Notice { kind: Some(Kind::LifetimeHard), tx: true, sa: 0x155 };
    assert_eq!(notice.encode(), 0xc001_5502);
    assert_eq!(Notice::decode(0x8003_ff03), Some(Notice { kind: Some(Kind::SeqExhausted), tx: false, sa: 0x3ff }));
    assert_eq!(Notice::decode(0x8000_0000), Some(Notice { kind: None, tx: false, sa: 0 }));
    assert_eq!(Notice::decode(0x4003_ff03), None);
}

#[test]
fn codes_are_frozen() {
    let ops: Vec<_> = Op::ALL.iter().map(|op| (op.code(), op.name())).collect();
    assert_eq!(
        ops,
        [
            (1, "TX_SA_WRITE"),
            (2, "TX_SA_CLEAR"),
            (3, "RX_SA_WRITE"),
            (4, "RX_SA_CLEAR"),
            (5, "CAM_WRITE"),
            (6, "CAM_CLEAR"),
            (7, "TX_POLICY_WRITE"),
            (8, "TX_POLICY_CLEAR"),
            (9, "READ_TX_SA"),
            (10, "READ_RX_SA"),
            (11, "TX_LIMITS_WRITE"),
            (12, "RX_LIMITS_WRITE"),
            (13, "RX_SELECTOR_WRITE"),
            (14, "RX_ACCEPT_WRITE"),
            (15, "RX_POLICY_WRITE"),
            (16, "RX_POLICY_CLEAR"),
            (17, "LOCAL_WRITE"),
            (18, "LOCAL_CLEAR"),
        ]
    );
    let errors: Vec<_> = Error::ALL.iter().map(|error| (error.code(), error.name())).collect();
    assert_eq!(
        errors,
        [(1, "OP"), (2, "INDEX"), (3, "WAY"), (4, "KEY_SIZE"), (5, "SEQ"), (6, "REPLAY_WINDOW"), (7, "ACTION"), (8, "SA"), (9, "ICV")]
    );
    let kinds: Vec<_> = Kind::ALL.iter().map(|kind| (kind.code(), kind.name())).collect();
    assert_eq!(kinds, [(1, "LIFETIME_SOFT"), (2, "LIFETIME_HARD"), (3, "SEQ_EXHAUSTED"), (4, "QUEUE_FAULT")]);
    let command = Command { op: Op::CamWrite, index: 0x123, way: 3 };
    assert_eq!(command.encode(), 0x0301_2305);
}

#[test]
fn counter_offsets_are_frozen() {
    let counters: Vec<_> = Event::ALL.iter().map(|event| (event.offset(), event.name())).collect();
    assert_eq!(
        counters,
        [
            (0x0400, "tx_frames"),
            (0x0408, "tx_bypassed"),
            (0x0410, "tx_protected"),
            (0x0418, "tx_drop_policy_block"),
            (0x0420, "tx_drop_no_sa"),
            (0x0428, "tx_drop_seq_overflow"),
            (0x0430, "tx_drop_malformed"),
            (0x0438, "tx_drop_unsupported"),
            (0x0440, "tx_drop_error"),
            (0x0448, "tx_crypto"),
            (0x0450, "tx_drop_too_big"),
            (0x0458, "tx_drop_expired"),
            (0x0460, "rx_frames"),
            (0x0468, "rx_bypassed"),
            (0x0470, "rx_decrypted"),
            (0x0478, "rx_unsupported"),
            (0x0480, "rx_drop_no_sa"),
            (0x0488, "rx_drop_replay"),
            (0x0490, "rx_drop_replay_window"),
            (0x0498, "rx_drop_seq_zero"),
            (0x04a0, "rx_drop_icv"),
            (0x04a8, "rx_drop_trailer"),
            (0x04b0, "rx_drop_malformed"),
            (0x04b8, "rx_drop_mode"),
            (0x04c0, "rx_dummy"),
            (0x04c8, "rx_drop_error"),
            (0x04d0, "rx_crypto"),
            (0x04d8, "rx_crypto_failed"),
            (0x04e0, "rx_drop_expired"),
            (0x04e8, "rx_drop_selector"),
            (0x04f0, "rx_drop_policy_block"),
            (0x04f8, "rx_drop_template"),
            (0x0500, "rx_drop_no_policy"),
            (0x508, "rx_drop_no_buffer"),
            (0x510, "rx_drop_host_fault"),
        ]
    );
}

#[test]
fn the_rings_are_frozen() {
    use espalier_regs::dma::{BASE, ENTRIES, Fault, MAX_RING, MIN_RING, REGISTERS, dma_cap, vector};
    let map: Vec<_> = REGISTERS.iter().map(|r| (r.name, r.offset, r.count, r.stride, r.access.name(), r.reset)).collect();
    assert_eq!(
        map,
        [
            ("DMA_MAGIC", 0x8000, 1, 4, "ro", 0x4553_5044),
            ("DMA_CAP", 0x8004, 1, 4, "ro", 0x0004_13a1),
            ("INTERRUPT_PENDING", 0x8010, 1, 4, "ro", 0),
            ("INTERRUPT_MASK", 0x8014, 1, 4, "rw", 7),
            ("INTERRUPT_ARM", 0x8018, 1, 4, "wo", 0),
            ("INTERRUPT_INTERVAL", 0x8020, 3, 4, "rw", 0),
            ("QUEUE_CONTROL", 0x8040, 2, 64, "rw", 0),
            ("QUEUE_STATE", 0x8044, 2, 64, "ro", 0),
            ("QUEUE_RING_LO", 0x8048, 2, 64, "rw", 0),
            ("QUEUE_RING_HI", 0x804c, 2, 64, "rw", 0),
            ("QUEUE_DONE_LO", 0x8050, 2, 64, "rw", 0),
            ("QUEUE_DONE_HI", 0x8054, 2, 64, "rw", 0),
            ("QUEUE_SIZE", 0x8058, 2, 64, "rw", 1),
            ("QUEUE_COALESCE", 0x805c, 2, 64, "rw", 0),
            ("QUEUE_DOORBELL", 0x8060, 2, 64, "rw", 0),
            ("QUEUE_HEAD", 0x8064, 2, 64, "ro", 0),
            ("QUEUE_FAULT_LO", 0x8068, 2, 64, "ro", 0),
            ("QUEUE_FAULT_HI", 0x806c, 2, 64, "ro", 0),
            ("MSIX_ADDRESS_LO", 0xc000, 3, 16, "rw", 0),
            ("MSIX_ADDRESS_HI", 0xc004, 3, 16, "rw", 0),
            ("MSIX_DATA", 0xc008, 3, 16, "rw", 0),
            ("MSIX_CONTROL", 0xc00c, 3, 16, "rw", 1),
            ("MSIX_PENDING", 0xd000, 2, 4, "ro", 0),
        ]
    );
    assert!(REGISTERS.iter().all(|register| register.offset >= BASE));
    let cap = REGISTERS[1].reset;
    assert_eq!((dma_cap::MIN_RING.get(cap), dma_cap::MAX_RING.get(cap)), (MIN_RING, MAX_RING));
    assert_eq!(dma_cap::VECTORS.get(cap), u32::from(vector::COUNT));
    let faults: Vec<_> = Fault::ALL.iter().map(|fault| (fault.code(), fault.name())).collect();
    assert_eq!(faults, [(1, "RING_READ"), (2, "PHASE"), (3, "LENGTH"), (4, "ADDRESS"), (5, "DATA"), (6, "COMPLETION"), (7, "DOORBELL")]);
    let fields: Vec<_> = ENTRIES
        .iter()
        .flat_map(|(name, words, _)| {
            words.iter().flat_map(move |(word, fields)| fields.iter().map(move |f| (*name, *word, f.name, f.lsb, f.width)))
        })
        .collect();
    assert_eq!(
        fields,
        [
            ("TX_DESCRIPTOR", 0, "ADDRESS_LO", 0, 32),
            ("TX_DESCRIPTOR", 1, "ADDRESS_HI", 0, 32),
            ("TX_DESCRIPTOR", 2, "LENGTH", 0, 16),
            ("TX_DESCRIPTOR", 2, "LAST", 16, 1),
            ("TX_DESCRIPTOR", 2, "PHASE", 31, 1),
            ("RX_DESCRIPTOR", 0, "ADDRESS_LO", 0, 32),
            ("RX_DESCRIPTOR", 1, "ADDRESS_HI", 0, 32),
            ("RX_DESCRIPTOR", 2, "LENGTH", 0, 16),
            ("RX_DESCRIPTOR", 2, "PHASE", 31, 1),
            ("TX_COMPLETION", 1, "INDEX", 0, 16),
            ("TX_COMPLETION", 2, "STATUS", 0, 1),
            ("TX_COMPLETION", 3, "CAUSE", 0, 4),
            ("TX_COMPLETION", 3, "PHASE", 31, 1),
            ("RX_COMPLETION", 1, "INDEX", 0, 16),
            ("RX_COMPLETION", 2, "LENGTH", 0, 16),
            ("RX_COMPLETION", 2, "FIRST", 16, 1),
            ("RX_COMPLETION", 2, "LAST", 17, 1),
            ("RX_COMPLETION", 3, "CAUSE", 0, 4),
            ("RX_COMPLETION", 3, "PHASE", 31, 1),
        ]
    );
}

#[test]
fn the_serial_line_is_frozen() {
    assert_eq!([uart::END, uart::ESC, uart::ESC_END, uart::ESC_ESC, uart::DONE, uart::FAILED], [0xC0, 0xDB, 0xDC, 0xDD, 0x80, 0xC0]);
    assert_eq!((uart::WINDOW, uart::STORE_BEATS, uart::REQUEST_HEAD, uart::FRAME_HEAD), (16, 1000, 4, 16));
    let requests: Vec<_> = uart::Request::ALL.iter().map(|request| (request.code(), request.name())).collect();
    assert_eq!(requests, [(1, "READ"), (2, "WRITE"), (3, "LOOK"), (4, "RESET"), (5, "HOST_FRAME"), (6, "WIRE_FRAME")]);
    let notices: Vec<_> = uart::Notice::ALL.iter().map(|notice| (notice.code(), notice.name())).collect();
    assert_eq!(notices, [(0x13, "TX_STATUS"), (0x14, "INTERRUPT"), (0x15, "REFUSED")]);
    let frames: Vec<_> = uart::Frame::ALL.iter().map(|frame| (frame.code(), frame.name())).collect();
    assert_eq!(frames, [(0x11, "HOST"), (0x12, "WIRE")]);
    let refusals: Vec<_> = uart::Refusal::ALL.iter().map(|refusal| (refusal.code(), refusal.name())).collect();
    assert_eq!(refusals, [(0, "DAMAGED"), (1, "UNKNOWN"), (2, "NO_ROOM"), (3, "BUSY")]);
    let words: Vec<_> = uart::REGISTERS.iter().map(|register| (register.name, register.offset, register.reset)).collect();
    let frozen =
        [("MAGIC", 0, 0x4553_5055), ("VERSION", 4, 1), ("CLOCK", 8, 0), ("DIVIDER", 12, 0), ("COUNT_LO", 16, 0), ("COUNT_HI", 20, 0)];
    assert_eq!(words, frozen);
}
