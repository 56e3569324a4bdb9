use roxmltree::Node;

use crate::{
    XmlError,
    xml::{self, Writer},
};

const WSDL: &str = "http://schemas.xmlsoap.org/wsdl/";
const WSDL_SOAP: &str = "http://schemas.xmlsoap.org/wsdl/soap/";
const TARGET: &str = "http://tempuri.org/";

/// Where tickets are to be had by which credentials: the WSDL at the ticket URL with `/mex` behind it.
///
/// The document element is `definitions` itself, without a wrapper of WS-MetadataExchange: clients look for
/// `service` and `port` directly below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The ways to ask.
    pub ports: Vec<Port>,
}

/// A way to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// By it a client knows which credentials are taken. `WebTicketServiceWinNegotiate` promises NTLM and is the
    /// only name that is known of the original.
    pub name: String,
    /// Absolute URL to post a request to.
    pub location: String,
}

impl Metadata {
    /// The document.
    pub fn to_xml(&self) -> String {
        let namespaces = [
            ("xmlns:wsdl", WSDL),
            ("xmlns:soap", WSDL_SOAP),
            ("xmlns:tns", TARGET),
            ("targetNamespace", TARGET),
        ];
        let mut writer = Writer::new();
        writer.element("wsdl:definitions", &namespaces, |w| {
            w.element("wsdl:service", &[("name", "WebTicketService")], |w| {
                for Port { name, location } in &self.ports {
                    let binding = format!("tns:{name}");
                    w.element("wsdl:port", &[("name", name), ("binding", &binding)], |w| {
                        w.empty("soap:address", &[("location", location)]);
                    });
                }
            });
        });
        writer.finish()
    }

    /// Reads the document, whatever its prefixes are. A port without a name or an address is passed over.
    ///
    /// # Errors
    /// [`XmlError`] when it is not `definitions` with a `service`.
    pub fn parse(body: &[u8]) -> Result<Self, XmlError> {
        xml::read_answer(body, |root| {
            let definitions = Some(root).filter(|root| root.tag_name().name() == "definitions");
            let service = definitions.and_then(|definitions| xml::child(definitions, "service"));
            let unexpected =
                || XmlError::Unexpected("the document is not `definitions` with a `service`".into());
            let ports = service.ok_or_else(unexpected)?.children().filter_map(port).collect();
            Ok(Self { ports })
        })
    }
}

fn port(node: Node<'_, '_>) -> Option<Port> {
    let address = xml::child(node, "address").filter(|_| node.tag_name().name() == "port")?;
    Some(Port { name: node.attribute("name")?.into(), location: address.attribute("location")?.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_reads_back() {
        let location = "https://web.office.test/WebTicket/WebTicketService.svc/Auth?a=1&b=2";
        let metadata = Metadata { ports: vec![Port { name: "Auth".into(), location: location.into() }] };
        assert_eq!(Metadata::parse(metadata.to_xml().as_bytes()), Ok(metadata));
        let empty = Metadata { ports: Vec::new() };
        assert_eq!(Metadata::parse(empty.to_xml().as_bytes()), Ok(empty));
    }

    #[test]
    fn the_document_element_is_the_definitions() {
        let wrapped = "<Metadata><definitions><service/></definitions></Metadata>";
        for body in [wrapped, "<definitions/>", "<Metadata><service/></Metadata>"] {
            assert!(matches!(Metadata::parse(body.as_bytes()), Err(XmlError::Unexpected(_))), "{body}");
        }
    }

    #[test]
    fn an_unfinished_port_is_passed_over() {
        let body = r#"<definitions><service><port name="a"/><port><address location="x"/></port>
            <port name="b"><address location="y"/></port></service></definitions>"#;
        let port = Port { name: "b".into(), location: "y".into() };
        assert_eq!(Metadata::parse(body.as_bytes()), Ok(Metadata { ports: vec![port] }));
    }
}
