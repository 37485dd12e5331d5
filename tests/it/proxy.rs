//! A proxy named by the environment carries REST and git alike.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::support::{Double, Ran, run, small};

/// A proxy for plain HTTP that notes what it carries.
struct Proxy {
    address: SocketAddr,
    carried: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let carried = Arc::new(Mutex::default());
        let of_thread = Arc::clone(&carried);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let carried = Arc::clone(&of_thread);
                // A client that goes away is its own affair.
                std::thread::spawn(move || carry(&stream.unwrap(), &carried).ok());
            }
        });
        Self { address, carried }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn take_carried(&self) -> Vec<String> {
        std::mem::take(&mut self.carried.lock().unwrap())
    }
}

/// One request there, one answer back, and the connection ends.
fn carry(client: &TcpStream, carried: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(client);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    carried.lock().unwrap().push(target.to_owned());
    let below = target.strip_prefix("http://").unwrap_or_default();
    let (authority, path) = below.split_once('/').unwrap_or((below, ""));
    let mut server = TcpStream::connect(authority)?;
    let mut head = format!("{method} /{path} HTTP/1.1\r\nConnection: close\r\n");
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "connection" | "proxy-connection" => continue,
            _ => {}
        }
        head.push_str(&line);
    }
    head.push_str("\r\n");
    server.write_all(head.as_bytes())?;
    std::io::copy(&mut reader.take(length), &mut server)?;
    std::io::copy(&mut server, &mut &*client)?;
    Ok(())
}

fn import(double: &Double, transport: &str, environment: &[(&str, &str)]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let mut command = double.command(folder.path());
    command.envs(environment.iter().copied());
    let arguments = ["import", "seaside/lighthouse", "--json", "--git-transport"];
    run(command.args(arguments).arg(transport))
}

#[test]
fn rest_and_git_go_through_the_proxy() {
    let double = Double::seeded(small());
    let proxy = Proxy::start();
    // The git program reads the lower-case name alone, and so does curl.
    for (transport, variable) in [
        ("gix", "HTTP_PROXY"),
        ("git", "http_proxy"),
        ("gix", "ALL_PROXY"),
    ] {
        double.control().reset_log();
        let ran = import(&double, transport, &[(variable, &proxy.url())]).expect(0);
        assert_eq!(ran.report()["state"], "complete");
        let carried = proxy.take_carried();
        // Everything that reached the simulator came by it.
        assert_eq!(carried.len(), double.control().requests().len());
        for part in ["/2.0/repositories/", "/git-upload-pack", "/info/refs"] {
            let count = carried.iter().filter(|one| one.contains(part)).count();
            assert!(count > 0, "{variable}: {part}");
        }
    }
}

#[test]
fn no_proxy_keeps_hosts_out_of_it() {
    let double = Double::seeded(small());
    let proxy = Proxy::start();
    for no_proxy in ["127.0.0.1", "example.org,127.0.0.0/8"] {
        let environment = [
            ("HTTP_PROXY", proxy.url()),
            ("http_proxy", proxy.url()),
            ("NO_PROXY", no_proxy.to_owned()),
        ];
        let environment = environment
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        import(&double, "gix", &environment).expect(0);
        assert_eq!(proxy.take_carried(), [""; 0], "{no_proxy}");
    }
}

#[test]
fn a_proxy_that_is_not_there_is_named_as_a_network_problem() {
    let double = Double::seeded(small());
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let nobody = format!("http://{nobody}");
    let ran = import(&double, "gix", &[("HTTP_PROXY", &nobody)]).expect(1);
    assert!(
        ran.stderr.contains("cannot reach Bitbucket"),
        "{}",
        ran.stderr
    );
    assert_eq!(double.control().requests().len(), 0);
}
