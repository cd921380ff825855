//! What the engine did against what the model did: the first difference, in words.

use espalier_reference_model::lifetime::Lifetime;
use espalier_reference_model::nic::Counters;
use espalier_reference_model::sa::{RxSa, TxSa};
use espalier_regs::Event;
use espalier_regs::mailbox::{MAIL_WORDS, sa_state};
use espalier_regs::notice::Notice;
use espalier_sim::stream::Frame;

pub fn frames(what: &str, engine: &[Frame], model: &[Vec<u8>]) -> Result<(), String> {
    for (at, (Frame { bytes: engine, .. }, model)) in engine.iter().zip(model).enumerate() {
        if engine != model {
            let byte = engine.iter().zip(model).position(|(a, b)| a != b).unwrap_or(engine.len().min(model.len()));
            return Err(format!(
                "{what}: frame {at} differs from byte {byte} on ({} bytes, model {}):\n engine {}\n model  {}",
                engine.len(),
                model.len(),
                hex(engine),
                hex(model)
            ));
        }
    }
    same_length(what, engine.len(), model.len())
}

/// The words that come one for each frame.
pub fn words(what: &str, engine: &[u32], model: &[u32]) -> Result<(), String> {
    for (at, (engine, model)) in engine.iter().zip(model).enumerate() {
        if engine != model {
            return Err(format!("{what} {at}: {engine:#010x}, model {model:#010x}"));
        }
    }
    same_length(what, engine.len(), model.len())
}

fn same_length(what: &str, engine: usize, model: usize) -> Result<(), String> {
    if engine == model { Ok(()) } else { Err(format!("{what}: {engine} in all, model {model}")) }
}

/// The two directions share the queue, so their order is no matter; it must not have run over.
pub fn notices((engine, lost): (Vec<Notice>, bool), model: Vec<Notice>) -> Result<(), String> {
    if lost {
        return Err(format!("the event queue ran over; model {model:?}"));
    }
    let sorted = |mut notices: Vec<Notice>| {
        notices.sort_by_key(|notice| notice.encode());
        notices
    };
    let (engine, model) = (sorted(engine), sorted(model));
    if engine == model { Ok(()) } else { Err(format!("notices: {engine:?}\n model {model:?}")) }
}

pub fn counters(engine: &[u64], model: &Counters) -> Result<(), String> {
    let differing = Event::ALL.iter().zip(engine).filter(|(event, count)| **count != model.get(**event));
    let differences: Vec<_> = differing.map(|(event, count)| format!("{}: {count}, model {}", event.name(), model.get(*event))).collect();
    if differences.is_empty() { Ok(()) } else { Err(format!("counters differ: {}", differences.join("; "))) }
}

pub fn tx_state(sa: u16, engine: &[u32; MAIL_WORDS], model: &TxSa) -> Result<(), String> {
    state(&format!("outbound SA {sa}"), engine, model.last_seq, &model.lifetime, [0; 3])
}

pub fn rx_state(sa: u16, engine: &[u32; MAIL_WORDS], model: &RxSa) -> Result<(), String> {
    let failures = [model.failures.replay, model.failures.replay_window, model.failures.integrity_failed];
    state(&format!("inbound SA {sa}"), engine, model.replay.top(), &model.lifetime, failures)
}

fn state(what: &str, engine: &[u32; MAIL_WORDS], seq: u64, life: &Lifetime, failures: [u32; 3]) -> Result<(), String> {
    let [replay, replay_window, integrity_failed] = failures;
    for (field, value) in [
        (sa_state::SEQ, seq),
        (sa_state::PACKETS, life.packets),
        (sa_state::BYTES, life.bytes),
        (sa_state::SOFT, life.soft_reported.into()),
        (sa_state::HARD, life.hard_reported.into()),
        (sa_state::REPLAY, replay.into()),
        (sa_state::REPLAY_WINDOW, replay_window.into()),
        (sa_state::INTEGRITY_FAILED, integrity_failed.into()),
    ] {
        let found = field.get(engine);
        if found != value.into() {
            return Err(format!("{what}: {} is {found:#x}, model {value:#x}", field.name));
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
