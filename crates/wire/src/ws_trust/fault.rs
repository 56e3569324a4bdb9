use crate::{
    XmlError,
    ws_trust::{AUTHENTICATION, SECEXT, SOAP, TRUST},
    xml::{self, Writer},
};

/// A refusal: SOAP 1.1 fault with the diagnostics of this family of servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which kind.
    pub code: FaultCode,
    /// What a person can read.
    pub reason: String,
}

/// The kinds of refusal, with the names of WS-Security 1.0 §12 and WS-Trust 1.3 §11.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultCode {
    /// Wrong name or password; which of the two is not said.
    FailedAuthentication,
    /// The request is not one for a ticket that is issued here.
    InvalidRequest,
    /// The box failed, or too many attempts were made.
    RequestFailed,
}

impl FaultCode {
    const ALL: [Self; 3] = [Self::FailedAuthentication, Self::InvalidRequest, Self::RequestFailed];

    /// The local name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FailedAuthentication => "FailedAuthentication",
            Self::InvalidRequest => "InvalidRequest",
            Self::RequestFailed => "RequestFailed",
        }
    }

    /// The number in `ErrorId`.
    pub fn error_id(self) -> u32 {
        match self {
            Self::FailedAuthentication => 28_020,
            Self::InvalidRequest | Self::RequestFailed => 28_000,
        }
    }
}

impl Fault {
    /// The envelope, sent with status 500 (SOAP 1.1 §6.2).
    pub fn to_xml(&self) -> String {
        let code = self.code.as_str();
        let (prefix, namespace) = match self.code {
            FaultCode::FailedAuthentication => ("wsse", SECEXT),
            FaultCode::InvalidRequest | FaultCode::RequestFailed => ("wst", TRUST),
        };
        let mut writer = Writer::new();
        writer.element("s:Envelope", &[("xmlns:s", SOAP)], |w| {
            w.element("s:Body", &[], |w| {
                w.element("s:Fault", &[], |w| {
                    let declared = format!("xmlns:{prefix}");
                    w.element("faultcode", &[(&declared, namespace)], |w| {
                        w.text(&format!("{prefix}:{code}"));
                    });
                    w.leaf("faultstring", &self.reason);
                    w.element("detail", &[], |w| {
                        w.element("OCSDiagnosticsFault", &[("xmlns", AUTHENTICATION)], |w| {
                            w.element("Ms-Diagnostics-Fault", &[], |w| {
                                w.leaf("ErrorId", &self.code.error_id().to_string());
                                w.leaf("Reason", &self.reason);
                            });
                        });
                    });
                });
            });
        });
        writer.finish()
    }

    /// Reads the envelope.
    ///
    /// # Errors
    /// [`XmlError`] when it is not a fault of a kind that is known.
    pub fn parse(body: &[u8]) -> Result<Self, XmlError> {
        xml::read_answer(body, |root| {
            let content = |name: &str| {
                let node = xml::within(root, "Fault").and_then(|fault| xml::child(fault, name));
                node.map(xml::text).ok_or_else(|| XmlError::Unexpected(format!("the fault has no `{name}`")))
            };
            let code = content("faultcode")?;
            let name = code.trim().rsplit(':').next().unwrap_or_default();
            let code = FaultCode::ALL.into_iter().find(|known| known.as_str() == name);
            let unknown = || XmlError::Unexpected("the fault is of a kind that is not known".into());
            Ok(Self { code: code.ok_or_else(unknown)?, reason: content("faultstring")? })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_has_the_diagnostics_that_clients_look_for() {
        let fault = Fault { code: FaultCode::FailedAuthentication, reason: "no <way>".into() }.to_xml();
        for part in
            ["wsse:FailedAuthentication", "<ErrorId>28020</ErrorId>", "<Reason>no &lt;way&gt;</Reason>"]
        {
            assert!(fault.contains(part), "{fault}");
        }
    }

    #[test]
    fn a_fault_reads_back() {
        for code in FaultCode::ALL {
            let fault = Fault { code, reason: "no <way> & \"so\"".into() };
            assert_eq!(Fault::parse(fault.to_xml().as_bytes()), Ok(fault));
        }
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        for body in [
            "<a/>",
            "<Fault/>",
            "<Fault><faultcode>s:Client</faultcode><faultstring/></Fault>",
            "<Fault><faultcode>wst:InvalidRequest</faultcode></Fault>",
        ] {
            assert!(matches!(Fault::parse(body.as_bytes()), Err(XmlError::Unexpected(_))), "{body}");
        }
    }
}
