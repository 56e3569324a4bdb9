//! What the box promises, tried on the whole of it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod suite {
    mod acme;
    mod autodiscover;
    mod bad_input;
    mod busy;
    mod certificates;
    mod chain;
    mod chat;
    mod console;
    mod custom_zones;
    mod daemon;
    mod dnssec;
    mod facades;
    mod image;
    mod limits;
    mod lockout;
    mod names;
    mod ntlm;
    mod people;
    mod pidgin_sipe;
    mod policies;
    mod power_cut;
    mod push_house;
    mod push_keys;
    mod push_services;
    mod push_soak;
    mod push_why;
    mod quiet;
    mod revocation;
    mod secondaries;
    mod selftest;
    mod tickets;
    mod ucwa;
    mod ucwa_contract;
    mod ucwa_foreign;
    mod ucwa_messaging;
    mod ucwa_replay;
    mod web_push;
    mod wildcard;
    mod xframe;
}
