//! Certificates of authorities that are made up for a test.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a helper that fails is a test that fails, and one that is skipped says so"
)]

use std::path::Path;
use std::process::Command;

const SCRIPT: &str = r#"
set -e
key() { echo -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes; }
for name in ca other; do
    openssl req -x509 $(key) -days 2 -subj "/CN=$name" -keyout $name.key -out $name.crt
done
openssl req $(key) -subj /CN=server -keyout server.key -out server.csr
printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "$1" >extensions
openssl x509 -req -days 2 -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial \
    -extfile extensions -out server.crt
"#;

/// Makes `server.crt` and `server.key` for a name such as `DNS:localhost`, by the authority in
/// `ca.crt`; and `other.crt`, an authority that had no part in it. Returns whether it could.
pub(crate) fn make(folder: &Path, name: &str) -> bool {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("skipped: openssl is not installed");
        return false;
    }
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, "sh", name]).current_dir(folder);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    true
}
