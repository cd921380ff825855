//! What the commands of the mailbox need, as a look-up table.
//!
//! Purpose: tell the mailbox what an operation acts on and what its operands may be. Ports: `op` in, `action` out. Latency: none,
//! combinational.

use espalier_regs::mailbox::Op;
use espalier_regs::map::cap_features;
use espalier_regs::Capabilities;
use rust_hdl::prelude::*;

use super::capabilities;

/// What a command acts on.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum Table {
    /// The outbound SAs.
    TxSa,
    /// The inbound SAs.
    RxSa,
    /// The SA CAM.
    Cam,
    /// The outbound policies.
    TxPolicy,
    /// The inbound policies.
    RxPolicy,
    /// The limits of the outbound SAs.
    TxLimits,
    /// The limits of the inbound SAs.
    RxLimits,
    /// The selectors of the inbound SAs.
    RxSelector,
    /// The policies that the inbound SAs satisfy.
    RxAccept,
    /// The local addresses.
    Local,
}

/// What a command does, and the limits of its operands.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Action {
    /// There is such an operation.
    pub known: bool,
    /// What it acts on.
    pub table: Table,
    /// It empties the place; neither this nor `read`: it fills it.
    pub clear: bool,
    /// It reads the state of an SA.
    pub read: bool,
    /// INDEX must be less.
    pub entries: Bits<16>,
    /// WAY must be less.
    pub ways: Bits<8>,
    /// SA must be less.
    pub sas: Bits<16>,
    /// REPLAY_WINDOW must not be more.
    pub max_window: Bits<16>,
    /// ICV must be one of these: bit i for value i.
    pub icvs: Bits<4>,
}

fn action(op: Op, build: &Capabilities) -> Action {
    let (table, clear, read) = match op {
        Op::TxSaWrite => (Table::TxSa, false, false),
        Op::TxSaClear => (Table::TxSa, true, false),
        Op::RxSaWrite => (Table::RxSa, false, false),
        Op::RxSaClear => (Table::RxSa, true, false),
        Op::CamWrite => (Table::Cam, false, false),
        Op::CamClear => (Table::Cam, true, false),
        Op::TxPolicyWrite => (Table::TxPolicy, false, false),
        Op::TxPolicyClear => (Table::TxPolicy, true, false),
        Op::ReadTxSa => (Table::TxSa, false, true),
        Op::ReadRxSa => (Table::RxSa, false, true),
        Op::TxLimitsWrite => (Table::TxLimits, false, false),
        Op::RxLimitsWrite => (Table::RxLimits, false, false),
        Op::RxSelectorWrite => (Table::RxSelector, false, false),
        Op::RxAcceptWrite => (Table::RxAccept, false, false),
        Op::RxPolicyWrite => (Table::RxPolicy, false, false),
        Op::RxPolicyClear => (Table::RxPolicy, true, false),
        Op::LocalWrite => (Table::Local, false, false),
        Op::LocalClear => (Table::Local, true, false),
    };
    let (entries, sas) = match table {
        Table::TxSa | Table::TxLimits => (build.tx_sas.into(), 0),
        Table::RxSa | Table::RxLimits | Table::RxSelector | Table::RxAccept => (build.rx_sas.into(), 0),
        Table::Cam => (build.cam_rows(), build.rx_sas),
        Table::TxPolicy => (build.policies.into(), build.tx_sas),
        Table::RxPolicy => (build.rx_policies.into(), 0),
        Table::Local => (build.local_addresses.into(), 0),
    };
    let icvs = [cap_features::ICV_16, cap_features::ICV_12, cap_features::ICV_8];
    let icvs = icvs.iter().enumerate().fold(0, |bits, (icv, feature)| bits | u32::from(build.has(*feature)) << icv);
    Action {
        known: true,
        table,
        clear,
        read,
        entries: entries.to_bits(),
        ways: build.cam_ways.to_bits(),
        sas: sas.to_bits(),
        max_window: build.max_replay_window.to_bits(),
        icvs: icvs.to_bits(),
    }
}

/// See the module's documentation. `A`, `R`, `G`, `C`: see [`capabilities`].
#[derive(LogicBlock)]
pub struct Operations<const A: usize, const R: usize, const G: usize, const C: usize> {
    pub op: Signal<In, Bits<8>>,
    pub action: Signal<Out, Action>,
    rom: ROM<Action, 8>,
}

impl<const A: usize, const R: usize, const G: usize, const C: usize> Default for Operations<A, R, G, C> {
    fn default() -> Self {
        let build = capabilities::<A, R, G, C>();
        let actions = Op::ALL.iter().map(|op| (op.code().to_bits(), action(*op, &build)));
        Self { op: Default::default(), action: Default::default(), rom: ROM::new(actions.collect()) }
    }
}

impl<const A: usize, const R: usize, const G: usize, const C: usize> Logic for Operations<A, R, G, C> {
    #[hdl_gen]
    fn update(&mut self) {
        self.rom.address.next = self.op.val();
        self.action.next = self.rom.data.val();
    }
}
