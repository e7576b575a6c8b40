//! The unit: systemd itself says whether it understands it, and how much a broken-in panel could do.

use std::{fs, process::Command};

use crate::{output, project, text, works};

const UNIT: &str = "deploy/rad-panel.service";

/// Whether this machine has systemd's judge; says loudly that it has not.
fn judge() -> bool {
    let there = works(Command::new("systemd-analyze").arg("--version"));
    if !there {
        eprintln!("SKIPPED: {UNIT} was NOT judged: there is no systemd-analyze (bin/need systemd)");
    }
    there
}

#[test]
fn systemd_understands_the_unit() {
    if !judge() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("rad-panel.service");
    // It looks whether the program is there.
    let program = "ExecStart=/usr/bin/rad-panel ";
    assert!(text(UNIT).contains(program));
    let here = format!("ExecStart={} ", env!("CARGO_BIN_EXE_rad-panel"));
    fs::write(&unit, text(UNIT).replace(program, &here)).unwrap();
    let said = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit).output().unwrap();
    let complaints = String::from_utf8_lossy(&said.stderr);
    let ours: Vec<&str> = complaints.lines().filter(|line| line.contains("rad-panel.service")).collect();
    assert!(said.status.success() && ours.is_empty(), "{complaints}");
}

#[test]
fn a_panel_that_was_broken_into_can_do_little() {
    if !judge() {
        return;
    }
    // In tenths; without any hardening it would be 96.
    output(
        Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--no-pager", "--threshold=20"])
            .arg(project().join(UNIT)),
    );
}

#[test]
fn the_unit_the_package_and_the_installer_mean_the_same_places() {
    let places = ["/usr/bin/rad-panel", "/etc/rad-panel/config", "/var/lib/rad-panel"];
    for place in places {
        assert!(text(UNIT).contains(place), "the unit does not know {place}");
        assert!(text("deploy/install.sh").contains(place.trim_end_matches("/config")), "install.sh: {place}");
    }
    assert!(text("deploy/debian/postinst").contains("/etc/rad-panel/config"));
    for script in ["deploy/debian/postinst", "deploy/install.sh"] {
        assert!(text(script).contains("/etc/rad-panel/template.sha256"), "{script}");
    }
    assert!(text("deploy/debian/postinst").contains("/var/lib/rad-panel/uploads"));
    assert!(text("bin/package").contains("UPLOAD_DIR=/var/lib/rad-panel/uploads"));
}
