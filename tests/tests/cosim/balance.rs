//! Packets in = packets out + drops by cause.

use std::collections::BTreeMap;

use espalier_regs::Event;

use crate::station::Station;

/// What becomes of a frame that the engine took from the host.
const SENT: [Event; 3] = [Event::TxBypassed, Event::TxProtected, Event::TxCrypto];
/// What becomes of a frame that the engine took from the wire and gives to the host.
const GIVEN: [Event; 5] = [Event::RxBypassed, Event::RxDecrypted, Event::RxUnsupported, Event::RxCrypto, Event::RxCryptoFailed];
/// What may become of it then.
const BEHIND: [Event; 2] = [Event::RxDropNoBuffer, Event::RxDropHostFault];

/// Checks a station that is at rest, whose card has sent `left_card` frames onto the wire; gives what was lost, by cause.
pub fn balance(station: &mut Station, left_card: u64) -> BTreeMap<String, u64> {
    let counters = station.net.device().counters().expect("counters");
    let account = &station.account;
    let rings = station.net.stats();
    let context = format!("{:?}: {account:?} {rings:?} {:?}", station.side, counters.iter().filter(|&(_, n)| n > 0).collect::<Vec<_>>());
    let sum = |events: &mut dyn Iterator<Item = Event>| events.map(|event| counters.get(event)).sum::<u64>();
    let named = |prefix: &'static str| Event::ALL.iter().copied().filter(move |event| event.name().starts_with(prefix));

    // Out: everything that was given to the driver has come back, and the engine says the same of it.
    assert_eq!(account.accepted, account.settled(), "{context}");
    let outcomes = sum(&mut named("tx_").filter(|&event| event != Event::TxFrames));
    assert_eq!(counters.get(Event::TxFrames), outcomes, "{context}");
    let mut unknown = 0;
    for event in named("tx_").filter(|&event| event != Event::TxFrames) {
        let told = account.statuses.get(&event).copied().unwrap_or(0);
        assert!(told <= counters.get(event), "{event:?}: {context}");
        unknown += counters.get(event) - told;
    }
    // Their completions could not be written: they are among those that the driver calls lost.
    assert!(unknown <= account.lost, "{context}");
    assert_eq!(left_card, sum(&mut SENT.into_iter()), "{context}");

    // In: everything that came over the wire was given to the host, or counted as dropped for one cause.
    assert_eq!(counters.get(Event::RxFrames), account.arrived, "{context}");
    let outcomes = sum(&mut named("rx_").filter(|event| *event != Event::RxFrames && !BEHIND.contains(event)));
    assert_eq!(counters.get(Event::RxFrames), outcomes, "{context}");
    assert_eq!(account.received, sum(&mut GIVEN.into_iter()) - sum(&mut BEHIND.into_iter()), "{context}");
    assert!(rings.rx_damaged - account.damaged_before <= counters.get(Event::RxDropHostFault), "{context}");

    let drops = counters.iter().filter(|(event, count)| event.name().contains("_drop_") && *count > 0);
    let mut lost: BTreeMap<String, u64> = drops.map(|(event, count)| (event.name().to_owned(), count)).collect();
    for (name, count) in [("tx_faulted", account.faulted), ("tx_lost", account.lost)] {
        if count > 0 {
            lost.insert(name.to_owned(), count);
        }
    }
    lost
}
