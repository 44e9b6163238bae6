//! The calls that a plan is made for. In: one call, or a driver. Out: which names on disk belong to them. Pure.

use std::ffi::OsStr;

use crate::call::contract::{Order, Row};
use crate::call::drivers::{self, ArgLayout};
use crate::call::invocation::Invocation;
use crate::plan::guest::{self, Fit};

/// The calls that a plan is made for.
#[derive(Debug, Clone, Copy)]
pub enum Calls<'a> {
    /// One call.
    One(&'a Invocation),
    /// Every call that a driver's hook can get, as `hookmux list` and `hookmux check` show them.
    Every(&'a OsStr),
}

impl<'a> Calls<'a> {
    pub(crate) fn driver(self) -> &'a OsStr {
        match self {
            Self::One(call) => &call.driver,
            Self::Every(driver) => driver,
        }
    }

    /// Reports whether libvirt makes these calls, rather than the guest agent.
    pub(crate) fn are_libvirts(self) -> bool {
        drivers::driver(self.driver()).args == ArgLayout::Libvirt
    }

    pub(crate) fn order(self) -> Order {
        match self {
            Self::One(call) => call.row.order,
            Self::Every(_) => Order::Forward,
        }
    }

    /// Reports whether the directory `name` belongs to a guest of these calls, and how its name fits.
    pub(crate) fn guest(self, name: &OsStr) -> Option<Fit> {
        match self {
            Self::One(call) => guest::fits(name, &call.object),
            Self::Every(_) => Some(Fit::Exact),
        }
    }

    /// Reports whether a guest's directory `name` belongs to an operation of these calls, by its newer or older name.
    pub(crate) fn operation(self, name: &OsStr) -> bool {
        match self {
            Self::One(Invocation { operation, row, .. }) => name == operation || Row::is_called(row, name),
            Self::Every(_) => true,
        }
    }

    /// Reports whether an operation's entry `name` belongs to a sub-operation of these calls.
    pub(crate) fn sub_operation(self, name: &OsStr) -> bool {
        match self {
            Self::One(call) => name == call.sub_operation,
            Self::Every(_) => true,
        }
    }
}
