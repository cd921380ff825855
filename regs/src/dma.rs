//! The host interface: rings in host memory, their descriptors, and the registers that run them.
//!
//! A build with DMA (module `espalier_card`) has these registers in the upper half of the same 64 KiB window. There are two queues, number 0
//! for frames to be sent (TX) and number 1 for received ones (RX); each has a ring of descriptors, which the host writes and the device
//! reads, and a ring of completions, which the device writes, both of the same size.
//!
//! An *index* counts descriptors or completions from 0 since the queue was enabled, modulo 2^16; its place in the ring is its low
//! bits. The *phase* of index i in a ring of 2^n entries is the complement of bit n of i: 1 in the first lap, 0 in the second, and so
//! on. It stands in bit 31 of word [`PHASE_WORD`] and says whose an entry is: the device takes a descriptor only with the phase of its
//! index, and writes a completion with the phase of its own. A ring begins zeroed.
//!
//! Entries have [`ENTRY_WORDS`] words of 32 bits, little endian, the first at the lowest address.

use crate::types::{codes, default_or, registers};

/// First address that is not the engine's.
pub const BASE: u16 = 0x8000;

/// Words of a descriptor and of a completion.
pub const ENTRY_WORDS: usize = 4;
/// Bytes of a descriptor and of a completion.
pub const ENTRY_BYTES: usize = 16;
/// Word of a descriptor that holds the phase; of a completion it is word [`COMPLETION_PHASE_WORD`].
pub const PHASE_WORD: usize = 2;
/// Word of a completion that holds the phase.
pub const COMPLETION_PHASE_WORD: usize = 3;
/// Addresses of rings are multiples of it.
pub const RING_ALIGNMENT: u64 = 4096;
/// Addresses of buffers, and lengths of all segments of a frame but its last, are multiples of it.
pub const BUFFER_ALIGNMENT: u64 = 16;
/// Logarithm of the smallest ring's entries.
pub const MIN_RING: u32 = 1;
/// Logarithm of the largest ring's entries.
pub const MAX_RING: u32 = 10;

/// The queues, by number.
pub mod queue {
    /// Frames to be sent.
    pub const TX: u16 = 0;
    /// Received frames.
    pub const RX: u16 = 1;
    /// How many there are.
    pub const COUNT: u16 = 2;
}

/// Interrupt vectors: their bits in the INTERRUPT registers, and their places in the MSI-X table.
pub mod vector {
    /// Completions of frames that were to be sent.
    pub const TX: u16 = 0;
    /// Completions of received frames.
    pub const RX: u16 = 1;
    /// EVENT shows an event.
    pub const EVENT: u16 = 2;
    /// How many there are.
    pub const COUNT: u16 = 3;
}

registers! {
    /// "ESPD" in ASCII: here are rings.
    DMA_MAGIC: dma_magic, 0x8000, Ro, 0x4553_5044 => {}

    /// What the host interface can do.
    DMA_CAP: dma_cap, 0x8004, Ro, 0x0004_13a1 => {
        /// Logarithm of the smallest ring's entries.
        MIN_RING: 0, 4;
        /// Logarithm of the largest ring's entries.
        MAX_RING: 4, 4;
        /// Interrupt vectors.
        VECTORS: 8, 4;
        /// There is an MSI-X table.
        MSIX: 12, 1;
        /// Logarithm of the alignment of buffers.
        ALIGNMENT: 16, 4;
    }

    /// Causes that have not led to an interrupt yet: one bit a vector.
    INTERRUPT_PENDING: interrupt_pending, 0x8010, Ro, 0 => {
        /// One bit a vector.
        VECTORS: 0, 3;
    }

    /// Vectors that are silent: one bit a vector.
    INTERRUPT_MASK: interrupt_mask, 0x8014, Rw, 0x7 => {
        /// One bit a vector.
        VECTORS: 0, 3;
    }

    /// Arms vectors again: one bit a vector. A vector that has fired is silent until then; what came meanwhile is pending.
    INTERRUPT_ARM: interrupt_arm, 0x8018, Wo, 0 => {
        /// One bit a vector.
        VECTORS: 0, 3;
    }

    /// Least time from one interrupt of a vector to its next, in units of 16 clocks.
    INTERRUPT_INTERVAL: interrupt_interval, 0x8020 [vector::COUNT; by 4], Rw, 0 => {
        /// Units of 16 clocks.
        UNITS: 0, 16;
    }

    /// Switches a queue.
    QUEUE_CONTROL: queue_control, 0x8040 [queue::COUNT; by 64], Rw, 0 => {
        /// 1: begin, with every index at 0; only while QUEUE_STATE is 0. 0: drain. What the engine has begun ends, and is
        /// completed; other frames are left, of descriptors before QUEUE_HEAD as well. QUEUE_STATE is 0 when no access of the queue is left.
        ENABLE: 0, 1;
    }

    /// How a queue is.
    QUEUE_STATE: queue_state, 0x8044 [queue::COUNT; by 64], Ro, 0 => {
        /// It takes descriptors.
        RUNNING: 0, 1;
        /// It drains.
        DRAINING: 1, 1;
        /// It has stopped: see CAUSE. Disable it, and wait until this register is 0.
        FAULT: 2, 1;
        /// Why it has stopped: one of the faults.
        CAUSE: 8, 4;
    }

    /// Address of the descriptors, low half; a multiple of 4096. This and the following three may be written only while QUEUE_STATE is 0.
    QUEUE_RING_LO: queue_ring_lo, 0x8048 [queue::COUNT; by 64], Rw, 0 => {}

    /// Address of the descriptors, high half.
    QUEUE_RING_HI: queue_ring_hi, 0x804c [queue::COUNT; by 64], Rw, 0 => {}

    /// Address of the completions, low half; a multiple of 4096.
    QUEUE_DONE_LO: queue_done_lo, 0x8050 [queue::COUNT; by 64], Rw, 0 => {}

    /// Address of the completions, high half.
    QUEUE_DONE_HI: queue_done_hi, 0x8054 [queue::COUNT; by 64], Rw, 0 => {}

    /// Size of both rings.
    QUEUE_SIZE: queue_size, 0x8058 [queue::COUNT; by 64], Rw, 0x1 => {
        /// Logarithm of the number of entries: 1 to 10. Any other value is answered with SLVERR.
        LOG2: 0, 4;
    }

    /// How long completions wait for company.
    QUEUE_COALESCE: queue_coalesce, 0x805c [queue::COUNT; by 64], Rw, 0 => {
        /// Clocks from the oldest completion that waits to its write, if no fourth one comes before.
        CLOCKS: 0, 16;
    }

    /// The doorbell: descriptors up to this index, itself left out, are the device's.
    QUEUE_DOORBELL: queue_doorbell, 0x8060 [queue::COUNT; by 64], Rw, 0 => {
        /// Index behind the last descriptor. At most the ring's size before the oldest one that is not completed.
        INDEX: 0, 16;
    }

    /// How far the device is.
    QUEUE_HEAD: queue_head, 0x8064 [queue::COUNT; by 64], Ro, 0 => {
        /// Index behind the last descriptor that was begun.
        INDEX: 0, 16;
    }

    /// Address of the access that failed, or that the refused descriptor names, low half; else 0.
    QUEUE_FAULT_LO: queue_fault_lo, 0x8068 [queue::COUNT; by 64], Ro, 0 => {}

    /// The same, high half.
    QUEUE_FAULT_HI: queue_fault_hi, 0x806c [queue::COUNT; by 64], Ro, 0 => {}

    /// MSI-X table (PCI Express Base section 7.7.2): message address, low half.
    MSIX_ADDRESS_LO: msix_address_lo, 0xc000 [vector::COUNT; by 16], Rw, 0 => {}

    /// Message address, high half.
    MSIX_ADDRESS_HI: msix_address_hi, 0xc004 [vector::COUNT; by 16], Rw, 0 => {}

    /// Message data.
    MSIX_DATA: msix_data, 0xc008 [vector::COUNT; by 16], Rw, 0 => {}

    /// Vector control.
    MSIX_CONTROL: msix_control, 0xc00c [vector::COUNT; by 16], Rw, 0x1 => {
        /// No message is sent; the vector's bit in MSIX_PENDING tells that one is due.
        MASK: 0, 1;
    }

    /// MSI-X pending bits, low half; the high half reads 0.
    MSIX_PENDING: msix_pending, 0xd000 [2; by 4], Ro, 0 => {
        /// One bit a vector.
        VECTORS: 0, 3;
    }
}

codes! {
    /// Why a queue has stopped: CAUSE of QUEUE_STATE and of completions.
    Fault {
        /// The ring could not be read.
        RingRead = 1 "RING_READ";
        /// A descriptor has the wrong phase: the doorbell gave away what is not the device's.
        Phase = 2 "PHASE";
        /// A length of 0, or one that is not allowed: a segment that is not the last, or a buffer, must be a multiple of 16 bytes; a frame must not be longer than MAX_BYTES of CAP_FRAME.
        Length = 3 "LENGTH";
        /// An address that is no multiple of 16.
        Address = 4 "ADDRESS";
        /// A frame could not be read or written.
        Data = 5 "DATA";
        /// A completion could not be written.
        Completion = 6 "COMPLETION";
        /// The doorbell is further ahead than the ring is long.
        Doorbell = 7 "DOORBELL";
    }
}

/// Declares the words of a ring's entry that have fields.
macro_rules! entries {
    ($( $(#[doc = $doc:literal])+ $name:ident: $module:ident { $( $word:literal => { $( $(#[doc = $field_doc:literal])+ $field:ident: $lsb:literal, $width:literal; )+ } )+ } )+) => {
        $(
            $(#[doc = $doc])+
            pub mod $module {
                use crate::Field;
                $($(
                    $(#[doc = $field_doc])+
                    pub const $field: Field = Field { name: stringify!($field), lsb: $lsb, width: $width, doc: concat!($($field_doc),+).trim_ascii() };
                )+)+
                /// Number of the word, and its fields.
                pub const WORDS: &[(usize, &[Field])] = &[$(($word, &[$($field),+])),+];
            }
        )+

        /// Every kind of entry: name, words, documentation.
        #[allow(clippy::type_complexity)]
        pub const ENTRIES: &[(&str, &[(usize, &[crate::Field])], &str)] =
            &[$((stringify!($name), $module::WORDS, concat!($($doc),+).trim_ascii())),+];
    };
}

entries! {
    /// A segment of a frame to be sent. Its word 3 is `s_axis_host_tuser` of the frame, in the frame's first segment; in others it is 0.
    TX_DESCRIPTOR: tx_descriptor {
        0 => {
            /// Address of the bytes, low half; a multiple of 16.
            ADDRESS_LO: 0, 32;
        }
        1 => {
            /// Address of the bytes, high half.
            ADDRESS_HI: 0, 32;
        }
        2 => {
            /// Bytes; a multiple of 16 if LAST is 0.
            LENGTH: 0, 16;
            /// The last segment of the frame.
            LAST: 16, 1;
            /// See the phase above.
            PHASE: 31, 1;
        }
    }

    /// A buffer for received frames.
    RX_DESCRIPTOR: rx_descriptor {
        0 => {
            /// Address, low half; a multiple of 16.
            ADDRESS_LO: 0, 32;
        }
        1 => {
            /// Address, high half.
            ADDRESS_HI: 0, 32;
        }
        2 => {
            /// Bytes that it holds; a multiple of 16.
            LENGTH: 0, 16;
            /// See the phase above.
            PHASE: 31, 1;
        }
    }

    /// What became of a frame that was to be sent: one for each, in order. Word 0 is `m_axis_txstatus_tdata`, with STATUS.
    TX_COMPLETION: tx_completion {
        1 => {
            /// Index behind the frame's last descriptor, or with CAUSE behind the one that failed: all before it are the host's again. In a frame that was cut off, by CAUSE or a drain, it is behind the descriptor that was reached, and its later ones are the host's when QUEUE_STATE is 0.
            INDEX: 0, 16;
        }
        2 => {
            /// The engine has had the frame, and has counted it: see word 0. Else it never left the host.
            STATUS: 0, 1;
        }
        3 => {
            /// The fault that it met, or 0.
            CAUSE: 0, 4;
            /// See the phase above.
            PHASE: 31, 1;
        }
    }

    /// A buffer that was used: one for each, in order; but after one with CAUSE the frame's later buffers have none, and INDEX passes them. Word 0 is `m_axis_host_tuser` of the frame.
    RX_COMPLETION: rx_completion {
        1 => {
            /// Index behind its descriptor.
            INDEX: 0, 16;
        }
        2 => {
            /// Bytes in this buffer: all of it, but for a frame's last. 0 with CAUSE.
            LENGTH: 0, 16;
            /// The frame's first buffer.
            FIRST: 16, 1;
            /// The frame's last buffer.
            LAST: 17, 1;
        }
        3 => {
            /// The fault that it met, or 0. The frame is lost, what came of it in earlier buffers too.
            CAUSE: 0, 4;
            /// See the phase above.
            PHASE: 31, 1;
        }
    }
}
