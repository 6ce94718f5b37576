//! The tables of osquery that checks and detail queries read: names, columns, types, platforms.
//!
//! Column names and types are osquery's; tables are trimmed to what a check could sensibly use.

const LINUX: u8 = 1;
const MACOS: u8 = 2;
const WINDOWS: u8 = 4;
const CHROME: u8 = 8;
const POSIX: u8 = LINUX | MACOS;
const DESKTOP: u8 = LINUX | MACOS | WINDOWS;
const EVERY: u8 = DESKTOP | CHROME;

/// One osquery table.
#[derive(Clone, Copy, Debug)]
pub struct TableSchema {
    /// The table's name.
    pub name: &'static str,
    platforms: u8,
    columns: &'static str,
}

impl TableSchema {
    /// Columns as `(name, type)`, in order.
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.columns.split(',').map(|column| {
            let (name, kind) = column
                .trim()
                .split_once(' ')
                .unwrap_or_else(|| (column.trim(), ""));
            match kind {
                "i" => (name, "INTEGER"),
                "b" => (name, "BIGINT"),
                _ => (name, "TEXT"),
            }
        })
    }

    /// Whether osquery has this table on `platform` (`linux`, `darwin`, `windows` or `chrome`).
    pub fn exists_on(&self, platform: &str) -> bool {
        let bit = match platform {
            "linux" => LINUX,
            "darwin" => MACOS,
            "windows" => WINDOWS,
            "chrome" => CHROME,
            _ => 0,
        };
        self.platforms & bit != 0
    }
}

/// The tables that exist on `platform`.
pub fn tables(platform: &str) -> impl Iterator<Item = &'static TableSchema> {
    TABLES.iter().filter(move |table| table.exists_on(platform))
}

const fn table(name: &'static str, platforms: u8, columns: &'static str) -> TableSchema {
    TableSchema {
        name,
        platforms,
        columns,
    }
}

/// Text is the default type; `i` is INTEGER and `b` is BIGINT.
const TABLES: &[TableSchema] = &[
    table(
        "alf",
        MACOS,
        "allow_signed_enabled i, firewall_unload i, global_state i, logging_enabled i, logging_option i, stealth_enabled i, version",
    ),
    table("apparmor_profiles", LINUX, "path, name, attach, mode, sha1"),
    table(
        "apps",
        MACOS,
        "name, path, bundle_executable, bundle_identifier, bundle_name, bundle_short_version, bundle_version, display_name, minimum_system_version, category",
    ),
    table("augeas", POSIX, "node, value, label, path"),
    table(
        "bitlocker_info",
        WINDOWS,
        "device_id, drive_letter, persistent_volume_id, conversion_status i, protection_status i, encryption_method, version i, percentage_encrypted i, lock_status i",
    ),
    table(
        "certificates",
        DESKTOP,
        "common_name, subject, issuer, ca i, self_signed i, not_valid_before, not_valid_after, signing_algorithm, key_algorithm, key_strength, key_usage, subject_key_id, authority_key_id, sha1, path, serial, sid, store_location, store, username, store_id",
    ),
    table(
        "deb_packages",
        LINUX,
        "name, version, source, size b, arch, revision, status, maintainer, section, priority, admindir",
    ),
    table(
        "disk_encryption",
        POSIX,
        "name, uuid, encrypted i, type, encryption_status, uid, user_uuid, filevault_status",
    ),
    table(
        "disk_info",
        WINDOWS,
        "partitions i, disk_index i, type, id, pnp_device_id, disk_size b, manufacturer, hardware_model, name, serial, description",
    ),
    table(
        "gatekeeper",
        MACOS,
        "assessments_enabled i, dev_id_enabled i, version, opaque_version",
    ),
    table(
        "groups",
        DESKTOP,
        "gid b, gid_signed b, groupname, group_sid, comment, is_hidden i",
    ),
    table(
        "interface_addresses",
        DESKTOP,
        "interface, address, mask, broadcast, point_to_point, type, friendly_name",
    ),
    table(
        "interface_details",
        DESKTOP,
        "interface, mac, type i, mtu i, metric i, flags i, ipackets b, opackets b, ibytes b, obytes b, ierrors b, oerrors b, idrops b, odrops b, collisions b, last_change b",
    ),
    table(
        "iptables",
        LINUX,
        "filter_name, chain, policy, target, protocol i, src_port, dst_port, src_ip, src_mask, iniface, iniface_mask, dst_ip, dst_mask, outiface, outiface_mask, match, packets i, bytes i",
    ),
    table(
        "kernel_modules",
        LINUX,
        "name, size b, used_by, status, address",
    ),
    table(
        "listening_ports",
        DESKTOP,
        "pid i, port i, protocol i, family i, address, fd b, socket b, path, net_namespace",
    ),
    table(
        "managed_policies",
        MACOS,
        "domain, uuid, name, value, username, manual i",
    ),
    table(
        "mounts",
        POSIX,
        "device, device_alias, path, type, blocks_size b, blocks b, blocks_free b, blocks_available b, inodes b, inodes_free b, flags",
    ),
    table("network_interfaces", CHROME, "mac, ipv4, ipv6"),
    table(
        "os_version",
        EVERY,
        "name, version, major i, minor i, patch i, build, platform, platform_like, codename, arch, extra, install_date b, revision i",
    ),
    table(
        "osquery_flags",
        DESKTOP,
        "name, type, description, default_value, value, shell_only i",
    ),
    table(
        "osquery_info",
        EVERY,
        "pid i, uuid, instance_id, version, config_hash, config_valid i, extensions, build_platform, build_distro, start_time i, watcher i, platform_mask i",
    ),
    table(
        "osquery_registry",
        DESKTOP,
        "registry, name, owner_uuid i, internal i, active i",
    ),
    table(
        "platform_info",
        DESKTOP,
        "vendor, version, date, revision, extra, firmware_type",
    ),
    table("plist", MACOS, "key, subkey, value, path"),
    table(
        "processes",
        DESKTOP,
        "pid b, name, path, cmdline, state, cwd, root, uid b, gid b, parent b, threads i, nice i, start_time b",
    ),
    table(
        "programs",
        WINDOWS,
        "name, version, install_location, install_source, language, publisher, uninstall_string, install_date, identifying_number",
    ),
    table("registry", WINDOWS, "key, path, name, type, data, mtime b"),
    table(
        "rpm_packages",
        LINUX,
        "name, version, release, source, size b, sha1, arch, epoch i, install_time i, vendor, package_group",
    ),
    table("screenlock", MACOS | CHROME, "enabled i, grace_period i"),
    table(
        "secureboot",
        DESKTOP,
        "secure_boot i, secure_mode i, description, kernel_extensions i, mdm_operations i, setup_mode i",
    ),
    table("selinux_settings", LINUX, "scope, key, value"),
    table(
        "services",
        WINDOWS,
        "name, service_type, display_name, status, pid i, start_type, win32_exit_code i, service_exit_code i, path, module_path, description, user_account",
    ),
    table(
        "shadow",
        LINUX,
        "password_status, hash_alg, last_change b, min b, max b, warning b, inactive b, expire b, flag b, username",
    ),
    table(
        "sharing_preferences",
        MACOS,
        "screen_sharing i, file_sharing i, printer_sharing i, remote_login i, remote_management i, remote_apple_events i, internet_sharing i, bluetooth_sharing i, disc_sharing i, content_caching i",
    ),
    table(
        "sip_config",
        MACOS,
        "config_flag, enabled i, enabled_nvram i",
    ),
    table(
        "system_extensions",
        MACOS,
        "path, UUID, state, identifier, version, category, bundle_path, team, mdm_managed i",
    ),
    table(
        "system_info",
        EVERY,
        "hostname, uuid, cpu_type, cpu_subtype, cpu_brand, cpu_physical_cores i, cpu_logical_cores i, cpu_sockets i, cpu_microcode, physical_memory b, hardware_vendor, hardware_model, hardware_version, hardware_serial, board_vendor, board_model, board_version, board_serial, computer_name, local_hostname",
    ),
    table(
        "systemd_units",
        LINUX,
        "id, description, load_state, active_state, sub_state, unit_file_state, following, object_path, job_id b, job_type, job_path, fragment_path, user, source_path",
    ),
    table(
        "time",
        DESKTOP,
        "weekday, year i, month i, day i, hour i, minutes i, seconds i, timezone, local_timezone, unix_time i, timestamp, datetime, iso_8601",
    ),
    table(
        "tpm_info",
        WINDOWS,
        "activated i, enabled i, owned i, manufacturer_version, manufacturer_id i, manufacturer_name, product_name, physical_presence_version, spec_version",
    ),
    table(
        "uptime",
        DESKTOP,
        "days i, hours i, minutes i, seconds i, total_seconds b",
    ),
    table("user_groups", DESKTOP, "uid b, gid b"),
    table(
        "user_ssh_keys",
        DESKTOP,
        "uid b, path, encrypted i, key_type, key_group_name, key_length i, key_security_bits i",
    ),
    table(
        "users",
        DESKTOP,
        "uid b, gid b, uid_signed b, gid_signed b, username, description, directory, shell, uuid, type, is_hidden i, pid_with_namespace i",
    ),
    table(
        "windows_optional_features",
        WINDOWS,
        "name, caption, state i, statename",
    ),
    table(
        "windows_security_center",
        WINDOWS,
        "firewall, autoupdate, antivirus, antispyware, internet_settings, windows_security_center_service, user_account_control",
    ),
    table(
        "windows_security_products",
        WINDOWS,
        "type, name, state, state_timestamp, remediation_path, signatures_up_to_date i",
    ),
    table(
        "windows_update_history",
        WINDOWS,
        "client_app_id, date b, description, hresult b, operation, result_code, server_selection, service_id, support_url, title, update_id, update_revision b",
    ),
];
