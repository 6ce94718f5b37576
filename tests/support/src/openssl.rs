//! Certificate authorities of somebody else: made, used and written down with the `openssl` command line alone.

use std::cell::Cell;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::pki::Credential;
use crate::program;

/// `openssl ca` keeps what it issued and revoked in files, and makes its lists from them.
const CONFIG: &str = "\
[ca]
default_ca = this
[this]
dir = DIR
database = $dir/index.txt
new_certs_dir = $dir/issued
certificate = $dir/ca.crt
private_key = $dir/ca.key
serial = $dir/serial
crlnumber = $dir/crlnumber
default_md = sha256
default_days = 20
default_crl_days = 7
policy = anything
unique_subject = no
crl_extensions = crl
[anything]
commonName = supplied
[crl]
authorityKeyIdentifier = keyid
[req]
distinguished_name = name
[name]
";

/// The extensions of a client's certificate.
pub const CLIENT: &str = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n\
     extendedKeyUsage=clientAuth\nauthorityKeyIdentifier=keyid\n";
/// The extensions of a server's certificate.
pub const SERVER: &str = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n\
     extendedKeyUsage=serverAuth\nsubjectAltName=DNS:radius.example.org\nauthorityKeyIdentifier=keyid\n";
/// The extensions of an authority's certificate.
pub const AUTHORITY: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n\
     subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";

/// A key that `openssl` makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// ECDSA on P-256.
    P256,
    /// RSA with so many bits.
    Rsa(u16),
}

/// A running OCSP responder.
#[derive(Debug)]
pub struct Responder {
    process: Child,
    /// Open, so that it can go on talking.
    _said: BufReader<ChildStderr>,
}

impl Drop for Responder {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An authority in a folder of its own.
#[derive(Debug)]
pub struct OpensslAuthority {
    folder: PathBuf,
    issued: Cell<u32>,
}

impl OpensslAuthority {
    /// A new root.
    ///
    /// # Panics
    ///
    /// When openssl does not do it; so do the others.
    #[must_use]
    pub fn root(parent: &Path, name: &str) -> Self {
        let this = Self::prepare(parent, name);
        let extensions = "basicConstraints=critical,CA:TRUE";
        this.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "ca.key",
            "-out",
            "ca.crt",
            "-days",
            "30",
            "-config",
            "openssl.cnf",
            "-subj",
            &format!("/CN={name}"),
            "-addext",
            extensions,
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
            "-addext",
            "subjectKeyIdentifier=hash",
        ]);
        this
    }

    /// An authority under this one. `extensions` is [`AUTHORITY`], with more if need be.
    #[must_use]
    pub fn intermediate(&self, name: &str, extensions: &str) -> Self {
        let parent = self.folder.parent().expect("it has a parent");
        let below = Self::prepare(parent, name);
        let made = self.issue(name, Key::P256, extensions, &[]);
        std::fs::copy(&made.certificate, below.certificate()).expect("copied");
        std::fs::copy(&made.key, below.folder.join("ca.key")).expect("copied");
        below
    }

    /// This authority's certificate.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// A certificate and its key. `extensions` are lines of openssl's; `options` are more of `openssl ca`'s, such as
    /// `-startdate`.
    #[must_use]
    pub fn issue(&self, name: &str, key: Key, extensions: &str, options: &[&str]) -> Credential {
        let number = self.issued.replace(self.issued.get() + 1);
        let file = |ending: &str| format!("{number}.{ending}");
        let parameters: &[&str] = match key {
            Key::P256 => &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
            Key::Rsa(bits) => &["-newkey", &format!("rsa:{bits}")],
        };
        let (request, private) = (file("csr"), file("key"));
        let subject = format!("/CN={name}");
        let made = [
            &[
                "req",
                "-new",
                "-nodes",
                "-config",
                "openssl.cnf",
                "-subj",
                &subject,
            ][..],
            &["-keyout", &private, "-out", &request],
            parameters,
        ];
        self.openssl(&made.concat());
        let (wanted, certificate) = (file("ext"), file("crt"));
        std::fs::write(self.folder.join(&wanted), extensions).expect("written");
        let signed = [
            &[
                "ca",
                "-batch",
                "-notext",
                "-config",
                "openssl.cnf",
                "-in",
                &request,
            ][..],
            &["-out", &certificate, "-extfile", &wanted],
            options,
        ];
        self.openssl(&signed.concat());
        Credential {
            certificate: self.folder.join(certificate),
            key: self.folder.join(private),
        }
    }

    /// A certificate of a user, as they should be.
    #[must_use]
    pub fn client(&self, name: &str) -> Credential {
        self.issue(name, Key::P256, CLIENT, &[])
    }

    /// The credential with the certificates of these authorities behind its own.
    #[must_use]
    pub fn with_chain(&self, credential: &Credential, behind: &[&Self]) -> Credential {
        let read = |path: &Path| std::fs::read_to_string(path).expect("a PEM file");
        let mut chain = read(&credential.certificate);
        for authority in behind {
            chain.push_str(&read(&authority.certificate()));
        }
        let certificate = credential.certificate.with_extension("chain.crt");
        std::fs::write(&certificate, chain).expect("written");
        Credential {
            certificate,
            key: credential.key.clone(),
        }
    }

    /// Takes a certificate back; the next list says so.
    pub fn revoke(&self, certificate: &Path) {
        let certificate = certificate.display().to_string();
        self.openssl(&["ca", "-config", "openssl.cnf", "-revoke", &certificate]);
    }

    /// Makes a revocation list in PEM. `options` are more of `openssl ca`'s, such as `-crl_nextupdate`. The file appears whole.
    pub fn list(&self, to: &Path, options: &[&str]) {
        let made = ["ca", "-config", "openssl.cnf", "-gencrl", "-out", "new.crl"];
        self.openssl(&[&made[..], options].concat());
        std::fs::rename(self.folder.join("new.crl"), to).expect("moved");
    }

    /// Makes an OCSP response about a certificate, in DER. The file appears whole.
    pub fn answer(&self, certificate: &Path, to: &Path) {
        let certificate = certificate.display().to_string();
        self.openssl(&[
            "ocsp",
            "-index",
            "index.txt",
            "-CA",
            "ca.crt",
            "-rsigner",
            "ca.crt",
            "-rkey",
            "ca.key",
            "-issuer",
            "ca.crt",
            "-cert",
            &certificate,
            "-ndays",
            "2",
            "-no_nonce",
            "-respout",
            "new.ocsp",
        ]);
        std::fs::rename(self.folder.join("new.ocsp"), to).expect("moved");
    }

    /// Answers OCSP questions at this address about the certificates that there are now, signed by `signer`, until it is dropped.
    /// `knows` says whether it knows them; `options` are more of `openssl ocsp`'s, such as `-nmin`.
    #[must_use]
    pub fn responder(
        &self,
        address: SocketAddr,
        signer: &Self,
        knows: bool,
        options: &[&str],
    ) -> Responder {
        let index = match knows {
            true => "index.txt",
            false => {
                std::fs::write(self.folder.join("nobody.txt"), "").expect("written");
                "nobody.txt"
            }
        };
        let mut command = Command::new(program::peer("openssl", "openssl"));
        let port = address.port().to_string();
        command
            .args(["ocsp", "-ignore_err", "-index", index, "-CA", "ca.crt"])
            .args(["-port", &port])
            .arg("-rsigner")
            .arg(signer.certificate())
            .arg("-rkey")
            .arg(signer.folder.join("ca.key"))
            .args(options)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut process = command.spawn().expect("openssl starts");
        let said = process.stderr.take().expect("it has a stderr");
        let mut said = BufReader::new(said);
        // It takes a connection without a question amiss, so none is tried.
        let mut line = String::new();
        while !line.contains("waiting for OCSP client connections") {
            line.clear();
            let octets = said.read_line(&mut line).expect("openssl says something");
            assert!(octets > 0, "openssl listens");
        }
        Responder {
            process,
            _said: said,
        }
    }

    fn prepare(parent: &Path, name: &str) -> Self {
        let folder = parent.join(name.replace(' ', "-"));
        std::fs::create_dir_all(folder.join("issued")).expect("a folder");
        let write = |file: &str, text: &str| {
            std::fs::write(folder.join(file), text).expect("written");
        };
        write(
            "openssl.cnf",
            &CONFIG.replace("DIR", &folder.display().to_string()),
        );
        write("index.txt", "");
        write("serial", "1000\n");
        write("crlnumber", "01\n");
        Self {
            folder,
            issued: Cell::new(0),
        }
    }

    fn openssl(&self, arguments: &[&str]) {
        let mut command = Command::new(program::peer("openssl", "openssl"));
        program::run(command.args(arguments).current_dir(&self.folder));
    }
}
