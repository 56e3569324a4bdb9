use super::{
    Format, NAMESPACE,
    json::{self, Object},
};
use crate::xml::Writer;

/// Why something came to nothing: the body of an error, and part of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The kind; the status of an answer follows from it.
    pub code: Code,
    /// The case of the kind.
    pub subcode: Option<Subcode>,
    /// A sentence for people; left out where it is empty.
    pub message: String,
    /// The parameters of a request that are not valid, with what is wrong with each.
    pub parameters: Vec<(String, String)>,
}

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $word:ident,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $word,)* }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$word,)*];

            /// The word on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$word => stringify!($word),)* }
            }

            /// The one with that word.
            pub fn read(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word)
            }
        }
    };
}

words! {
    /// "ErrorCode" of the reference.
    Code {
        /// 400.
        BadRequest,
        /// 403.
        Forbidden,
        /// 404.
        NotFound,
        /// 405.
        MethodNotAllowed,
        /// 406.
        NotAcceptable,
        /// 408.
        Timeout,
        /// 409.
        Conflict,
        /// 410.
        Gone,
        /// 412: what was to be changed is not what the client has seen.
        PreconditionFailed,
        /// 413.
        EntityTooLarge,
        /// 415.
        UnsupportedMediaType,
        /// 428 (RFC 6585 §3).
        PreconditionRequired,
        /// 429 (RFC 6585 §4).
        TooManyRequests,
        /// 500.
        ServiceFailure,
        /// 503.
        ServiceUnavailable,
        /// 504.
        GatewayTimeout,
        /// The fault is at this end; in events alone.
        LocalFailure,
        /// The fault is at the other end; in events alone.
        RemoteFailure,
        /// No fault; in events alone.
        Informational,
    }
}

impl Code {
    /// The status of an answer ("HTTP error codes returned by UCWA"); `None` of what is said in events alone.
    pub fn status(self) -> Option<u16> {
        Some(match self {
            Self::BadRequest => 400,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::NotAcceptable => 406,
            Self::Timeout => 408,
            Self::Conflict => 409,
            Self::Gone => 410,
            Self::PreconditionFailed => 412,
            Self::EntityTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::PreconditionRequired => 428,
            Self::TooManyRequests => 429,
            Self::ServiceFailure => 500,
            Self::ServiceUnavailable => 503,
            Self::GatewayTimeout => 504,
            Self::LocalFailure | Self::RemoteFailure | Self::Informational => return None,
        })
    }
}

words! {
    /// "ErrorSubcode" of the reference, as far as there is a case for one here.
    Subcode {
        /// It is there already.
        AlreadyExists,
        /// Not for those who have not signed in.
        AnonymousNotAllowed,
        /// Something else is under way.
        AnotherOperationPending,
        /// No such revision.
        APIVersionNotSupported,
        /// No such application.
        ApplicationNotFound,
        /// Not for attendees.
        AttendeeNotAllowed,
        /// The other end is busy.
        Busy,
        /// Taken back by who asked.
        Canceled,
        /// Another device of the person took it.
        ConnectedElsewhere,
        /// No such conversation.
        ConversationNotFound,
        /// The other end declined.
        Declined,
        /// Made an attendee.
        Demoted,
        /// Refused at the door of a meeting.
        Denied,
        /// The body can not be read.
        DeserializationFailure,
        /// No such person.
        DestinationNotFound,
        /// The other end is not to be disturbed.
        DoNotDisturb,
        /// Put out of a meeting.
        Ejected,
        /// The meeting is over.
        Ended,
        /// Its time is over.
        Expired,
        /// The application was silent for too long.
        InactiveApplicationExpired,
        /// A meeting for those invited.
        InviteesOnly,
        /// More than is allowed of it.
        LimitExceeded,
        /// First the application has to make its person available.
        MakeMeAvailableRequired,
        /// The contact list can not be changed now.
        MigrationInProgress,
        /// Nobody answered.
        Missed,
        /// The person may no longer use mobile applications.
        MobileApplicationNoLongerAllowed,
        /// No such kind of conversation here.
        ModalityNotSupported,
        /// Not allowed by policy.
        NotAllowed,
        /// Not possible with this resource.
        OperationNotSupported,
        /// A parameter is not valid.
        ParameterValidationFailure,
        /// A newer poll took the place of this one.
        PGetReplaced,
        /// What a person may do can not be read now.
        ProvisioningDataUnavailable,
        /// Taken out of it.
        Removed,
        /// No such resource.
        ResourceNotFound,
        /// Try again later.
        TemporarilyUnavailable,
        /// A conversation of that thread is there already.
        ThreadIdAlreadyExists,
        /// Nobody answered in time.
        Timeout,
        /// The person has too many applications.
        TooManyApplications,
        /// The person has too many contacts.
        TooManyContacts,
        /// The person has too many conversations.
        TooManyConversations,
        /// The person has too many groups.
        TooManyGroups,
        /// The person has too many meetings.
        TooManyOnlineMeetings,
        /// The conversation has too many participants.
        TooManyParticipants,
        /// The other end is not to be had.
        Unavailable,
        /// The other end can not be reached.
        Unreachable,
        /// No such type of content.
        UnsupportedMediaType,
        /// No such program is let in.
        UserAgentNotAllowed,
    }
}

impl Reason {
    /// A reason without parameters.
    pub fn new(code: Code, subcode: impl Into<Option<Subcode>>, message: impl Into<String>) -> Self {
        Self { code, subcode: subcode.into(), message: message.into(), parameters: Vec::new() }
    }

    /// With a parameter that is not valid, and what is wrong with it.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, problem: impl Into<String>) -> Self {
        self.parameters.push((name.into(), problem.into()));
        self
    }

    /// The document in that form.
    pub fn write(&self, format: Format) -> String {
        if format.is_json() { self.to_json() } else { self.to_xml() }
    }

    /// The JSON document, on one line.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    /// The XML document.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::new();
        self.write_xml(&mut writer, &[("xmlns", NAMESPACE)]);
        writer.finish()
    }

    pub(super) fn write_json(&self, out: &mut String) {
        json::object(out, |object| {
            object.text("code", self.code.as_str());
            if let Some(subcode) = self.subcode {
                object.text("subcode", subcode.as_str());
            }
            if !self.message.is_empty() {
                object.text("message", &self.message);
            }
            if !self.parameters.is_empty() {
                object.member("parameters", |out| json::object(out, |bag| self.write_parameters(bag)));
            }
        });
    }

    fn write_parameters(&self, bag: &mut Object<'_>) {
        for (name, problem) in &self.parameters {
            bag.text(name, problem);
        }
    }

    pub(super) fn write_xml(&self, writer: &mut Writer, attributes: &[(&str, &str)]) {
        writer.element("reason", attributes, |w| {
            w.leaf("code", self.code.as_str());
            if let Some(subcode) = self.subcode {
                w.leaf("subcode", subcode.as_str());
            }
            if !self.message.is_empty() {
                w.leaf("message", &self.message);
            }
            if !self.parameters.is_empty() {
                w.element("parameters", &[], |w| {
                    for (name, problem) in &self.parameters {
                        w.element("property", &[("name", name)], |w| w.text(problem));
                    }
                });
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_written_as_the_reference_prints_it() {
        let reason = Reason::new(Code::Conflict, Subcode::AlreadyExists, "It exists.");
        let json = r#"{"code":"Conflict","subcode":"AlreadyExists","message":"It exists."}"#;
        assert_eq!(reason.to_json(), json);
        assert_eq!(
            reason.to_xml(),
            concat!(
                r#"<?xml version="1.0" encoding="utf-8"?><reason xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa">"#,
                r"<code>Conflict</code><subcode>AlreadyExists</subcode><message>It exists.</message></reason>",
            )
        );
        assert_eq!(Reason::new(Code::NotFound, None, "").to_json(), r#"{"code":"NotFound"}"#);
    }

    #[test]
    fn invalid_parameters_are_named() {
        let reason = Reason::new(Code::BadRequest, Subcode::ParameterValidationFailure, "");
        let reason = reason.parameter("limit", "not from 1 to 100");
        assert!(reason.to_json().ends_with(r#""parameters":{"limit":"not from 1 to 100"}}"#));
        let xml = r#"<parameters><property name="limit">not from 1 to 100</property></parameters></reason>"#;
        assert!(reason.to_xml().ends_with(xml));
    }

    #[test]
    fn a_word_reads_back_and_a_status_is_of_one_code() {
        for code in Code::ALL.iter().copied() {
            assert_eq!(Code::read(code.as_str()), Some(code));
            let alike = Code::ALL.iter().filter(|other| other.status() == code.status());
            assert!(code.status().is_none() || alike.count() == 1, "{code:?}");
        }
        assert_eq!(Subcode::PGetReplaced.as_str(), "PGetReplaced");
        assert_eq!(Subcode::read("pgetreplaced"), None);
    }
}
