//! Whether a device may be used: blocked by an administrator, lost by its owner, or past its time.

use uuid::Uuid;

use super::{Device, DeviceStatus, known, told};
use crate::{
    Store, StoreError, now_us,
    sql::{plain, sql, words},
};

words! {
    /// What a device is at a moment. The first that fits counts, in the order lost, blocked, expired, active.
    pub enum DeviceState {
        /// It may be used.
        Active = "active",
        /// An administrator blocked it.
        Blocked = "blocked",
        /// It was reported lost or stolen.
        Lost = "lost",
        /// Its time is over: it counts as unknown.
        Expired = "expired",
    }
}

impl Device {
    /// What it is at this moment.
    pub fn state(&self, at_us: i64) -> DeviceState {
        if self.lost_us.is_some() {
            DeviceState::Lost
        } else if self.status == DeviceStatus::Blocked {
            DeviceState::Blocked
        } else if self.expires_us.is_some_and(|expires| expires <= at_us) {
            DeviceState::Expired
        } else {
            DeviceState::Active
        }
    }
}

impl Store {
    /// Blocks a device, or lets it be used again.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none with this id.
    pub async fn device_set_status(
        &self,
        id: Uuid,
        status: DeviceStatus,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let before = known(&mut tx, id).await?;
        sql!(
            tx.on(),
            execute,
            "UPDATE device SET status = $2, updated_us = $3 WHERE id = $1",
            id,
            status.as_str(),
            now_us()
        )?;
        let action = match status {
            DeviceStatus::Active => "device.unblock",
            DeviceStatus::Blocked => "device.block",
        };
        told(&mut tx, action, id, Some(before)).await?;
        tx.commit().await
    }

    /// Notes that a device was lost or stolen: it is refused from now on, and its record stays. Who reported it first counts.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none with this id.
    pub async fn device_lost(&self, id: Uuid, by: &str) -> Result<Device, StoreError> {
        let mut tx = self.write().await?;
        let before = known(&mut tx, id).await?;
        let at_us = now_us();
        sql!(
            tx.on(),
            execute,
            "UPDATE device SET lost_us = $2, lost_by = $3, updated_us = $2 WHERE id = $1 AND lost_us IS NULL",
            id,
            at_us,
            plain(by)
        )?;
        let after = told(&mut tx, "device.lost", id, Some(before)).await?;
        tx.commit().await?;
        after.ok_or_else(|| StoreError::not_found("device", id))
    }

    /// Notes that a lost device is back: it is no longer refused for that.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none with this id.
    pub async fn device_found(&self, id: Uuid) -> Result<Device, StoreError> {
        let mut tx = self.write().await?;
        let before = known(&mut tx, id).await?;
        sql!(
            tx.on(),
            execute,
            "UPDATE device SET lost_us = NULL, lost_by = NULL, updated_us = $2 WHERE id = $1",
            id,
            now_us()
        )?;
        let after = told(&mut tx, "device.found", id, Some(before)).await?;
        tx.commit().await?;
        after.ok_or_else(|| StoreError::not_found("device", id))
    }
}
