//! The map as the world knows it: literals, so that a change of the layout is deliberate.

use espalier_regs::event::Event;
use espalier_regs::mailbox::{Command, Error, LAYOUTS, Op};
use espalier_regs::map::REGISTERS;

#[test]
fn register_offsets_are_frozen() {
    let map: Vec<_> = REGISTERS.iter().map(|r| (r.name, r.offset, r.count, r.stride, r.access.name(), r.reset)).collect();
    assert_eq!(
        map,
        [
            ("MAGIC", 0x0000, 1, 4, "ro", 0x4553_5041),
            ("VERSION", 0x0004, 1, 4, "ro", 0x0000_0001),
            ("CAP_FEATURES", 0x0010, 1, 4, "ro", 0),
            ("CAP_SAS", 0x0014, 1, 4, "ro", 0),
            ("CAP_POLICIES", 0x0018, 1, 4, "ro", 0),
            ("CAP_CAM", 0x001c, 1, 4, "ro", 0),
            ("CAP_REPLAY", 0x0020, 1, 4, "ro", 0),
            ("CAP_FRAME", 0x0024, 1, 4, "ro", 0),
            ("CONTROL", 0x0100, 1, 4, "rw", 0),
            ("COUNTER_CLEAR", 0x0104, 1, 4, "wo", 0),
            ("COMMAND", 0x0200, 1, 4, "wo", 0),
            ("STATUS", 0x0204, 1, 4, "ro", 0),
            ("REFUSED", 0x0208, 1, 4, "w1c", 0),
            ("RESULT", 0x0210, 2, 4, "ro", 0),
            ("MAIL", 0x0280, 32, 4, "wo", 0),
            ("COUNTER_LO", 0x0400, 23, 8, "ro", 0),
            ("COUNTER_HI", 0x0404, 23, 8, "ro", 0),
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
        ("CAP_SAS.TX", 0, 16),
        ("CAP_SAS.RX", 16, 16),
        ("CAP_POLICIES.TX", 0, 16),
        ("CAP_CAM.WAYS", 0, 8),
        ("CAP_CAM.ROW_BITS", 8, 8),
        ("CAP_REPLAY.MAX_WINDOW", 0, 16),
        ("CAP_FRAME.MAX_BYTES", 0, 16),
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
    ];
    let frozen: Vec<_> = frozen.map(|(name, lsb, width)| (name.to_owned(), lsb, width)).into();
    assert_eq!(fields, frozen);
}

#[test]
fn mailbox_layouts_are_frozen() {
    let fields: Vec<_> =
        LAYOUTS.iter().flat_map(|l| l.fields.iter().map(|f| (format!("{}.{}", l.name, f.name), f.lsb / 32, f.lsb % 32, f.width))).collect();
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
        ("TX_SA.TTL", 11, 16, 8),
        ("TX_SA.SPI", 12, 0, 32),
        ("TX_SA.SRC", 13, 0, 128),
        ("TX_SA.DST", 17, 0, 128),
        ("TX_SA.ENCAP_SPORT", 21, 0, 16),
        ("TX_SA.ENCAP_DPORT", 21, 16, 16),
        ("RX_SA.KEY", 0, 0, 256),
        ("RX_SA.SALT", 8, 0, 32),
        ("RX_SA.SEQ", 9, 0, 64),
        ("RX_SA.KEY_SIZE", 11, 0, 2),
        ("RX_SA.ESN", 11, 2, 1),
        ("RX_SA.TUNNEL", 11, 3, 1),
        ("RX_SA.REPLAY_WINDOW", 11, 16, 13),
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
        ("POLICY.MASK_SRC", 10, 0, 128),
        ("POLICY.MASK_DST", 14, 0, 128),
        ("POLICY.MASK_SPORT", 18, 0, 16),
        ("POLICY.MASK_DPORT", 18, 16, 16),
        ("POLICY.MASK_PROTOCOL", 19, 0, 8),
        ("POLICY.ORDER", 20, 0, 48),
        ("POLICY.ACTION", 22, 0, 2),
        ("POLICY.SA_VALID", 22, 2, 1),
        ("POLICY.SA", 22, 16, 10),
    ];
    let frozen: Vec<_> = frozen.map(|(name, word, bit, width)| (name.to_owned(), word, bit, width)).into();
    assert_eq!(fields, frozen);
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
            (7, "POLICY_WRITE"),
            (8, "POLICY_CLEAR"),
            (9, "READ_TX_SEQ"),
            (10, "READ_RX_SEQ"),
        ]
    );
    let errors: Vec<_> = Error::ALL.iter().map(|error| (error.code(), error.name())).collect();
    assert_eq!(errors, [(1, "OP"), (2, "INDEX"), (3, "WAY"), (4, "KEY_SIZE"), (5, "SEQ"), (6, "REPLAY_WINDOW"), (7, "ACTION"), (8, "SA"),]);
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
            (0x0448, "rx_frames"),
            (0x0450, "rx_bypassed"),
            (0x0458, "rx_decrypted"),
            (0x0460, "rx_unsupported"),
            (0x0468, "rx_drop_no_sa"),
            (0x0470, "rx_drop_replay"),
            (0x0478, "rx_drop_replay_window"),
            (0x0480, "rx_drop_seq_zero"),
            (0x0488, "rx_drop_icv"),
            (0x0490, "rx_drop_trailer"),
            (0x0498, "rx_drop_malformed"),
            (0x04a0, "rx_drop_mode"),
            (0x04a8, "rx_dummy"),
            (0x04b0, "rx_drop_error"),
        ]
    );
}
