//! Who may do what: one table of roles and permissions, asked by every page and every API operation.

use nac_store::Role;

/// Something that a page or an API operation needs to be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Permission {
    /// One's own account: everybody who is signed in.
    Own,
    /// See devices, sessions, decisions, quarantine, posture, policy, clients and the rest that is no secret.
    Read,
    /// See guests and vouchers.
    GuestRead,
    /// Add, change and end guests and vouchers; answer sponsors' requests.
    GuestChange,
    /// Re-authenticate and disconnect sessions.
    SessionChange,
    /// Put devices in quarantine and let them out.
    QuarantineChange,
    /// Grant, extend and revoke exceptions.
    ExceptionChange,
    /// Add, change, block and remove devices.
    DeviceChange,
    /// Add, change and remove users.
    UserChange,
    /// Change enrolment secrets and osquery hosts.
    PostureChange,
    /// Switch break-glass on and off, and with it what posture has to say about anybody.
    BreakGlassChange,
    /// Add, change and remove RADIUS clients and segments.
    NetworkChange,
    /// Apply a policy.
    PolicyChange,
    /// Issue and revoke certificates.
    CertificateChange,
    /// Change how the portal looks and what it offers.
    SettingChange,
    /// See who changed what.
    AuditRead,
    /// Make and revoke API tokens.
    TokenChange,
    /// Appoint, change and remove administrators.
    AdministratorChange,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Own,
        Self::Read,
        Self::GuestRead,
        Self::GuestChange,
        Self::SessionChange,
        Self::QuarantineChange,
        Self::ExceptionChange,
        Self::DeviceChange,
        Self::UserChange,
        Self::PostureChange,
        Self::BreakGlassChange,
        Self::NetworkChange,
        Self::PolicyChange,
        Self::CertificateChange,
        Self::SettingChange,
        Self::AuditRead,
        Self::TokenChange,
        Self::AdministratorChange,
    ];

    /// The word in the OpenAPI document, where it is an operation's scope.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Read => "read",
            Self::GuestRead => "guest:read",
            Self::GuestChange => "guest:change",
            Self::SessionChange => "session:change",
            Self::QuarantineChange => "quarantine:change",
            Self::ExceptionChange => "exception:change",
            Self::DeviceChange => "device:change",
            Self::UserChange => "user:change",
            Self::PostureChange => "posture:change",
            Self::BreakGlassChange => "break-glass:change",
            Self::NetworkChange => "network:change",
            Self::PolicyChange => "policy:change",
            Self::CertificateChange => "certificate:change",
            Self::SettingChange => "setting:change",
            Self::AuditRead => "audit:read",
            Self::TokenChange => "token:change",
            Self::AdministratorChange => "administrator:change",
        }
    }

    /// The permission of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.as_str() == word)
    }
}

/// Whether a role has a permission. The only place that knows.
pub const fn authorize(role: Role, permission: Permission) -> bool {
    use Permission as P;
    match permission {
        P::Own => true,
        P::Read => !matches!(role, Role::GuestOperator),
        P::GuestRead => true,
        P::GuestChange => matches!(
            role,
            Role::GuestOperator | Role::HelpDesk | Role::Administrator | Role::Owner
        ),
        P::SessionChange | P::QuarantineChange | P::DeviceChange => {
            matches!(role, Role::HelpDesk | Role::Administrator | Role::Owner)
        }
        P::ExceptionChange => !matches!(role, Role::Viewer | Role::GuestOperator),
        P::PolicyChange => matches!(role, Role::PolicyEditor | Role::Administrator | Role::Owner),
        P::UserChange
        | P::PostureChange
        | P::BreakGlassChange
        | P::NetworkChange
        | P::CertificateChange
        | P::SettingChange
        | P::AuditRead
        | P::TokenChange => matches!(role, Role::Administrator | Role::Owner),
        P::AdministratorChange => matches!(role, Role::Owner),
    }
}

/// Whether somebody of one role may give another: nobody gives what they do not have.
pub fn may_grant(own: Role, given: Role) -> bool {
    Permission::ALL
        .into_iter()
        .all(|permission| !authorize(given, permission) || authorize(own, permission))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_roles_is_this_one() {
        let row = |role: Role| -> Vec<&str> {
            Permission::ALL
                .into_iter()
                .filter(|permission| authorize(role, *permission))
                .map(Permission::as_str)
                .collect()
        };
        assert_eq!(row(Role::Viewer), ["own", "read", "guest:read"]);
        assert_eq!(
            row(Role::GuestOperator),
            ["own", "guest:read", "guest:change"]
        );
        assert_eq!(
            row(Role::PolicyEditor),
            [
                "own",
                "read",
                "guest:read",
                "exception:change",
                "policy:change"
            ]
        );
        assert_eq!(
            row(Role::HelpDesk),
            [
                "own",
                "read",
                "guest:read",
                "guest:change",
                "session:change",
                "quarantine:change",
                "exception:change",
                "device:change"
            ]
        );
        assert_eq!(row(Role::Administrator).len(), Permission::ALL.len() - 1);
        assert_eq!(row(Role::Owner).len(), Permission::ALL.len());
    }

    #[test]
    fn nobody_gives_more_than_they_have() {
        assert!(may_grant(Role::Owner, Role::Owner));
        assert!(may_grant(Role::Administrator, Role::HelpDesk));
        assert!(!may_grant(Role::Administrator, Role::Owner));
        assert!(!may_grant(Role::HelpDesk, Role::PolicyEditor));
    }

    #[test]
    fn every_permission_has_a_word_of_its_own() {
        for permission in Permission::ALL {
            assert_eq!(Permission::from_word(permission.as_str()), Some(permission));
        }
        assert_eq!(Permission::from_word("everything"), None);
    }
}
