//! Somebody with a browser at one address of this machine, which keeps nothing and runs no script: curl.

use std::process::Command;

use nac_test_support::program;

use crate::site::Site;

/// The browser.
pub(crate) struct Visitor<'s> {
    site: &'s Site,
    address: String,
}

/// A page, or where a form leads.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: String,
    pub(crate) body: String,
}

impl<'s> Visitor<'s> {
    pub(crate) fn at(site: &'s Site, address: [u8; 4]) -> Self {
        Self {
            site,
            address: std::net::Ipv4Addr::from(address).to_string(),
        }
    }

    /// A page.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask(path, None)
    }

    /// Sends a form.
    pub(crate) fn post(&self, path: &str, form: &str) -> Answer {
        self.ask(path, Some(form))
    }

    /// A form that has to lead on, and the page it leads to.
    pub(crate) fn send(&self, path: &str, form: &str) -> Answer {
        let answer = self.post(path, form);
        assert_eq!(answer.status, 303, "{path}: {answer:?}");
        self.get(&answer.location)
    }

    fn ask(&self, path: &str, form: Option<&str>) -> Answer {
        let mut command = Command::new(program::peer("curl", "curl"));
        command
            .args([
                "-s",
                "-S",
                "-i",
                "-4",
                "--interface",
                &self.address,
                "--cacert",
            ])
            .arg(self.site.ca());
        if let Some(form) = form {
            command.args(["--data", form]);
        }
        command.arg(format!(
            "https://localhost:{}{path}",
            self.site.portal.port()
        ));
        let said = program::run(&mut command);
        let (head, body) = said.split_once("\r\n\r\n").expect("a header and a body");
        let location = head
            .lines()
            .find_map(|line| line.strip_prefix("location: "))
            .unwrap_or_default();
        Answer {
            status: head
                .split_whitespace()
                .nth(1)
                .and_then(|status| status.parse().ok())
                .expect("a status"),
            location: location.to_owned(),
            body: body.to_owned(),
        }
    }
}
