//! The built binary, and everything that can go wrong around it. Each test has a root, and where it takes one a
//! namespace, of its own; the bounds on time are there to catch what hangs.
//!
//! What a trouble does to the guest is in `docs/safety.md`, with the test that shows it. By kind:
//!
//! | trouble | here | in `tests/hook` |
//! |---|---|---|
//! | fork bombs, no process left | `resources` | |
//! | descriptors closed, dupped, read by their writer | `outputs` | `children`, `odd` (the caller's) |
//! | writes after exit, a grandchild holds pipes | `outputs` | `children`, `filters` |
//! | fills stderr and hangs, never reads, never ends | `outputs` | `limits`, `children`, `filters` |
//! | stops itself, leaves its group, daemonises, ignores SIGTERM | `endings` | `limits` |
//! | replaced, deleted, a FIFO, noexec, set-uid, 0 bytes, links | `files` | `order`, `odd`, `answers` |
//! | ENOSPC, EMFILE, ENOMEM, EAGAIN, E2BIG, EFBIG | `resources`, `places` | `odd` (/dev/full) |
//! | no /proc, /dev, /run; a read-only root; another clock | `places` | `standalone` |
//! | hookmux killed, 1,000 times; never half a document | `killed` | `children`, `background` |
//! | another user's ACL, mask, link, lock | `other_users` | |
//! | memory | `memory` | |
//! | systemd refuses, hangs, lies, is gone | `scopes` | |
//! | thousands of scripts, or of guests | `scale` | |

mod documented;
mod endings;
mod files;
mod killed;
mod memory;
mod other_users;
mod outputs;
mod places;
mod resources;
mod scale;
mod scopes;
mod settings;
mod waiting;
