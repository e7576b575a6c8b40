//! The TLS of `deploy/nginx`, judged by sslyze against Mozilla's intermediate profile.

use std::{fs, process::Command};

use crate::{
    nginx::{DOMAIN, Nginx},
    panel::free_port,
    tools,
};

/// Whether the profile is kept, and the whole report.
fn judge(nginx: &Nginx) -> (bool, String) {
    let sslyze = tools().join("sslyze/bin/sslyze");
    let output = Command::new(&sslyze)
        .args(["--mozilla_config=intermediate", "--certinfo_ca_file"])
        .arg(nginx.authority())
        .arg(format!("{DOMAIN}:{}{{127.0.0.1}}", nginx.https))
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}; run bin/need sslyze", sslyze.display()));
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    let verdict = report.split("COMPLIANCE AGAINST").nth(1).unwrap_or_else(|| panic!("no verdict: {report}"));
    (output.status.success() && verdict.contains(": OK - Compliant."), report)
}

#[test]
fn nginx_follows_mozillas_intermediate_profile() {
    let nginx = Nginx::start(&format!("127.0.0.1:{}", free_port()));
    let (kept, report) = judge(&nginx);
    assert!(kept, "{report}");
}

#[test]
fn what_nginx_would_do_unasked_is_not_that_profile() {
    let mut nginx = Nginx::new(&format!("127.0.0.1:{}", free_port()));
    nginx.make_certificate();
    nginx.use_site("rad-panel.conf.template");
    let site = fs::read_to_string(nginx.path("sites/rad-panel")).unwrap();
    let ours = |line: &&str| !["ssl_ciphers", "ssl_ecdh_curve"].iter().any(|name| line.contains(name));
    fs::write(nginx.path("sites/rad-panel"), site.lines().filter(ours).collect::<Vec<_>>().join("\n"))
        .unwrap();
    nginx.run();
    let (kept, report) = judge(&nginx);
    assert!(!kept, "the judge must be able to say no: {report}");
}
