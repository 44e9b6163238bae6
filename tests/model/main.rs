//! Ten thousand random sets of scripts, rules, modes and calls: what the built binary does is what the oracle expects.
//!
//! The oracle is a second, independent reading of the design, in `oracle.rs`; it shares no line with the crate. Compared
//! are: which scripts ran in which order with which words, the exit code, standard output, and the first line of
//! standard error.

use proptest::test_runner::{Config, TestRunner};

mod calls;
mod case;
mod commands;
mod disk;
mod oracle;
mod patterns;

use calls::Kind;

/// How many cases each of the four tests compares.
const CASES: u32 = 2_500;

/// How many cases had something worth comparing.
#[derive(Debug, Default)]
struct Met {
    cases: u32,
    two_scripts: u32,
    vetoes: u32,
    faults: u32,
    documents: u32,
}

impl Met {
    fn count(&mut self, told: &disk::Told) {
        self.cases += 1;
        self.two_scripts += u32::from(told.ran.len() > 1);
        self.vetoes += u32::from(told.said.contains(" exited ") || told.said.contains(" was killed "));
        self.faults += u32::from(told.said.contains(" not run: ") || told.said.contains(" could not be started: "));
        self.documents += u32::from(!told.out.is_empty());
    }
}

fn go_by_the_book(kind: Kind) {
    let disk = disk::Disk::new();
    let config = Config { cases: CASES, max_shrink_iters: 4_000, failure_persistence: None, ..Config::default() };
    let met = std::cell::RefCell::new(Met::default());
    let compare = |case: case::Case| {
        let (seen, told) = (disk.call(&case), oracle::tell(&case));
        met.borrow_mut().count(&told);
        proptest::prop_assert_eq!(seen, told, "left is what hookmux did, right what the oracle expects");
        Ok(())
    };
    if let Err(difference) = TestRunner::new(config).run(&case::any(kind), compare) {
        panic!("{difference}");
    }
    let met = met.into_inner();
    // Cases in which nothing happens compare nothing.
    let filters = kind != Kind::Filters || met.documents > CASES / 20;
    assert!(met.cases == CASES && met.two_scripts > CASES / 5 && filters, "{met:?}");
    assert!(met.vetoes > CASES / 20 && met.faults > CASES / 50, "{met:?}");
}

#[test]
fn every_call_that_can_be_aborted_agrees_with_the_oracle() {
    go_by_the_book(Kind::Aborts);
}

#[test]
fn every_call_whose_failure_is_ignored_or_kills_a_guest_agrees_with_the_oracle() {
    go_by_the_book(Kind::Late);
}

#[test]
fn every_chain_of_filters_agrees_with_the_oracle() {
    go_by_the_book(Kind::Filters);
}

#[test]
fn every_freeze_and_thaw_agrees_with_the_oracle() {
    go_by_the_book(Kind::Agent);
}
