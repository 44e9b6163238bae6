//! Hosts with scripts of one kind. In: their number and kind. Out: a root. Does.

use std::fs;

use crate::caller::Tools;
use support::builder::Hooks;

/// The languages of scripts; each script exits 0 and does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Static,
    Shell,
    Python,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "static C",
            Self::Shell => "sh",
            Self::Python => "Python",
        }
    }

    /// Returns the script's content.
    pub fn script(self, tools: &Tools) -> Vec<u8> {
        match self {
            Self::Static => fs::read(tools.path("nothing")).unwrap(),
            Self::Shell => b"#!/bin/sh\nexit 0\n".to_vec(),
            Self::Python => b"#!/usr/bin/python3\npass\n".to_vec(),
        }
    }
}

/// Makes a root with the given number of scripts in hookmux's own directory.
pub fn hooks(tools: &Tools, scripts: usize, kind: Kind) -> Hooks {
    let mut hooks = Hooks::new();
    hooks.directory(&hooks.path("qemu.d"));
    let script = kind.script(tools);
    for at in 0..scripts {
        hooks = hooks.file(&format!("qemu.d/{at:04}-a"), 0o755, &script);
    }
    hooks
}
