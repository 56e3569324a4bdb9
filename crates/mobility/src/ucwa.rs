//! UCWA: the mobility service for clients that nobody here wrote, by its public reference.
//!
//! A resource is built from the store when it is asked for; the one thing that a client is told by itself is the
//! channel of events, whose source is the log of its session. Handlers give values; [`answer::write`] puts them
//! into the form that the client asks for. What is not offered has no link.

mod answer;
mod applications;
mod asker;
mod batch;
mod communication;
mod conferences;
mod conversation;
mod events;
mod groups;
mod hrefs;
mod invitations;
mod me;
mod meetings;
mod messaging;
mod people;
mod photos;
mod policies;
mod render;
mod search;
mod subscriptions;

use axum::{
    Router, middleware,
    routing::{get, post},
};
use fulmar_wire::ucwa::{Code, Subcode};

use crate::{Phones, any_case};
use answer::Refused;
use batch::Batches;
use hrefs::{APPLICATIONS, TOKEN_APPLICATIONS};

/// The routes, in lower case, below both places of applications.
pub(crate) fn router(phones: &Phones) -> Router<Phones> {
    let batches = Batches::new(any_case::serve(at_places(&below()).with_state(phones.clone())));
    let batch = move |asker, headers, body| async move { batches.run(asker, headers, body).await };
    let alone = Router::new()
        .route("/", post(applications::make))
        .route("/{application}/events", get(events::poll))
        .route("/{application}/batch", post(batch))
        .route(
            "/{application}/photos/{person}",
            get(photos::show).layer(middleware::from_fn(photos::by_cookie)),
        );
    at_places(&below().merge(alone))
}

fn at_places(below: &Router<Phones>) -> Router<Phones> {
    let whole = below
        .clone()
        .fallback(|| async { Refused::new(Code::NotFound, Subcode::ResourceNotFound) })
        .method_not_allowed_fallback(|| async { Refused::new(Code::MethodNotAllowed, None) })
        .layer(middleware::from_fn(answer::write));
    [APPLICATIONS, TOKEN_APPLICATIONS]
        .into_iter()
        .fold(Router::new(), |router, place| router.nest(place, whole.clone()))
}

/// What may also stand in a batch.
fn below() -> Router<Phones> {
    Router::new()
        .route("/{application}", get(applications::show).delete(applications::end))
        .route("/{application}/policies", get(policies::show))
        .merge(of_me())
        .merge(of_people())
        .merge(of_communication())
        .merge(of_meetings())
}

fn of_me() -> Router<Phones> {
    let me = Router::new()
        .route("/me", get(me::show))
        .route("/me/makemeavailable", post(me::make_available))
        .route("/me/reportmyactivity", post(me::report_activity))
        // The reference writes it here, and clients build it so.
        .route("/reportmyactivity", post(me::report_activity))
        .route("/me/presence", get(me::show_presence).post(me::set_presence))
        .route("/me/note", get(me::show_note).post(me::set_note))
        .route("/me/location", get(me::show_location).post(me::set_location));
    Router::new().nest("/{application}", me)
}

fn of_people() -> Router<Phones> {
    let people = Router::new()
        .route("/people", get(people::show))
        .route("/people/contacts", get(people::contacts))
        .route("/people/search", get(search::show))
        .route("/people/{person}", get(people::show_contact))
        .route("/people/{person}/presence", get(people::show_presence))
        .route("/people/{person}/note", get(people::show_note))
        .route("/people/{person}/location", get(people::show_location))
        .route("/people/{person}/supportedmedia", get(people::show_modalities))
        .merge(of_groups())
        .merge(of_subscriptions());
    Router::new().nest("/{application}", people)
}

fn of_groups() -> Router<Phones> {
    let memberships = "/people/groupmemberships";
    Router::new()
        .route("/people/groups", get(groups::list).post(groups::make))
        .route("/people/groups/{group}", get(groups::show).put(groups::rename).delete(groups::delete))
        .route(memberships, get(groups::memberships).post(groups::add))
        .route(&format!("{memberships}/removecontactfromallgroups"), post(groups::remove_from_all))
        .route(
            &format!("{memberships}/{{group}}/{{person}}"),
            get(groups::show_membership).delete(groups::remove),
        )
}

fn of_subscriptions() -> Router<Phones> {
    let list = "/people/contactsandgroupssubscription";
    let memberships = "/people/presencesubscriptionmemberships";
    Router::new()
        .route("/people/presencesubscriptions", get(subscriptions::list).post(subscriptions::start))
        .route(
            "/people/presencesubscriptions/{subscription}",
            get(subscriptions::show).post(subscriptions::extend).delete(subscriptions::end),
        )
        .route(memberships, get(subscriptions::memberships).post(subscriptions::add))
        .route(
            &format!("{memberships}/{{subscription}}/{{person}}"),
            get(subscriptions::show_membership).delete(subscriptions::remove),
        )
        .route("/people/subscribedcontacts", get(subscriptions::subscribed))
        .route(list, get(subscriptions::show_list))
        .route(&format!("{list}/startorrefresh"), post(subscriptions::start_list))
        .route(&format!("{list}/stop"), post(subscriptions::stop_list))
}

fn of_communication() -> Router<Phones> {
    let communication = Router::new()
        .route("/", get(communication::show).put(communication::update))
        .route("/conversations", get(communication::conversations))
        .route("/misseditems", get(communication::missed_items))
        .route("/messaginginvitations", post(invitations::start))
        .route("/onlinemeetinginvitations", post(conferences::join))
        .route("/participantinvitations", post(conferences::add_participant));
    let invitation = Router::new()
        .route("/", get(invitations::show))
        .route("/accept", post(invitations::accept))
        .route("/decline", post(invitations::decline))
        .route("/cancel", post(invitations::cancel));
    let communication = ["messaging", "onlinemeeting", "participant"]
        .into_iter()
        .map(|kind| format!("/{kind}invitations/{{invitation}}"))
        .fold(communication, |router, place| router.nest(&place, invitation.clone()));
    let conversation = Router::new()
        .route("/", get(conversation::show).delete(conversation::leave))
        .route("/onlinemeeting", get(conferences::show_meeting))
        .route("/participants", get(conversation::participants))
        .route("/participants/{person}", get(conversation::show_participant))
        .route("/participants/{person}/messaging", get(conversation::show_participant_messaging))
        .route("/messaging", get(messaging::show))
        .route("/useracknowledged", post(conversation::acknowledge))
        .route("/messaging/messages", get(messaging::list).post(messaging::send))
        // A client answers a message where the message is.
        .route("/messaging/messages/{message}", get(messaging::show_message).post(messaging::send))
        .route("/messaging/typing", post(messaging::typing))
        .route("/messaging/typingparticipants", get(messaging::typing_participants))
        .route("/messaging/addmessaging", post(messaging::add))
        .route("/messaging/terminate", post(conversation::leave));
    let communication = communication.nest("/conversations/{conversation}", conversation);
    Router::new().nest("/{application}/communication", communication)
}

fn of_meetings() -> Router<Phones> {
    let meetings = Router::new()
        .route("/", get(meetings::show))
        .route("/myonlinemeetings", get(meetings::list).post(meetings::plan))
        .route(
            "/myonlinemeetings/{meeting}",
            get(meetings::show_one).put(meetings::change).delete(meetings::delete),
        )
        .route("/defaultvalues", get(meetings::default_values))
        .route("/eligiblevalues", get(meetings::eligible_values))
        .route("/policies", get(meetings::policies));
    Router::new().nest("/{application}/onlinemeetings", meetings)
}
