//! The Ansible role in deploy/ansible: ansible-playbook on clean systems of Debian 12 and 13, and ansible-lint. In: the role, the
//! packages (`make packages`) and the roots (tests/packages/roots). Does: needs root.

#[path = "../packages/built.rs"]
mod built;
mod host;

mod lint;
mod role;
