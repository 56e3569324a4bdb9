//! Three people with two devices each, in any order of things: whatever polls are lost, commands repeated, sessions
//! ended and however often the box starts anew, every message that was accepted is shown once and in the same order on
//! every device, its sender is told whom it has reached, and of every command what came of it.
//!
//! `PROPTEST_CASES=2000 cargo test -p fulmar-store model` tries more than the usual few.

mod client;
mod talk;
mod world;

use fulmar_domain::{conversation::Step, invitation::DeclineReason, session::Activity};
use proptest::{collection::vec, option, prelude::*, sample::select, test_runner::TestCaseError};

use world::World;

const PEOPLE: [&str; 3] = ["anna", "ben", "carla"];
const DEVICES: usize = 2 * PEOPLE.len();

const STEPS: [Step; 4] = [Step::Accept, Step::Accept, Step::Decline(DeclineReason::Local), Step::Leave];

type Checked = Result<(), TestCaseError>;

/// What somebody does. Conversations are counted from the one that began last; what is not there is passed over.
#[derive(Clone, Debug)]
enum Op {
    Open { device: usize, to: usize, with_message: bool },
    OpenAgain { device: usize, which: usize },
    Say { device: usize, conversation: usize },
    Flood { device: usize, conversation: usize },
    SayAgain { device: usize, which: usize, elsewhere: Option<usize> },
    Step { device: usize, conversation: usize, step: Step },
    Cancel { device: usize, conversation: usize, which: usize },
    Invite { device: usize, conversation: usize, to: usize },
    Read { device: usize, conversation: usize },
    Poll { device: usize, lost: bool },
    SignIn { device: usize },
    SignOut { device: usize },
    Look { device: usize, activity: Activity },
    Pass { seconds: u64 },
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    let device = || 0..DEVICES;
    let conversation = || 0..4_usize;
    prop_oneof![
        3 => (device(), 1..PEOPLE.len(), any::<bool>())
            .prop_map(|(device, to, with_message)| Op::Open { device, to, with_message }),
        1 => (device(), 0..4_usize).prop_map(|(device, which)| Op::OpenAgain { device, which }),
        8 => (device(), conversation()).prop_map(|(device, conversation)| Op::Say { device, conversation }),
        2 => (device(), 0..16_usize, option::weighted(0.2, conversation()))
            .prop_map(|(device, which, elsewhere)| Op::SayAgain { device, which, elsewhere }),
        3 => (device(), conversation(), select(STEPS.to_vec()))
            .prop_map(|(device, conversation, step)| Op::Step { device, conversation, step }),
        1 => (device(), conversation(), 0..4_usize)
            .prop_map(|(device, conversation, which)| Op::Cancel { device, conversation, which }),
        3 => (device(), conversation(), 1..PEOPLE.len())
            .prop_map(|(device, conversation, to)| Op::Invite { device, conversation, to }),
        1 => (device(), conversation()).prop_map(|(device, conversation)| Op::Read { device, conversation }),
        8 => (device(), any::<bool>()).prop_map(|(device, lost)| Op::Poll { device, lost }),
        2 => device().prop_map(|device| Op::SignIn { device }),
        1 => device().prop_map(|device| Op::SignOut { device }),
        1 => (device(), select(vec![Activity::Foreground, Activity::Background]))
            .prop_map(|(device, activity)| Op::Look { device, activity }),
        1 => select(vec![1, 20, 40, 300, 4000]).prop_map(|seconds| Op::Pass { seconds }),
        1 => Just(Op::Restart),
    ]
}

/// The same, and so many words that logs are full.
fn op_or_flood() -> impl Strategy<Value = Op> {
    let flood = (0..DEVICES, 0..2_usize);
    prop_oneof![
        9 => op(),
        1 => flood.prop_map(|(device, conversation)| Op::Flood { device, conversation }),
    ]
}

fn cases(usual: u32) -> ProptestConfig {
    let config = ProptestConfig { max_shrink_iters: 300, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() {
        config
    } else {
        ProptestConfig { cases: usual, ..config }
    }
}

/// How often a client was told to look again.
fn played(ops: Vec<Op>) -> Result<usize, TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut world = World::new().await;
        for op in ops {
            world.run(op).await?;
        }
        world.check().await?;
        Ok(world.resyncs())
    })
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn every_accepted_message_is_shown_once_and_in_order_on_every_device(ops in vec(op(), 1..80)) {
        prop_assert_eq!(played(ops)?, 0, "such a log is never full");
    }
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn nothing_is_lost_where_logs_are_full(ops in vec(op_or_flood(), 1..40)) {
        played(ops)?;
    }
}

/// An invitation among many that was taken back: who was asked can not come any more.
#[test]
fn who_was_asked_among_many_in_vain_stays_outside() {
    let ops = vec![
        Op::Open { device: 0, to: 2, with_message: false },
        Op::Say { device: 4, conversation: 0 },
        Op::Invite { device: 4, conversation: 0, to: 2 },
        Op::Cancel { device: 4, conversation: 0, which: 1 },
        Op::Say { device: 2, conversation: 0 },
    ];
    played(ops).unwrap();
}

/// That floods do fill a log.
#[test]
fn a_flood_fills_a_log() {
    let open = Op::Open { device: 0, to: 1, with_message: true };
    let flood = || Op::Flood { device: 0, conversation: 0 };
    assert!(played(vec![open, flood(), Op::Restart, flood(), flood()]).unwrap() > 0);
}
