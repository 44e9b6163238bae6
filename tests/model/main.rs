//! Ten thousand random sets of scripts, rules, modes and calls: the built binary behaves as the oracle expects.
//!
//! The oracle is a second, independent reading of the design, in `oracle.rs`; it shares no line with the crate. Compared
//! are: which scripts ran in which order with which arguments, the exit code, standard output, and the first line of
//! standard error.

use proptest::test_runner::{Config, TestRunner};

mod calls;
mod case;
mod commands;
mod disk;
mod oracle;
mod patterns;

use calls::Kind;

/// The number of cases that each of the four tests compares.
const CASES: u32 = 2_500;

/// Counts the cases in which something happens.
#[derive(Debug, Default)]
struct Counts {
    cases: u32,
    two_scripts: u32,
    vetoes: u32,
    faults: u32,
    documents: u32,
}

impl Counts {
    fn count(&mut self, expected: &disk::Behaviour) {
        self.cases += 1;
        self.two_scripts += u32::from(expected.ran.len() > 1);
        self.vetoes += u32::from(expected.message.contains(" exited ") || expected.message.contains(" was killed "));
        self.faults +=
            u32::from(expected.message.contains(" not run: ") || expected.message.contains(" could not be started: "));
        self.documents += u32::from(!expected.out.is_empty());
    }
}

fn assert_agreement(kind: Kind) {
    let disk = disk::Disk::new();
    let config = Config { cases: CASES, max_shrink_iters: 4_000, failure_persistence: None, ..Config::default() };
    let counts = std::cell::RefCell::new(Counts::default());
    let compare = |case: case::Case| {
        let (seen, expected) = (disk.call(&case), oracle::predict(&case));
        counts.borrow_mut().count(&expected);
        proptest::prop_assert_eq!(seen, expected, "left is what hookmux did, right what the oracle expects");
        Ok(())
    };
    if let Err(difference) = TestRunner::new(config).run(&case::any(kind), compare) {
        panic!("{difference}");
    }
    let counts = counts.into_inner();
    // Cases in which nothing happens compare nothing.
    let filters = kind != Kind::Filters || counts.documents > CASES / 20;
    assert!(counts.cases == CASES && counts.two_scripts > CASES / 5 && filters, "{counts:?}");
    assert!(counts.vetoes > CASES / 20 && counts.faults > CASES / 50, "{counts:?}");
}

#[test]
fn every_call_that_can_be_aborted_agrees_with_the_oracle() {
    assert_agreement(Kind::Aborts);
}

#[test]
fn every_call_whose_failure_is_ignored_or_kills_a_guest_agrees_with_the_oracle() {
    assert_agreement(Kind::Late);
}

#[test]
fn every_chain_of_filters_agrees_with_the_oracle() {
    assert_agreement(Kind::Filters);
}

#[test]
fn every_freeze_and_thaw_agrees_with_the_oracle() {
    assert_agreement(Kind::Agent);
}
