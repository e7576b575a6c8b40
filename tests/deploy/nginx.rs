//! Debian's nginx as a child of the test, with the project's own site; a certificate of a local authority; curl as the
//! browser.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{output, panel::free_port, project, text};

/// The shop's domain in these tests.
pub const DOMAIN: &str = "panel.test";

/// nginx with the site of `deploy/nginx`; ended with the test.
pub struct Nginx {
    pub http: u16,
    pub https: u16,
    upstream: String,
    child: Option<Child>,
    folder: TempDir,
}

impl Nginx {
    /// A folder with all that nginx needs but a certificate. `upstream` stands in the template's place of that name.
    pub fn new(upstream: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Its workers are nobody's, where root runs the tests.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let nginx = Self {
            http: free_port(),
            https: free_port(),
            upstream: upstream.to_owned(),
            child: None,
            folder,
        };
        for name in ["acme/.well-known/acme-challenge", "authority", "live", "sites"] {
            fs::create_dir_all(nginx.path(name)).unwrap();
        }
        let main = "pid {}/nginx.pid; error_log {}/error.log info; events {}\n\
            http { include /etc/nginx/mime.types; client_body_temp_path {}/body; proxy_temp_path {}/proxy;\n\
            fastcgi_temp_path {}/fastcgi; uwsgi_temp_path {}/uwsgi; scgi_temp_path {}/scgi; include {}/sites/*; }\n";
        let main = main.replace("{}/", &format!("{}/", nginx.folder.path().display())).replace("{}", "{ }");
        fs::write(nginx.path("nginx.conf"), main).unwrap();
        nginx
    }

    /// nginx with a certificate and the whole site, answering.
    pub fn start(upstream: &str) -> Self {
        let mut nginx = Self::new(upstream);
        nginx.make_certificate();
        nginx.use_site("rad-panel.conf.template");
        nginx.run();
        nginx
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a certificate of the test's own authority, as certbot would leave it.
    pub fn make_certificate(&self) {
        let openssl = |arguments: &str| {
            output(Command::new("openssl").args(arguments.split(' ')).current_dir(self.folder.path()))
        };
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256";
        if !self.authority().exists() {
            openssl(&format!(
                "req -x509 {key} -keyout authority/key.pem -out authority/ca.pem -days 300 -subj /CN=Tests \
                 -addext keyUsage=critical,keyCertSign"
            ));
        }
        openssl(&format!("req {key} -keyout live/privkey.pem -out live/request.pem -subj /CN={DOMAIN}"));
        fs::write(
            self.path("live/more"),
            format!("subjectAltName=DNS:{DOMAIN}\nextendedKeyUsage=serverAuth\n"),
        )
        .unwrap();
        openssl(
            "x509 -req -in live/request.pem -CA authority/ca.pem -CAkey authority/key.pem -CAcreateserial -sha256 \
             -days 90 -extfile live/more -out live/fullchain.pem",
        );
    }

    /// The certificate of the authority.
    pub fn authority(&self) -> PathBuf {
        self.path("authority/ca.pem")
    }

    /// Puts a template in place, with the paths and ports of this test. Each must be in it.
    pub fn use_site(&self, template: &str) {
        let mut site = text(&format!("deploy/nginx/{template}"));
        let place = |name: &str| self.path(name).display().to_string();
        let mut put = |what: &str, with: &str| {
            assert!(site.contains(what), "{template} has no {what}");
            site = site.replace(what, with);
        };
        put("listen [::]:80;", "");
        put("listen 80;", &format!("listen 127.0.0.1:{};", self.http));
        put("/var/www/acme", &place("acme"));
        put("/usr/share/rad-panel/pages", &project().join("deploy/nginx/pages").display().to_string());
        if template.starts_with("rad-panel") {
            put("listen [::]:443 ssl http2;", "");
            put("listen 443 ", &format!("listen 127.0.0.1:{} ", self.https));
            put("/etc/letsencrypt/live/${DOMAIN}", &place("live"));
            put("/var/log/nginx/access.log", &place("access.log"));
            put("${UPSTREAM}", &self.upstream);
        }
        put("${DOMAIN}", DOMAIN);
        assert!(!site.contains("${"), "{template} has a third name to be replaced");
        fs::write(self.path("sites/rad-panel"), site).unwrap();
    }

    fn program(&self) -> Command {
        let program = Path::new("/usr/sbin/nginx");
        let mut command = Command::new(if program.exists() { program } else { Path::new("nginx") });
        command.arg("-p").arg(self.folder.path()).arg("-c").arg(self.path("nginx.conf"));
        command.arg("-e").arg(self.path("error.log")).stdin(Stdio::null());
        command
    }

    /// Starts it in the foreground, and waits until it answers.
    pub fn run(&mut self) {
        output(self.program().arg("-t"));
        self.child = Some(self.program().args(["-g", "daemon off;"]).spawn().unwrap());
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.http)).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(20), "no nginx: {}", self.errors());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Takes up another site or certificate, as after a renewal; waits until the old worker has gone.
    pub fn reload(&self) {
        let gone = || self.errors().matches("exited with code 0").count();
        let before = gone();
        output(self.program().arg("-t"));
        output(self.program().args(["-s", "reload"]));
        let begin = Instant::now();
        while gone() == before {
            assert!(begin.elapsed() < Duration::from_secs(20), "not taken up: {}", self.errors());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn errors(&self) -> String {
        fs::read_to_string(self.path("error.log")).unwrap_or_default()
    }

    /// curl as a browser: knows the authority, keeps cookies, follows nothing, and takes nginx for the domain.
    pub fn curl(&self) -> Command {
        let mut curl = Command::new("curl");
        curl.env_clear().env("PATH", "/usr/bin:/bin").arg("--disable").arg("--cacert").arg(self.authority());
        curl.args(["--silent", "--show-error", "--max-time", "60", "--noproxy", "*"]);
        curl.args(["--connect-to", &format!("{DOMAIN}:443:127.0.0.1:{}", self.https)]);
        curl.args(["--connect-to", &format!("{DOMAIN}:80:127.0.0.1:{}", self.http)]);
        curl.arg("--cookie").arg(self.path("cookies")).arg("--cookie-jar").arg(self.path("cookies"));
        curl
    }

    /// What comes back from a path of the domain over HTTPS.
    pub fn ask(&self, path: &str, arguments: &[&str]) -> Reply {
        Reply::of(self.curl().args(arguments).arg(format!("https://{DOMAIN}{path}")))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.program().args(["-s", "stop"]).output();
        if let Some(mut child) = self.child.take() {
            let _ = child.wait();
        }
    }
}

/// An answer: every header with all its values.
pub struct Reply {
    pub version: String,
    pub status: u16,
    pub headers: BTreeMap<String, Vec<String>>,
    pub body: String,
}

impl Reply {
    pub fn of(curl: &mut Command) -> Self {
        let said = output(curl.arg("--include"));
        let mut rest = said.as_str();
        loop {
            let (head, body) = rest.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {said}"));
            let mut lines = head.lines();
            let mut first = lines.next().unwrap().split(' ');
            let version = first.next().unwrap().to_owned();
            let status = first.next().unwrap().parse().unwrap();
            // curl asked whether it may send so much.
            if status == 100 {
                rest = body;
                continue;
            }
            let mut headers = BTreeMap::<String, Vec<String>>::new();
            for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
                headers.entry(name.to_lowercase()).or_default().push(value.to_owned());
            }
            return Self { version, status, headers, body: body.to_owned() };
        }
    }

    /// The one value of a header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        let values = self.headers.get(name).map_or(&[][..], Vec::as_slice);
        assert!(values.len() < 2, "{name} stands there {} times: {values:?}", values.len());
        values.first().map_or("", String::as_str)
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }
}
