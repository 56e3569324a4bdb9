use roxmltree::Node;

use crate::{
    XmlError,
    mcx::{NAMESPACE, Rejection, RejectionCode},
    xml::{self, Writer},
};

/// The answer to a body of commands, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Responses {
    /// One for each command.
    pub responses: Vec<Response>,
}

/// The answer to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// It is taken up and on the disk; what comes of it is an event.
    Accepted {
        /// The command.
        rid: String,
    },
    /// The device is signed in.
    SessionInitiated {
        /// The command.
        rid: String,
        /// The name of the session.
        sid: String,
        /// Milliseconds that a poll is held.
        poll_wait_time: u64,
        /// Milliseconds of silence after which the session ends.
        session_timeout: u64,
        /// The key that a device subscribes for at a service that takes Web Push; absent where the box speaks to none.
        vapid_key: Option<String>,
    },
    /// It is not taken up.
    Rejected(Rejection),
}

impl Responses {
    /// The document.
    pub fn to_xml(&self) -> String {
        let processed = self.responses.len().to_string();
        let mut writer = Writer::new();
        writer.element("mcxResponses", &[("requestProcessed", &processed), ("xmlns", NAMESPACE)], |w| {
            for response in &self.responses {
                write(w, response);
            }
        });
        writer.finish()
    }

    /// Reads the document.
    ///
    /// # Errors
    /// [`XmlError`] when it is not one.
    pub fn parse(body: &[u8]) -> Result<Self, XmlError> {
        let unexpected = || XmlError::Unexpected("the document is not `mcxResponses`".into());
        xml::read_answer(body, |root| {
            let elements = root.children().filter(Node::is_element);
            let responses =
                elements.map(|node| read(node).ok_or_else(unexpected)).collect::<Result<_, _>>()?;
            if root.has_tag_name((NAMESPACE, "mcxResponses")) {
                Ok(Self { responses })
            } else {
                Err(unexpected())
            }
        })
    }
}

fn write(writer: &mut Writer, response: &Response) {
    match response {
        Response::Accepted { rid } => writer.empty("requestAccepted", &[("rid", rid)]),
        Response::SessionInitiated { rid, sid, poll_wait_time, session_timeout, vapid_key } => {
            let (wait, timeout) = (poll_wait_time.to_string(), session_timeout.to_string());
            let times = [("pollWaitTime", wait.as_str()), ("sessionTimeout", &timeout)];
            let key = vapid_key.as_deref().map(|key| ("vapidKey", key));
            let attributes = [("rid", rid.as_str()), ("sid", sid)].into_iter().chain(times).chain(key);
            writer.empty("initiateSessionAccepted", &attributes.collect::<Vec<_>>())
        }
        Response::Rejected(Rejection { rid, code, reason }) => {
            let rid = rid.as_deref().map(|rid| ("rid", rid));
            let what = [("code", code.as_str()), ("reason", reason)];
            writer.empty("requestRejected", &rid.into_iter().chain(what).collect::<Vec<_>>())
        }
    };
}

fn read(node: Node<'_, '_>) -> Option<Response> {
    let attribute = |name: &str| node.attribute(name).map(str::to_owned);
    let number = |name: &str| node.attribute(name)?.parse().ok();
    Some(match node.tag_name().name() {
        "requestAccepted" => Response::Accepted { rid: attribute("rid")? },
        "initiateSessionAccepted" => Response::SessionInitiated {
            rid: attribute("rid")?,
            sid: attribute("sid")?,
            poll_wait_time: number("pollWaitTime")?,
            session_timeout: number("sessionTimeout")?,
            vapid_key: attribute("vapidKey"),
        },
        "requestRejected" => Response::Rejected(Rejection {
            rid: attribute("rid"),
            code: RejectionCode::read(node.attribute("code")?)?,
            reason: attribute("reason")?,
        }),
        _ => return None,
    })
}
