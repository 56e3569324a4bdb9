//! What the office allows its clients.

use fulmar_wire::ucwa::Resource;

use super::{answer::Answer, asker::Asker};

pub(super) async fn show(asker: Asker) -> Answer {
    let (on, off) = ("Enabled", "Disabled");
    let policies = Resource::new("policies", asker.hrefs.at("policies"))
        .property("emoticons", on)
        .property("htmlMessaging", on)
        .property("logging", off)
        .property("messageArchiving", on)
        .property("photos", on)
        .property("saveMessagingHistory", on)
        .property("telephonyMode", "None");
    Answer::Found(policies)
}
