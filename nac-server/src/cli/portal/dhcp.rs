//! `nac portal dhcp-snippets`: option 114 for the DHCP servers that people have.

use nac_portal::public::capport::API_PATH;
use serde_json::json;

use crate::cli::output::{print, print_json};
use crate::cli::{Answer, Context, Failure, Outcome};

/// A DHCP option holds no more.
const OPTION_MAX: usize = 255;

pub(super) fn run(context: &Context) -> Outcome {
    let settings = context.settings()?;
    if settings.portal.public_name.is_none() {
        return Err(
            Failure::no("the portal has no name that devices could be told").fix(
                "set [portal] public_name in nac.toml to the name in the portal's certificate",
            ),
        );
    }
    let url = format!("{}{API_PATH}", settings.portal.url(settings.portal.listen));
    if url.len() > OPTION_MAX {
        return Err(Failure::no(format!(
            "{url} does not fit into a DHCP option"
        )));
    }
    let snippets = snippets(&url);
    if context.json() {
        let snippets: serde_json::Map<_, _> = snippets
            .into_iter()
            .map(|(server, text)| (server.to_owned(), text.into()))
            .collect();
        print_json(&json!({ "url": url, "snippets": snippets }))?;
        return Ok(Answer::Yes);
    }
    let mut text = format!(
        "Devices learn of the portal by DHCP option 114 (RFC 8910), in the subnets of the segments that hold people back and of\n\
         guests. The name must be in the portal's certificate, and devices must trust who signed it.\n\n  {url}\n"
    );
    for (server, snippet) in snippets {
        text.push_str(&format!("\n# {server}\n{snippet}\n"));
    }
    print(&text)?;
    Ok(Answer::Yes)
}

fn snippets(url: &str) -> Vec<(&'static str, String)> {
    vec![
        (
            "Kea: in Dhcp4, a subnet or a shared network",
            format!(r#""option-data": [ {{ "name": "v4-captive-portal", "data": "{url}" }} ]"#),
        ),
        ("dnsmasq", format!("dhcp-option=114,{url}")),
        (
            "ISC dhcpd",
            format!("option default-url code 114 = text;\noption default-url \"{url}\";"),
        ),
        (
            "Cisco IOS-XE: in the pool of the VLAN",
            format!("ip dhcp pool GUEST\n option 114 ascii \"{url}\""),
        ),
        (
            "Windows Server: PowerShell, once, then for each scope",
            format!(
                "Add-DhcpServerv4OptionDefinition -OptionId 114 -Name CaptivePortal -Type String\n\
                 Set-DhcpServerv4OptionValue -ScopeId 10.20.0.0 -OptionId 114 -Value \"{url}\""
            ),
        ),
    ]
}
