//! The program itself: two daemons with TAP interfaces in network namespaces of their own, `ip` and `ping` above them. Skipped, with a word,
//! where the machine does not let us.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use super::KEY;
use super::bench::wait_for;

const PROGRAM: &str = env!("CARGO_BIN_EXE_espalier");

/// A shell in a network namespace; its commands come by standard input.
struct Namespace {
    shell: Child,
    folder: PathBuf,
}

impl Namespace {
    fn new(folder: &Path, name: &str) -> Self {
        let folder = folder.join(name);
        std::fs::create_dir(&folder).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        let shell = unshare().arg("sh").stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        Self { shell, folder }
    }

    fn run(&mut self, command: &str) {
        writeln!(self.shell.stdin.as_mut().unwrap(), "{command}").unwrap();
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap()
    }

    /// Runs a command to its end; what it said.
    fn ask(&mut self, command: &str) -> String {
        let (out, done) = (self.folder.join("out"), self.folder.join("done"));
        let _ = std::fs::remove_file(&done);
        self.run(&format!(
            "({command}) >{} 2>&1; echo $? >{}.tmp; mv {}.tmp {}",
            out.display(),
            done.display(),
            done.display(),
            done.display()
        ));
        let status = wait_for(|| std::fs::read_to_string(&done).ok());
        let said = std::fs::read_to_string(&out).unwrap();
        assert_eq!(status.trim(), "0", "{command}: {said}\n{}", self.log());
        said
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("control")
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The shell ends with its input; a daemon that is left goes first.
        self.run("kill $! 2>/dev/null; wait; exit");
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(if rustix::process::getuid().is_root() { &["-n"][..] } else { &["-rn"] });
    command
}

/// Why the machine does not let us, if so.
fn obstacle() -> Option<String> {
    let try_it = |script: &str| -> Option<String> {
        let done: Output = match unshare().args(["sh", "-c", script]).output() {
            Ok(done) => done,
            Err(error) => return Some(format!("unshare: {error}")),
        };
        (!done.status.success()).then(|| format!("{script}: {}", String::from_utf8_lossy(&done.stderr).trim()))
    };
    try_it("ip link set lo up")
        .or_else(|| try_it("ping -c1 -w2 127.0.0.1 || ip link set lo up && ping -c1 -w2 127.0.0.1"))
        .or_else(|| try_it("ip tuntap add t0 mode tap"))
}

#[test]
fn ping_crosses_a_tunnel_between_two_daemons() {
    if let Some(obstacle) = obstacle() {
        eprintln!("skipped: no network namespace with a TAP interface here: {obstacle}");
        return;
    }
    drop(super::simulated::card());
    let folder = tempfile::tempdir().unwrap();
    let wire = folder.path().join("wire");
    let (mut a, mut b) = (Namespace::new(folder.path(), "a"), Namespace::new(folder.path(), "b"));
    // Only root can become somebody else.
    let user = if rustix::process::getuid().is_root() { "--user 65534:65534" } else { "" };
    for (host, end, number, peer) in [(&mut a, "unix", 1, 2), (&mut b, "connect", 2, 1)] {
        let (socket, wire_path) = (host.socket(), wire.display());
        let options = format!("--bus sim --wire {end}:{wire_path} --tap esp0 --mac 02:00:00:00:00:0{number} --metrics 127.0.0.1:9100");
        if end == "connect" {
            wait_for(|| wire.exists().then_some(()));
        }
        host.run(&format!("{PROGRAM} daemon {options} --socket {} {user} &", socket.display()));
        wait_for(|| socket.exists().then_some(()));
        host.ask(&format!(
            "ip link set lo up; ip address add 192.0.2.{number}/24 dev esp0; ip address add 10.{number}.0.1/32 dev lo; \
             ip neigh add 192.0.2.{peer} lladdr 02:00:00:00:00:0{peer} dev esp0; \
             ip route add 10.{peer}.0.0/16 via 192.0.2.{peer} dev esp0 src 10.{number}.0.1; ip address add 10.{number}.0.1/32 dev esp0"
        ));
    }
    for (host, number, peer) in [(&mut a, 1, 2), (&mut b, 2, 1)] {
        let espalier = format!("{PROGRAM} xfrm --socket {}", host.socket().display());
        for (src, dst, spi, direction) in [(number, peer, number, "out"), (peer, number, peer, "in")] {
            let key = format!("{}0{spi}", &KEY[..KEY.len() - 2]);
            host.ask(&format!(
                "{espalier} state add src 192.0.2.{src} dst 192.0.2.{dst} proto esp spi {spi} reqid 1 mode tunnel replay-window 64 \
                 aead 'rfc4106(gcm(aes))' {key} 128 offload packet dev esp0 dir {direction} && \
                 {espalier} policy add src 10.{src}.0.0/16 dst 10.{dst}.0.0/16 dir {direction} offload packet dev esp0 \
                 tmpl src 192.0.2.{src} dst 192.0.2.{dst} proto esp reqid 1 mode tunnel"
            ));
        }
    }
    let said = a.ask("ping -c 3 -i 0.2 -W 5 10.2.0.1 && ping -c 2 -i 0.2 -W 5 -s 1400 10.2.0.1 && ping -c 2 -W 5 -M dont -s 3000 10.2.0.1");
    assert_eq!(said.matches(" 0% packet loss").count(), 3, "{said}");
    // One with DF that is too long is told the MTU of the tunnel.
    let told = a.ask("ping -c 2 -i 0.2 -W 5 -M do -s 1460 10.2.0.1; true");
    assert!(told.contains("mtu = 1446") || told.contains("mtu=1446"), "{told}");
    let stats = b.ask(&format!("{PROGRAM} stats --socket {}", b.socket().display()));
    assert!(stats.contains("tx_protected") && !stats.contains("drop_"), "{stats}");
    let metrics = a.ask("curl -s http://127.0.0.1:9100/metrics || wget -qO- http://127.0.0.1:9100/metrics");
    assert!(metrics.contains("espalier_sa_packets_total"), "{metrics}");
    // Addresses are followed, and so is the link.
    assert!(a.log().contains("10.1.0.1"), "{}", a.log());
    a.ask("ip link set esp0 mtu 1400");
    wait_for(|| a.log().contains("mtu=1400").then_some(()));
    a.ask("ip link set esp0 down");
    let socket = a.socket();
    let listed = wait_for(|| {
        let listed = a.ask(&format!("{PROGRAM} xfrm --socket {} state list", socket.display()));
        listed.is_empty().then_some(listed)
    });
    assert_eq!(listed, "");
    if !user.is_empty() {
        let status = a.ask("cat /proc/$!/status");
        assert!(status.contains("NoNewPrivs:\t1") && status.contains("CapEff:\t0000000000000000"), "{status}");
    }
    // SIGTERM.
    a.run("kill $!; wait $!; echo ended: $?");
    wait_for(|| a.log().contains("ended: 0").then_some(()));
    assert!(a.log().contains("closing"), "{}", a.log());
}
