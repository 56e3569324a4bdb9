use crate::{challenge::TICKET_PATH, xml::Writer};

const WSDL: &str = "http://schemas.xmlsoap.org/wsdl/";
const SOAP_BINDING: &str = "http://schemas.xmlsoap.org/wsdl/soap/";
const NAMESPACE: &str = "http://tempuri.org/";
/// The port for those who authenticate by HTTP.
const PORT: &str = "WebTicketServiceWinNegotiate";

/// The WSDL of the ticket service of a box whose links begin with `origin`. Clients look for the port among the
/// children of the root, so the description is the document itself and not wrapped as WS-MetadataExchange has it.
pub fn description(origin: &str) -> String {
    let location = format!("{origin}{TICKET_PATH}");
    let mut writer = Writer::new();
    let namespaces = [
        ("xmlns:wsdl", WSDL),
        ("xmlns:soap", SOAP_BINDING),
        ("xmlns:tns", NAMESPACE),
        ("targetNamespace", NAMESPACE),
    ];
    writer.element("wsdl:definitions", &namespaces, |w| {
        w.element("wsdl:service", &[("name", "WebTicketService")], |w| {
            let binding = format!("tns:{PORT}");
            w.element("wsdl:port", &[("name", PORT), ("binding", &binding)], |w| {
                w.empty("soap:address", &[("location", &location)]);
            });
        });
    });
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;

    #[test]
    fn the_port_is_a_child_of_a_child_of_the_root() {
        let found = xml::read_answer(description("https://web.office.test:8443").as_bytes(), |root| {
            let port = xml::child(root, "service").and_then(|service| xml::child(service, "port"));
            let address = port.and_then(|port| xml::child(port, "address"));
            let location = address.and_then(|address| address.attribute("location"));
            Ok((port.and_then(|port| port.attribute("name")).map(str::to_owned), location.map(str::to_owned)))
        });
        let location = "https://web.office.test:8443/WebTicket/WebTicketService.svc";
        assert_eq!(found, Ok((Some(PORT.to_owned()), Some(location.to_owned()))));
    }
}
