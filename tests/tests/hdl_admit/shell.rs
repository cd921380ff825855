//! What runs beside frames at the edge, bit for bit as `espalier_regs::tuser` has it.

use espalier_hdl::records::Meta;
use espalier_hdl::shell::{HostUserIn, HostUserOut};
use espalier_regs::tuser::{rx, tx};
use espalier_sim::{Model, record};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

#[test]
fn host_frames_bring_their_sa() {
    let mut model = Model::build::<HostUserIn>("host_user_in").unwrap();
    for word in 0..1u32 << 12 {
        model.set("tuser", word);
        model.eval();
        let meta = Meta { crypto: tx::CRYPTO.get(word) == 1, sa: u64::from(tx::SA.get(word)).into(), ..Meta::default() };
        assert_eq!(model.get("m_meta"), record(meta), "{word:#x}");
        assert_eq!(model.get_bool("error"), tx::ERROR.get(word) == 1, "{word:#x}");
    }
}

#[test]
fn received_frames_tell_their_sa() {
    let mut model = Model::build::<HostUserOut>("host_user_out").unwrap();
    let random = &mut StdRng::seed_from_u64(0xAD10);
    for kind in (0..4).cycle().take(4000) {
        let (status, sa): (u8, u32) = (random.random(), random.random_range(0..1024));
        let (crypto, is_protected) = (kind == 1, kind == 2);
        let done = crypto || is_protected;
        let meta = Meta {
            crypto,
            must_protect: random.random(),
            is_protected,
            unsupported: kind == 3,
            status: u64::from(status).into(),
            sa: u64::from(sa).into(),
            generation: u64::from(random.random::<u16>()).into(),
        };
        model.set_record("s_meta", meta);
        model.eval();
        let word = rx::SA.set(rx::STATUS.set(0, status.into()), if done { sa } else { 0 });
        let word = rx::CRYPTO_DONE.set(rx::CRYPTO.set(rx::PROTECTED.set(word, is_protected.into()), crypto.into()), done.into());
        assert_eq!(model.get_u64("tuser"), u64::from(word), "{meta:?}");
    }
}
