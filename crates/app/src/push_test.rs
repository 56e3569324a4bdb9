//! A test notification that an administrator asks for.

use std::time::Duration;

use fulmar_domain::{
    DeviceId,
    push::{NotWoken, Step},
};
use fulmar_store::{DeviceTest, StoreError};
use thiserror::Error;
use tokio::time::{sleep, timeout};

use crate::App;

/// How long the service's answer is waited for: an attempt takes half a minute at most.
const PATIENCE: Duration = Duration::from_secs(35);
/// How often the ledger is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Why there is no answer of a service.
#[derive(Debug, Error)]
pub enum TestDeviceError {
    /// There is no device of that number.
    #[error("there is no device {0}: `fulmarctl device list` shows those of a person")]
    NoSuchDevice(DeviceId),
    /// It can not be woken.
    #[error("device {0} can not be woken: {1}")]
    NotWoken(DeviceId, NotWoken),
    /// The service has not answered in time.
    #[error(
        "the service has not answered within 35 seconds: `fulmarctl push ledger` shows what becomes of it"
    )]
    NoAnswer,
    /// The store failed.
    #[error("can not test a device")]
    Store(#[from] StoreError),
}

impl App {
    /// Sends a test notification to a device and waits for what its service says: the last step, which is `Accepted` where
    /// the service took it.
    ///
    /// # Errors
    /// [`TestDeviceError`]
    pub async fn test_device(&self, device: DeviceId) -> Result<Step, TestDeviceError> {
        let id = match self.store.test_device(device, self.now()).await? {
            DeviceTest::Queued(id) => id,
            DeviceTest::NoSuchDevice => return Err(TestDeviceError::NoSuchDevice(device)),
            DeviceTest::NotWoken(why) => return Err(TestDeviceError::NotWoken(device, why)),
        };
        let answer = async {
            loop {
                match self.store.push_end(id).await? {
                    Some(end) => return Ok(end),
                    None => sleep(LOOK_EVERY).await,
                }
            }
        };
        timeout(PATIENCE, answer).await.unwrap_or(Err(TestDeviceError::NoAnswer))
    }
}
