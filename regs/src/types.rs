//! What the tables are made of: registers, their access and their fields.

/// What the host may do with a register. Anything else is answered with SLVERR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read only.
    Ro,
    /// Read and write.
    Rw,
    /// Write only.
    Wo,
    /// Read; writing 1 to a bit clears it.
    W1c,
}

impl Access {
    /// A read is answered.
    pub const fn readable(self) -> bool {
        !matches!(self, Access::Wo)
    }

    /// A write is taken.
    pub const fn writable(self) -> bool {
        !matches!(self, Access::Ro)
    }

    /// As documents spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Access::Ro => "ro",
            Access::Rw => "rw",
            Access::Wo => "wo",
            Access::W1c => "w1c",
        }
    }
}

/// A bit range of a register. Bits of no field are reserved: they read as 0 and are ignored when written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name, upper case.
    pub name: &'static str,
    /// Lowest bit.
    pub lsb: u8,
    /// Number of bits, 1 to 32.
    pub width: u8,
    /// One line of documentation.
    pub doc: &'static str,
}

impl Field {
    /// The bits of the field in the word.
    pub const fn mask(self) -> u32 {
        self.max() << self.lsb
    }

    /// The largest value that fits.
    pub const fn max(self) -> u32 {
        u32::MAX >> (32 - self.width as u32)
    }

    /// The field's value in `word`.
    pub const fn get(self, word: u32) -> u32 {
        (word >> self.lsb) & self.max()
    }

    /// The field is not zero in `word`.
    pub const fn is_set(self, word: u32) -> bool {
        self.get(word) != 0
    }

    /// `word` with the field replaced by `value`; bits beyond [`Field::max`] are dropped.
    pub const fn set(self, word: u32, value: u32) -> u32 {
        (word & !self.mask()) | ((value << self.lsb) & self.mask())
    }
}

/// A 32-bit register, or a row of equal ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// Name, upper case.
    pub name: &'static str,
    /// Byte address of the (first) register.
    pub offset: u16,
    /// How many of them there are.
    pub count: u16,
    /// Bytes from one to the next.
    pub stride: u16,
    /// What the host may do.
    pub access: Access,
    /// Value after reset. Capability words come from the build instead: see [`Capabilities`](crate::Capabilities).
    pub reset: u32,
    /// Bit ranges; none where the whole word is the value.
    pub fields: &'static [Field],
    /// One line of documentation.
    pub doc: &'static str,
}

impl Register {
    /// Byte address of number `index` of the row; `None` past its end.
    pub const fn at(&self, index: u16) -> Option<u16> {
        if index < self.count { Some(self.offset + index * self.stride) } else { None }
    }

    /// The addresses of the row.
    pub fn offsets(self) -> impl Iterator<Item = u16> {
        (0..self.count).map(move |index| self.offset + index * self.stride)
    }
}

/// Picks the second value where there is one.
macro_rules! default_or {
    ($default:expr) => {
        $default
    };
    ($default:expr, $value:expr) => {
        $value
    };
}

/// Declares registers: a const for each, a module of consts for its fields, and the table `REGISTERS` of all.
///
/// `NAME: module, offset [count; by stride], access, reset => { FIELD: lsb, width; }`
macro_rules! registers {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident: $module:ident, $offset:literal $([$count:expr; by $stride:literal])?, $access:ident, $reset:expr =>
        { $( $(#[doc = $field_doc:literal])+ $field:ident: $lsb:literal, $width:literal; )* }
    )+) => {
        $(
            $(#[doc = $doc])+
            pub const $name: $crate::Register = $crate::Register {
                name: stringify!($name),
                offset: $offset,
                count: default_or!(1 $(, $count)?),
                stride: default_or!(4 $(, $stride)?),
                access: $crate::Access::$access,
                reset: $reset,
                fields: &[$($module::$field),*],
                doc: concat!($($doc),+).trim_ascii(),
            };

            #[doc = concat!("Fields of [`", stringify!($name), "`].")]
            pub mod $module {
                $(
                    $(#[doc = $field_doc])+
                    pub const $field: $crate::Field = $crate::Field {
                        name: stringify!($field),
                        lsb: $lsb,
                        width: $width,
                        doc: concat!($($field_doc),+).trim_ascii(),
                    };
                )*
            }
        )+

        /// Every register, by address.
        pub const REGISTERS: &[$crate::Register] = &[$($name),+];
    };
}

/// Declares an enum of numbered codes with a name and a documentation line each.
macro_rules! codes {
    ($(#[doc = $enum_doc:literal])+ $enum:ident { $( $(#[doc = $doc:literal])+ $variant:ident = $value:literal $name:literal; )+ }) => {
        $(#[doc = $enum_doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $enum {
            $( $(#[doc = $doc])+ $variant = $value, )+
        }

        impl $enum {
            /// All of them, by value.
            pub const ALL: &'static [$enum] = &[$($enum::$variant),+];

            /// The one of this value.
            pub const fn decode(value: u32) -> Option<$enum> {
                match value { $($value => Some($enum::$variant),)+ _ => None }
            }

            /// Its value.
            pub const fn code(self) -> u32 {
                self as u32
            }

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self { $($enum::$variant => $name),+ }
            }

            /// One line of documentation.
            pub const fn doc(self) -> &'static str {
                match self { $($enum::$variant => concat!($($doc),+).trim_ascii()),+ }
            }
        }
    };
}

pub(crate) use {codes, default_or, registers};
