//! The bodies that osquery sends, field by field.

use serde_json::{Map, Value, json};

use super::OsqueryHost;
use crate::settings::Profile;

impl OsqueryHost {
    pub(super) fn enroll_request(&self) -> Value {
        let mut details = Map::new();
        for table in ["os_version", "osquery_info", "system_info", "platform_info"] {
            // A table without rows, or one this platform lacks, is left out.
            if let Ok(rows) = self
                .database
                .query(&format!("SELECT * FROM {table} LIMIT 1"))
                && let Some(row) = rows.first()
            {
                details.insert(table.to_owned(), json!(row));
            }
        }
        json!({
            "enroll_secret": self.settings.enroll_secret.trim(),
            "host_identifier": self.settings.host_identifier,
            "platform_type": self.settings.platform_type(),
            "host_details": details,
        })
    }

    /// The `queries`, `statuses`, `messages` and `stats` that the next write would carry.
    pub fn write_request(&self) -> Option<Map<String, Value>> {
        let state = self.lock();
        if state.unsent.is_empty() {
            return None;
        }
        let chrome = self.settings.profile == Profile::ChromeExtension;
        let (mut queries, mut statuses) = (Map::new(), Map::new());
        let (mut messages, mut stats) = (Map::new(), Map::new());
        for (name, outcome) in &state.unsent {
            let rows = if chrome && outcome.rows.is_empty() {
                Value::Null
            } else {
                json!(outcome.rows)
            };
            queries.insert(name.clone(), rows);
            statuses.insert(name.clone(), json!(outcome.status));
            messages.insert(name.clone(), json!(outcome.message));
            let times = json!({"wall_time_ms": 1, "user_time": 0, "system_time": 0, "memory": 0});
            stats.insert(name.clone(), times);
        }
        let messages = if chrome {
            json!([])
        } else {
            Value::Object(messages)
        };
        let mut body = Map::new();
        body.insert("queries".to_owned(), Value::Object(queries));
        body.insert("statuses".to_owned(), Value::Object(statuses));
        body.insert("messages".to_owned(), messages);
        body.insert("stats".to_owned(), Value::Object(stats));
        Some(body)
    }
}
