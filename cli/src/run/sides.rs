//! Which of the two hosts a command belongs to.
//!
//! A host is named as `ip` names it: `-n NAME`, a network namespace. In a file without such names the device of the
//! `offload` names it. The first name of the file is the left host, the second the right one. Where a file has one name
//! only, it holds one host's commands, and its peer gets their mirror image.

use std::fmt;

use crate::xfrm::ast::{Action, PolicyDirection, SaDirection, State};
use crate::xfrm::{Command, ParseError};

/// One of the two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The first of the file.
    Left,
    /// Its peer.
    Right,
}

impl Side {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Left, Self::Right];

    /// The other one.
    pub fn peer(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }

    /// Its place in a pair.
    pub fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Left => "left",
            Self::Right => "right",
        })
    }
}

/// The window of a mirrored inbound SA, whose outbound original has none.
const MIRRORED_WINDOW: u32 = 64;

/// The commands of each host, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    /// Their names in the file.
    pub names: [String; 2],
    /// Their commands.
    pub commands: [Vec<Command>; 2],
    /// The right host's commands are the mirror image of the left one's.
    pub mirrored: bool,
}

/// Deals the commands out.
pub fn split(commands: Vec<Command>) -> Result<Hosts, Vec<ParseError>> {
    let by_netns = commands.iter().any(|command| command.netns.is_some());
    let mut names: Vec<String> = Vec::new();
    let mut dealt = [Vec::new(), Vec::new()];
    let mut errors = Vec::new();
    for command in commands {
        match name(&command, by_netns) {
            Err(error) => errors.push(error),
            Ok(name) => {
                let index = names.iter().position(|known| *known == name).unwrap_or(names.len());
                match dealt.get_mut(index) {
                    Some(commands) => commands.push(command),
                    None => errors.push(ParseError::refused(
                        command.at,
                        &name,
                        format_args!("a third host: {} and {} are the two", names[0], names[1]),
                    )),
                }
                if index == names.len() && index < dealt.len() {
                    names.push(name);
                }
            }
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut names = names.into_iter();
    let first = names.next().unwrap_or_else(|| Side::Left.to_string());
    let second = names.next();
    let mirrored = second.is_none();
    if mirrored {
        dealt[1] = dealt[0].iter().cloned().map(mirror).collect();
    }
    let second = second.unwrap_or_else(|| format!("{first}'s peer"));
    Ok(Hosts { names: [first, second], commands: dealt, mirrored })
}

/// The name of a command's host.
fn name(command: &Command, by_netns: bool) -> Result<String, ParseError> {
    let device = match &command.action {
        Action::AddState(state) | Action::UpdateState(state) => state.offload.as_ref().map(|offload| &offload.device),
        Action::AddPolicy(policy) | Action::UpdatePolicy(policy) => policy.offload_device.as_ref(),
        _ => None,
    };
    match (&command.netns, device, by_netns) {
        (Some(netns), _, _) => Ok(netns.clone()),
        (None, _, true) => Err(ParseError::end(command.at, "'ip -n NAME', as in the file's other commands: which host is it for?")),
        (None, Some(device), false) => Ok(device.clone()),
        (None, None, false) => Err(ParseError::end(command.at, "'ip -n NAME', or 'offload packet dev DEV': which host is it for?")),
    }
}

/// The command that the peer of a host would give: what is sent here is received there.
fn mirror(mut command: Command) -> Command {
    match &mut command.action {
        Action::AddState(state) | Action::UpdateState(state) => mirror_state(state),
        Action::AddPolicy(policy) | Action::UpdatePolicy(policy) => {
            policy.direction = match policy.direction {
                PolicyDirection::In | PolicyDirection::Fwd => PolicyDirection::Out,
                PolicyDirection::Out => PolicyDirection::In,
            };
        }
        // A run refuses all others, on both sides.
        _ => {}
    }
    command
}

fn mirror_state(state: &mut State) {
    let flip = |direction: SaDirection| match direction {
        SaDirection::In => SaDirection::Out,
        SaDirection::Out => SaDirection::In,
    };
    state.direction = state.direction.map(flip);
    if let Some(offload) = &mut state.offload {
        offload.direction = flip(offload.direction);
        state.replay_window = match (offload.direction, state.replay_window) {
            (SaDirection::Out, _) => 0,
            (SaDirection::In, 0) => MIRRORED_WINDOW,
            (SaDirection::In, window) => window,
        };
    }
    let replay = &mut state.replay;
    std::mem::swap(&mut replay.seq, &mut replay.oseq);
    std::mem::swap(&mut replay.seq_hi, &mut replay.oseq_hi);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::xfrm::parse;

    const OUT: &str = "p a src 10.0.0.0/8 dir out";

    fn sides(source: &str) -> Result<Hosts, String> {
        split(parse(source.as_bytes()).unwrap()).map_err(|errors| errors[0].to_string())
    }

    #[test]
    fn namespaces_name_the_hosts_in_order_of_appearance() {
        let hosts = sides(&format!("ip -n b {OUT}\nip -n a {OUT}\nip -n b {OUT}\n")).unwrap();
        assert_eq!(hosts.names, ["b", "a"]);
        assert_eq!((hosts.commands[0].len(), hosts.commands[1].len(), hosts.mirrored), (2, 1, false));
    }

    #[test]
    fn without_namespaces_the_devices_do() {
        let hosts = sides(&format!("{OUT} offload packet dev eth1\n{OUT} offload packet dev eth0\n")).unwrap();
        assert_eq!(hosts.names, ["eth1", "eth0"]);
    }

    #[test]
    fn one_hosts_commands_are_mirrored() {
        let hosts = sides(
            "s a src 10.0.0.1 dst 10.0.0.2 proto esp spi 1 flag esn replay-oseq 7 enc null '' offload packet dev e dir out
             p a src 10.0.0.0/8 dir out offload packet dev e",
        )
        .unwrap();
        assert!(hosts.mirrored);
        let [Action::AddState(state), Action::AddPolicy(policy)] = [0, 1].map(|n| hosts.commands[1][n].action.clone()) else {
            panic!("{hosts:?}")
        };
        assert_eq!(state.offload.unwrap().direction, SaDirection::In);
        assert_eq!((state.replay.seq, state.replay.oseq, state.replay_window), (7, 0, 64));
        assert_eq!(policy.direction, PolicyDirection::In);
    }

    #[test]
    fn a_command_of_no_host_or_a_third_is_refused() {
        assert!(sides(OUT).unwrap_err().contains("which host is it for?"));
        assert!(sides(&format!("ip -n a {OUT}\n{OUT}")).unwrap_err().starts_with("2:1: end of the command (expected 'ip -n NAME'"));
        assert!(
            sides(&format!("ip -n a {OUT}\nip -n b {OUT}\nip -n c {OUT}")).unwrap_err().contains("'c': a third host: a and b are the two")
        );
    }
}
